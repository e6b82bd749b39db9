"""The state of a training: what rewinding restores, what resuming reloads, and the proof that it was."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from lthkit.atomic import replacing
from lthkit.errors import LthkitError

Tensors = dict[str, Tensor]
_FACTS = "lthkit"


@dataclass(frozen=True)
class Point:
    """One moment of a training, detached from the live tensors (CPU copies).

    Attributes:
        step: steps done; 0 is the start.
        modules: the whole state dict of ``Task.modules``.
        momentum: the optimiser's momentum by parameter name; empty for a fresh optimiser.
        digests: SHA-256 of each tensor when the point was made, against which ``prove`` checks.
    """

    step: int
    modules: Tensors
    momentum: Tensors
    digests: dict[str, str]


@dataclass(frozen=True)
class Snapshot:
    """A training that stopped in the middle or at its end: enough to go on to the same bits.

    Attributes:
        point: where it stands.
        rows: the evaluations so far, by column.
        best: the state at the best evaluation so far, if it is kept.
        losses: sum and number of the training losses since the last evaluation.
        seconds: time spent so far.
    """

    point: Point
    rows: list[dict[str, float]] = field(default_factory=list)
    best: Tensors | None = None
    losses: tuple[float, int] = (0.0, 0)
    seconds: float = 0.0


def make_point(step: int, modules: Tensors, momentum: Tensors | None = None) -> Point:
    """The moment ``step`` with these tensors, which must not be shared with live ones."""
    momentum = momentum or {}
    return Point(step, modules, momentum, digests(modules) | digests(_prefixed(momentum)))


def copy_state(modules: nn.Module) -> Tensors:
    """The state dict as CPU copies in logical order; nothing is shared with the live tensors."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in modules.state_dict().items()}


def capture(step: int, modules: nn.Module, optimizer: Optimizer) -> Point:
    """The present moment as a ``Point``; inverse of ``restore``."""
    momentum = {
        name: optimizer.state[parameter]["momentum_buffer"].detach().to("cpu", copy=True).contiguous()
        for name, parameter in modules.named_parameters()
        if optimizer.state.get(parameter, {}).get("momentum_buffer") is not None
    }
    return make_point(step, copy_state(modules), momentum)


def restore(point: Point, modules: nn.Module, optimizer: Optimizer) -> None:
    """Put modules and optimiser into the state of ``point``, keeping devices and memory formats."""
    modules.load_state_dict(point.modules, strict=True)
    optimizer.state.clear()
    for name, parameter in modules.named_parameters():
        if name in point.momentum:
            # the parameter's own memory format, or the optimiser takes another code path with other rounding
            buffer = torch.empty_like(parameter, requires_grad=False)
            optimizer.state[parameter]["momentum_buffer"] = buffer.copy_(point.momentum[name])


def prove(point: Point, modules: nn.Module, optimizer: Optimizer, masks: Mapping[str, Tensor]) -> None:
    """Prove by hash that the live state is that of ``point`` under ``masks``: weights, BatchNorm, heads, momentum.

    The hashes are those taken when the point was made, so a stored copy that was trained along is found too.

    Args:
        point: what was restored.
        modules: the live modules.
        optimizer: the live optimiser.
        masks: by name in ``modules``; what they remove must be zero.

    Raises:
        RuntimeError: naming the first tensor that is not what it was.
    """
    live = capture(point.step, modules, optimizer)
    stored = point.modules | _prefixed(point.momentum)
    for name, tensor in (live.modules | _prefixed(live.momentum)).items():
        if name not in point.digests:
            raise RuntimeError(f"rewinding left '{name}' behind, which the point rewound to does not have")
        expected = point.digests[name]
        if name in masks:
            if _digest(stored[name]) != expected:
                raise RuntimeError(f"the stored copy of '{name}' has changed since it was made")
            expected = _digest(stored[name].masked_fill(~masks[name].cpu(), 0))
        if _digest(tensor) != expected:
            raise RuntimeError(f"rewinding did not restore '{name}'")
    if missing := point.digests.keys() - live.digests.keys():
        raise RuntimeError(f"rewinding did not restore '{min(missing)}'")


def _prefixed(momentum: Mapping[str, Tensor]) -> Tensors:
    return {f"momentum of {name}": tensor for name, tensor in momentum.items()}


def digests(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """SHA-256 of each tensor's dtype, shape and bits in logical order."""
    return {name: _digest(tensor) for name, tensor in tensors.items()}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """One SHA-256 over all of ``digests``."""
    return hashlib.sha256(json.dumps(digests(tensors), sort_keys=True).encode()).hexdigest()


def _digest(tensor: Tensor) -> str:
    flat = tensor.detach().cpu().contiguous()
    total = hashlib.sha256(f"{flat.dtype}{tuple(flat.shape)}".encode())
    total.update(flat.view(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def write_snapshot(path: Path, snapshot: Snapshot, header: Mapping[str, str | int]) -> None:
    """Write beside and rename, so that ``path`` is always a whole snapshot; synced to disk.

    Args:
        path: the file.
        snapshot: what to keep.
        header: what it belongs to (round, configuration's hash), returned by ``read_snapshot``.
    """
    parts = {"modules": snapshot.point.modules, "momentum": snapshot.point.momentum, "best": snapshot.best or {}}
    facts = {
        "header": dict(header),
        "step": snapshot.point.step,
        "rows": snapshot.rows,
        "losses": snapshot.losses,
        "seconds": snapshot.seconds,
        "best": snapshot.best is not None,
        "digests": snapshot.point.digests,
    }
    tensors = {f"{part}/{name}": tensor for part, group in parts.items() for name, tensor in group.items()}
    write_tensors(path, tensors, facts)


def read_snapshot(path: Path) -> tuple[Snapshot, dict[str, str | int]]:
    """The snapshot and its header.

    Raises:
        LthkitError: if the file is not one that ``write_snapshot`` wrote.
    """
    tensors, facts = read_tensors(path)
    if "header" not in facts:
        raise LthkitError(f"{path} is not a training state; delete it to do the round again")
    parts: dict[str, Tensors] = {"modules": {}, "momentum": {}, "best": {}}
    for name, tensor in tensors.items():
        part, _, key = name.partition("/")
        parts[part][key] = tensor
    point = make_point(facts["step"], parts["modules"], parts["momentum"])
    if point.digests != facts["digests"]:
        raise LthkitError(f"{path} is damaged (its SHA-256 do not fit); delete it to do the round again")
    best = parts["best"] if facts["best"] else None
    return Snapshot(point, facts["rows"], best, tuple(facts["losses"]), facts["seconds"]), facts["header"]


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Safetensors with JSON-ready ``facts``, written beside ``path``, synced and renamed: same content, same bytes.

    Raises:
        LthkitError: if the disk refuses.
    """
    mend = "what was committed before is intact: free space or allow writing, then run the same search again"
    with replacing(path, mend) as temporary:
        try:
            # one key only: safetensors writes several in an order that changes from run to run
            save_file(dict(tensors), temporary, {_FACTS: json.dumps(facts, sort_keys=True)})
        except SafetensorError as error:
            raise OSError(str(error)) from None


def read_tensors(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """All tensors of a safetensors file, and the facts that ``write_tensors`` was given.

    Raises:
        LthkitError: if it is not a whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get(_FACTS, "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise LthkitError(f"{path} cannot be read ({error}); restore it, or delete it to do the work again") from None
