"""What a trained subnetwork says of single images, and how well it does on each class."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from torch import Tensor

from lthkit import masks as masking
from lthkit.catalog import Catalog
from lthkit.errors import LthkitError
from lthkit.search.config import SearchConfig
from lthkit.search.kept import config_of, kept_state
from lthkit.search.prepare import remake_task
from lthkit.search.result import read_result
from lthkit.store import Store, StoreLike, as_store
from lthkit.store.beside import trained_file
from lthkit.tasks import Task
from lthkit.train import load_tensors, machine


def predict(
    what: StoreLike, *, round: int | None = None, split: str = "test", count: int = 4, catalog: Catalog | None = None
) -> xr.Dataset:
    """The first images of a split, what is on them, and what a trained subnetwork finds there.

    Args:
        what: a search (store or path), or the file of a single training's result whose weights were kept
            (``keep_weights``).
        round: of a search; the last whose trained weights are kept by default.
        split: ``test`` or ``validation``.
        count: of images.
        catalog: found from the current folder by default.

    Returns:
        As ``plots.predictions`` takes it: ``image`` and, of detection, boxes or, of segmentation, masks.

    Raises:
        LthkitError: if the weights are not kept, the samples are others, or the task predicts nothing that can be
            drawn.
    """
    trained = _trained(what, round)
    task = _loaded(trained, catalog)
    found = getattr(task, "predictions", None)
    if found is None:
        raise LthkitError(
            f"task '{trained.config.task.name}' has no predictions to draw; take a search of detection or segmentation"
        )
    with machine.settings(trained.config.plan), machine.scoring(trained.config.plan, task.modules):
        return found(split, count).assign_attrs(split=split, **trained.said)


def score_per_class(
    what: StoreLike, *, round: int | None = None, split: str = "test", catalog: Catalog | None = None
) -> xr.DataArray:
    """The score of each class: AP50 of detection, IoU of segmentation. Arguments and errors as ``predict``.

    Returns:
        By ``class``, named as the score; NaN where a class has none.
    """
    trained = _trained(what, round)
    task = _loaded(trained, catalog)
    if not hasattr(task, "per_class"):
        raise LthkitError(
            f"task '{trained.config.task.name}' has no score for each class; take a search of detection or segmentation"
        )
    with machine.settings(trained.config.plan), machine.scoring(trained.config.plan, task.modules):
        name, scores = task.per_class(split)
    said = {"split": split, "test_share": trained.config.data.test_share} | trained.said
    return xr.DataArray(np.array(list(scores.values())), {"class": list(scores)}, ("class",), name, said)


@dataclass(frozen=True, eq=False)
class _Trained:
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


def _trained(what: StoreLike, round: int | None) -> _Trained:
    if isinstance(what, str | Path) and Path(what).suffix == ".json":
        return _of_result(Path(what))
    store = as_store(what)
    config = config_of(store)
    chosen = _last_kept(store) if round is None else round
    state = kept_state(store, chosen, _which(config)).state
    said = {
        "store": store.path.name,
        "round": chosen,
        "sparsity": masking.sparsity(masking.as_tensors(store.masks(chosen))),
    }
    return _Trained(config, state, store.provenance.get("data_sha256"), said)


def _which(config: SearchConfig) -> Literal["best", "last"]:
    return "best" if config.plan.selection == "validation" else "last"


def _last_kept(store: Store) -> int:
    kept = [at for at in range(store.first_round, store.scored) if trained_file(store, at, "last").is_file()]
    return max(kept, default=store.first_round)


def _of_result(path: Path) -> _Trained:
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
    return _Trained(config, state, result["data_sha256"], said)


def _loaded(trained: _Trained, catalog: Catalog | None) -> Task:
    """The task with the trained weights, on the samples of the training."""
    task = remake_task(trained.config, trained.data_sha256, trained.said["store"], catalog)
    task.modules.load_state_dict(trained.state)
    return task
