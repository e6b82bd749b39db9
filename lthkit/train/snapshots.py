"""The file of a training that stopped: written by the loop's ``save``, read to go on to the same bits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from lthkit.errors import LthkitError
from lthkit.train.optimizer_state import OptimizerState
from lthkit.train.state import Point, Snapshot
from lthkit.train.tensors import Tensors, load_hashed, load_tensors, save_tensors, sha256_by_name

Value = TypeVar("Value")
_OPTIMIZER = "optimizer/"  # as in a point's digests


def write_snapshot(path: str | Path, snapshot: Snapshot, header: Mapping[str, str | int]) -> None:
    """Write beside and rename, so that ``path`` is always a whole snapshot; synced to disk.

    Args:
        path: the file.
        snapshot: what to keep.
        header: what it belongs to (round, configuration's hash), returned by ``read_snapshot``.

    Raises:
        LthkitError: if the disk refuses.
    """
    point, best = snapshot.point, snapshot.best
    facts = {
        "header": dict(header),
        "step": point.step,
        "optimizer": point.optimizer and point.optimizer.facts,
        "rows": snapshot.rows,
        "losses": snapshot.losses,
        "seconds": snapshot.seconds,
        "best": best is not None,
    }
    tensors = _prefixed("modules/", point.modules) | _prefixed("best/", best or {})
    hashes = _prefixed("modules/", {name: point.digests[name] for name in point.modules})
    hashes |= _prefixed("best/", sha256_by_name(best or {}))
    if point.optimizer:
        kept = _prefixed(_OPTIMIZER, point.optimizer.tensors)
        tensors, hashes = tensors | kept, hashes | {name: point.digests[name] for name in kept}
    save_tensors(path, tensors, facts, hashes)


def read_snapshot(path: str | Path) -> tuple[Snapshot, dict[str, str | int]]:
    """The snapshot and its header.

    Raises:
        LthkitError: if the file is not one that ``write_snapshot`` wrote, or one bit of it has changed.
    """
    tensors, facts, hashes = load_hashed(path)
    if "header" not in facts:
        raise LthkitError(f"{path} is not a training state; delete it to do the round again")
    optimizer, digests = None, _part("modules/", hashes)
    if facts["optimizer"] is not None:
        optimizer = OptimizerState(_part(_OPTIMIZER, tensors), facts["optimizer"])
        digests |= optimizer.hashes(_part(_OPTIMIZER, hashes))
    point = Point(facts["step"], _part("modules/", tensors), optimizer, digests)
    best = _part("best/", tensors) if facts["best"] else None
    return Snapshot(point, facts["rows"], best, tuple(facts["losses"]), facts["seconds"]), facts["header"]


def read_modules(path: str | Path) -> tuple[Tensors, dict[str, Any]]:
    """State dict of ``Task.modules`` and header of a snapshot, also of an older version that cannot be resumed.

    Raises:
        LthkitError: as ``read_snapshot``.
    """
    tensors, facts = load_tensors(path)
    return _part("modules/", tensors), facts.get("header", {})


def _prefixed(prefix: str, values: Mapping[str, Value]) -> dict[str, Value]:
    return {prefix + name: value for name, value in values.items()}


def _part(prefix: str, values: Mapping[str, Value]) -> dict[str, Value]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
