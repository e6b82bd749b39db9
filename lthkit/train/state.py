"""The state of a training: what rewinding restores, what resuming reloads, and the proof that it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lthkit.train.tensors import Tensors, sha256_by_name, tensor_sha256


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
    return Point(step, modules, momentum, sha256_by_name(modules) | sha256_by_name(_prefixed(momentum)))


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
            if tensor_sha256(stored[name]) != expected:
                raise RuntimeError(f"the stored copy of '{name}' has changed since it was made")
            expected = tensor_sha256(stored[name].masked_fill(~masks[name].cpu(), 0))
        if tensor_sha256(tensor) != expected:
            raise RuntimeError(f"rewinding did not restore '{name}'")
    if missing := point.digests.keys() - live.digests.keys():
        raise RuntimeError(f"rewinding did not restore '{min(missing)}'")


def _prefixed(momentum: Mapping[str, Tensor]) -> Tensors:
    return {f"momentum of {name}": tensor for name, tensor in momentum.items()}
