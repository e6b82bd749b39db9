"""A trained subnetwork as it was kept, and its task again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from lthkit import masks as masking
from lthkit.catalog import Catalog
from lthkit.errors import LthkitError
from lthkit.search.config import SearchConfig
from lthkit.search.kept import Kept, config_of, kept_state
from lthkit.search.prepare import remake_task
from lthkit.search.result import read_result
from lthkit.store import Store, StoreLike, as_store
from lthkit.store.beside import trained_file
from lthkit.tasks import Task
from lthkit.train import load_tensors


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained subnetwork as it was kept.

    Attributes:
        config: of the training.
        state: of all modules, at the best evaluation or, without selection, at the end.
        data_sha256: of its samples; None where it was not noted.
        said: ``store`` (its name), ``round`` and ``sparsity``.
    """

    config: SearchConfig
    state: dict[str, Tensor]
    data_sha256: str | None
    said: dict[str, Any]


def find_trained(what: StoreLike, round: int | None = None, which: Kept | None = None) -> Trained:
    """The weights of a search's round, or of a single training's result.

    Args:
        what: a search (store or path), or the file of a result whose weights were kept.
        round: of a search; the last whose trained weights are kept by default.
        which: of a search's weights; those trained in the round by default.

    Raises:
        LthkitError: if the weights are not kept.
    """
    if isinstance(what, str | Path) and Path(what).suffix == ".json":
        return _of_result(Path(what))
    store = as_store(what)
    config = config_of(store)
    chosen = _last_kept(store) if round is None else round
    state = kept_state(store, chosen, which or _which(config)).state
    said = {
        "store": store.path.name,
        "round": chosen,
        "sparsity": masking.sparsity(masking.as_tensors(store.masks(chosen))),
    }
    return Trained(config, state, store.provenance.get("data_sha256"), said)


def _which(config: SearchConfig) -> Literal["best", "last"]:
    return "best" if config.plan.selection == "validation" else "last"


def _last_kept(store: Store) -> int:
    kept = [at for at in range(store.first_round, store.scored) if trained_file(store, at, "last").is_file()]
    return max(kept, default=store.first_round)


def _of_result(path: Path) -> Trained:
    result = read_result(path)
    config = SearchConfig.parse(result["config"], f"configuration of {path}")
    round, which = int(result["labels"]["round"]), _which(config)
    file = trained_file(path, round, which)
    if not file.is_file():
        raise LthkitError(f"{path} was trained without keeping its weights; train it again with keep_weights 'ends'")
    state, header = load_tensors(file)
    if header.get("config_sha256") != result["config_sha256"] or header.get("which") != which:
        raise LthkitError(f"{file} does not hold the weights of {path}; restore the file that belongs to it")
    said = {"store": path.name, "round": round, "sparsity": float(result["summary"]["sparsity"])}
    return Trained(config, state, result["data_sha256"], said)


def loaded_task(trained: Trained, catalog: Catalog | None = None) -> Task:
    """The task with the trained weights, on the samples of the training.

    Raises:
        LthkitError: if the samples are others.
    """
    task = remake_task(trained.config, trained.data_sha256, trained.said["store"], catalog)
    task.modules.load_state_dict(trained.state)
    return task
