"""The weights that a search keeps beside its store, and the network's part of them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from torch import Tensor

from lthkit.errors import LthkitError
from lthkit.models.prefix import choose_prefix
from lthkit.search import rewind_file, start_file, trained_file
from lthkit.store import Store
from lthkit.train import load_tensors, read_modules

Which = Literal["start", "best", "last", "rewind"]
_USUAL = ("", "network.")  # a task's modules are the network itself, or hold it under this name


def network_weights(
    store: Store, round: int, weights: Which = "start", prefix: str | None = None
) -> tuple[dict[str, Tensor], str]:
    """The network's whole state by plain names, CPU tensors, and the prefix that the names had.

    The prefix is the one under which every prunable parameter of the store is there by name and shape: none, else
    ``network.``, else the one that fits (``models.prefix``). Tensors outside it (heads of a task, other encoders)
    are no part of the network.

    Raises:
        LthkitError: if these weights are not kept, not this search's, or do not hold the store's network.
    """
    if weights not in get_args(Which):
        raise LthkitError(f"there are no weights '{weights}'; choose one of {', '.join(get_args(Which))}")
    path = _file(store.path, round, weights)
    if not path.is_file():
        of_round = f" of round {round}" if weights in ("best", "last") else ""
        raise LthkitError(
            f"{store.path} keeps no weights '{weights}'{of_round}; it keeps {_kept(store.path)} (see keep_weights)"
        )
    state = _read(store, path, round, weights)
    prefix = _prefix(state, store.parameters, prefix, path)
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}, prefix


def _file(store: Path, round: int, weights: Which) -> Path:
    if weights == "start":
        return start_file(store)
    return rewind_file(store) if weights == "rewind" else trained_file(store, round, weights)


def _kept(store: Path) -> str:
    """What there is, in words."""
    kept = [name for name, path in (("start", start_file(store)), ("rewind", rewind_file(store))) if path.is_file()]
    for path in sorted(start_file(store).parent.glob("round-*.safetensors")):
        found = re.fullmatch(r"round-(\d+)-(best|last)", path.stem)
        if found:
            kept.append(f"{found[2]} of round {int(found[1])}")
    return ", ".join(kept) or "none"


def _read(store: Store, path: Path, round: int, weights: Which) -> dict[str, Tensor]:
    if weights == "rewind":
        return read_modules(path)
    state, facts = load_tensors(path)
    if weights == "start":
        ours = facts.get("sha256") == store.provenance.get("start_sha256")
    else:
        ours = (facts.get("round"), facts.get("config_sha256")) == (round, store.config_sha256)
    if not ours:
        raise LthkitError(f"{path} does not hold the weights of {store.path}; restore the file that belongs to it")
    return state


def _prefix(
    state: Mapping[str, Tensor], parameters: Mapping[str, tuple[int, ...]], stated: str | None, path: Path
) -> str:
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}

    def fits(prefix: str) -> bool:
        return all(shapes.get(prefix + name) == shape for name, shape in parameters.items())

    if stated is None:
        for prefix in _USUAL:
            if fits(prefix):
                return prefix
    prefix = choose_prefix(shapes, parameters, stated, str(path))
    if not fits(prefix):
        lost = next(name for name, shape in parameters.items() if shapes.get(prefix + name) != shape)
        raise LthkitError(f"{path} does not hold '{lost}' under '{prefix}'; restore the file or state another prefix")
    return prefix
