"""The file of a training that stopped: written by the loop's ``save``, read to go on to the same bits."""

from collections.abc import Mapping
from pathlib import Path

from lthkit.errors import LthkitError
from lthkit.train.state import Snapshot, make_point
from lthkit.train.tensors import Tensors, load_hashed, load_tensors, save_tensors

_PARTS = ("modules", "momentum", "best")


def write_snapshot(path: Path, snapshot: Snapshot, header: Mapping[str, str | int]) -> None:
    """Write beside and rename, so that ``path`` is always a whole snapshot; synced to disk.

    Args:
        path: the file.
        snapshot: what to keep.
        header: what it belongs to (round, configuration's hash), returned by ``read_snapshot``.

    Raises:
        LthkitError: if the disk refuses.
    """
    point, best = snapshot.point, snapshot.best or {}
    facts = {
        "header": dict(header),
        "step": point.step,
        "rows": snapshot.rows,
        "losses": snapshot.losses,
        "seconds": snapshot.seconds,
        "best": snapshot.best is not None,
        "digests": point.digests,
    }
    parts = {"modules": point.modules, "momentum": point.momentum, "best": best}
    tensors = {f"{part}/{name}": tensor for part, group in parts.items() for name, tensor in group.items()}
    save_tensors(path, tensors, facts)


def read_snapshot(path: Path) -> tuple[Snapshot, dict[str, str | int]]:
    """The snapshot and its header.

    Raises:
        LthkitError: if the file is not one that ``write_snapshot`` wrote, or one bit of it has changed.
    """
    tensors, facts, _ = load_hashed(path)
    if "header" not in facts:
        raise LthkitError(f"{path} is not a training state; delete it to do the round again")
    parts: dict[str, Tensors] = {part: {} for part in _PARTS}
    for name, tensor in tensors.items():
        part, _, key = name.partition("/")
        parts[part][key] = tensor
    point = make_point(facts["step"], parts["modules"], parts["momentum"])
    if point.digests != facts["digests"]:
        raise LthkitError(f"{path} is damaged (its SHA-256 do not fit); delete it to do the round again")
    best = parts["best"] if facts["best"] else None
    return Snapshot(point, facts["rows"], best, tuple(facts["losses"]), facts["seconds"]), facts["header"]


def read_modules(path: Path) -> Tensors:
    """The state dict of ``Task.modules`` in a snapshot of this or an older version, whose training cannot be resumed.

    Raises:
        LthkitError: as ``read_snapshot``.
    """
    tensors, _ = load_tensors(path)
    return {name.removeprefix("modules/"): tensor for name, tensor in tensors.items() if name.startswith("modules/")}
