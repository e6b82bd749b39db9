"""The weights that a search keeps beside its store, and the network's part of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from torch import Tensor

from lthkit.errors import LthkitError
from lthkit.search.config import SearchConfig
from lthkit.store import Store, StoreLike, as_store, beside
from lthkit.tasks import network_state
from lthkit.train import load_tensors, read_modules, tensors_sha256

Kept = Literal["start", "best", "last", "rewind"]


@dataclass(frozen=True)
class KeptState:
    """What a search kept of one moment.

    Attributes:
        state: the whole state of ``Task.modules``.
        address: where the network lies in it.
    """

    state: dict[str, Tensor]
    address: str

    @property
    def network(self) -> dict[str, Tensor]:
        """The network's own state by plain names."""
        return network_state(self.state, self.address)


def config_of(store: StoreLike) -> SearchConfig:
    """The configuration of the search that made the store.

    Raises:
        LthkitError: if it was imported and so has none.
    """
    store = as_store(store)
    if "imported" in store.config:
        raise LthkitError(f"{store.path} was imported and has no network or weights of its own; name a search")
    return SearchConfig.parse(store.config, f"configuration of {store.path}")


def kept_state(store: StoreLike, round: int, which: Kept = "start") -> KeptState:
    """What the search kept: the ``start``, what it ``rewind``s to, or what round ``round`` trained.

    Raises:
        LthkitError: if these weights are not kept, damaged or another search's.
    """
    if which not in get_args(Kept):
        raise LthkitError(f"there are no weights '{which}'; choose one of {', '.join(get_args(Kept))}")
    store = as_store(store)
    path = _file(store.path, round, which)
    if not path.is_file():
        of_round = f" of round {round}" if which in ("best", "last") else ""
        raise LthkitError(
            f"{store.path} keeps no weights '{which}'{of_round}; it keeps {_there(store.path)} (see keep_weights)"
        )
    state, facts = _read(path, which)
    if not _belongs(store, state, facts, round, which):
        raise LthkitError(f"{path} does not hold the weights of {store.path}; restore the file that belongs to it")
    return KeptState(state, _address(facts, state, store, path))


def _file(store: Path, round: int, which: Kept) -> Path:
    if which == "start":
        return beside.start_file(store)
    return beside.rewind_file(store) if which == "rewind" else beside.trained_file(store, round, which)


def _there(store: Path) -> str:
    """What there is, in words."""
    kept = [name for name in ("start", "rewind") if _file(store, 0, name).is_file()]  # type: ignore[arg-type]
    for path in sorted(beside.start_file(store).parent.glob("round-*.safetensors")):
        found = re.fullmatch(r"round-(\d+)-(best|last)", path.stem)
        if found:
            kept.append(f"{found[2]} of round {int(found[1])}")
    return ", ".join(kept) or "none"


def _read(path: Path, which: Kept) -> tuple[dict[str, Tensor], dict[str, Any]]:
    return read_modules(path) if which == "rewind" else load_tensors(path)


def _belongs(store: Store, state: dict[str, Tensor], facts: dict[str, Any], round: int, which: Kept) -> bool:
    """By the search's identity; files that belong to a store of schema 1 may say less."""
    trained = which in ("best", "last")
    if which == "start" and tensors_sha256(state) != store.provenance.get("start_sha256"):
        return False
    if trained and facts.get("round") != round:
        return False
    if store.identity is not None:
        return facts.get("search") == store.identity and (not trained or facts.get("which") == which)
    known = facts.get("config_sha256")
    return not (known or trained) or known in (store.config_sha256, config_of(store).fingerprint())


def _address(facts: dict[str, Any], state: Mapping[str, Tensor], store: Store, path: Path) -> str:
    if "network" in facts:
        return str(facts["network"])
    # schema 1 did not record it: the network, whole, under no name or under the usual one
    for address in ("", "network."):
        if all(
            address + name in state and tuple(state[address + name].shape) == shape
            for name, shape in store.parameters.items()
        ):
            return address
    raise LthkitError(f"{path} does not say where its network lies; search again, or export with an older version")
