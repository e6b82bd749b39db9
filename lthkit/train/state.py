"""The state of a training: what rewinding restores, what resuming reloads, and the proof that it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor, nn
from torch.optim import Optimizer

from lthkit.train.optimizer_state import OptimizerState, capture_optimizer, restore_optimizer
from lthkit.train.tensors import Hashes, Tensors, sha256_by_name, tensor_sha256


@dataclass(frozen=True)
class Point:
    """One moment of a training, detached from the live tensors (CPU copies).

    Attributes:
        step: steps done; 0 is the start.
        modules: the whole state dict of ``Task.modules``.
        optimizer: the optimiser's whole state; None stands for that of a fresh optimiser.
        digests: SHA-256 of each tensor of the modules and of what the optimiser keeps, taken when the point was made;
            ``prove`` checks against them.
    """

    step: int
    modules: Tensors
    optimizer: OptimizerState | None
    digests: Hashes


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


def make_point(step: int, modules: Tensors, optimizer: OptimizerState | None = None) -> Point:
    """The moment ``step`` with these tensors, which must not be shared with live ones."""
    return Point(step, modules, optimizer, sha256_by_name(modules) | (optimizer.hashes() if optimizer else {}))


def copy_state(modules: nn.Module) -> Tensors:
    """The state dict as CPU copies in logical order; nothing is shared with the live tensors."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in modules.state_dict().items()}


def capture(step: int, modules: nn.Module, optimizer: Optimizer) -> Point:
    """The present moment as a ``Point``; inverse of ``restore``."""
    return make_point(step, copy_state(modules), capture_optimizer(optimizer, modules))


def with_fresh_optimizer(point: Point, modules: nn.Module, optimizer: Optimizer) -> Point:
    """The point with the state that ``optimizer``, just made, begins at, if the point has none of its own."""
    if point.optimizer is not None:
        return point
    fresh = capture_optimizer(optimizer, modules)
    return replace(point, optimizer=fresh, digests=point.digests | fresh.hashes())


def restore(point: Point, modules: nn.Module, optimizer: Optimizer) -> None:
    """Put modules and optimiser into the state of ``point``, keeping devices and memory formats."""
    modules.load_state_dict(point.modules, strict=True)
    if point.optimizer is not None:
        restore_optimizer(point.optimizer, optimizer, modules)


def prove(point: Point, modules: nn.Module, optimizer: Optimizer, masks: Mapping[str, Tensor]) -> None:
    """Prove by hash that the live state is that of ``point`` under ``masks``: weights, BatchNorm, heads, optimiser.

    The hashes are those taken when the point was made, so a stored copy that was trained along is found too.

    Args:
        point: what was restored.
        modules: the live modules.
        optimizer: the live optimiser.
        masks: by name in ``modules``; what they remove must be zero.

    Raises:
        RuntimeError: naming the first tensor, or part of the optimiser's state, that is not what it was.
    """
    live = capture(point.step, modules, optimizer).digests
    if missing := sorted(point.digests.keys() - live.keys()):
        raise RuntimeError(f"rewinding did not restore '{missing[0]}'")
    for name, found in live.items():
        if name not in point.digests:
            raise RuntimeError(f"rewinding left '{name}' behind, which the point rewound to does not have")
        expected = point.digests[name]
        if name in masks:
            if tensor_sha256(point.modules[name]) != expected:
                raise RuntimeError(f"the stored copy of '{name}' has changed since it was made")
            expected = tensor_sha256(point.modules[name].masked_fill(~masks[name].cpu(), 0))
        if found != expected:
            raise RuntimeError(f"rewinding did not restore '{name}'")
