"""Which weights of a network may be pruned: decided by the type of a module, never by its name."""

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear
from torch.nn.parameter import is_lazy

from lthkit.errors import LthkitError
from lthkit.models.spec import ModelSpec

CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def prunable(
    model: nn.Module, *, first: bool = False, linear: bool = False, head: bool = False
) -> dict[str, tuple[int, ...]]:
    """The manifest of prunable weights: name in the plain model → shape, in order of registration.

    Prunable are the weights of all convolutions (1×1 shortcuts too) but the first (Chen et al. 2021, §3); with
    ``linear`` also those of linear layers and the query, key and value projections of ``nn.MultiheadAttention``,
    which are linear layers that torch keeps as ``in_proj_weight``; with ``head`` the head's layers (see
    `head_names`), whatever their type. Never: biases, norm layers and embeddings. A weight that modules share is
    listed once, by its first name.

    Args:
        model: any module, also wrapped by ``torch.compile`` or ``DataParallel``.
        first: the first registered convolution may be pruned as well (Mehta 2019).
        linear: linear layers may be pruned as well. A network without convolutions has no first layer to spare.
        head: the head may be pruned as well (Frankle and Carbin 2019 prune the output layer of 784-300-100-10).

    Raises:
        LthkitError: nothing is prunable, or a weight is not a plain parameter (pruned or parametrized by torch).
    """
    model = plain(model)
    heads = head_names(model)
    spared = _spared(model, () if head else heads, first)
    manifest: dict[str, tuple[int, ...]] = {}
    for module_name, module in model.named_modules():
        in_head = head and in_modules(f"{plain_name(module_name)}.", heads)
        for weight_name in _weight_names(module, linear or in_head):
            name = plain_name(f"{module_name}.{weight_name}".removeprefix("."))
            weight = _weight(module, weight_name, name)
            if id(weight) not in spared:
                spared.add(id(weight))
                manifest[name] = tuple(weight.shape)
    if not manifest:
        kind = type(model).__name__
        raise LthkitError(
            f"nothing to prune in {kind}: it has no convolution besides the first and the head; "
            "set prune_first, prune_linear or prune_head"
        )
    return manifest


def prunable_of(model: nn.Module, spec: ModelSpec) -> dict[str, tuple[int, ...]]:
    """`prunable` with the switches of ``spec``: what a search of that network prunes."""
    return prunable(model, first=spec.prune_first, linear=spec.prune_linear, head=spec.prune_head)


def head_names(model: nn.Module) -> tuple[str, ...]:
    """Names of the modules that are the task's head: pruned only on request, drawn anew for another number of classes.

    Those that the model lists in its attribute ``head_names`` (``()``: it has none; `build` puts ``ModelSpec.heads``
    there), else the last registered ``nn.Linear`` (the output projection of an attention layer is not a head), else
    none.

    Raises:
        LthkitError: a listed name is not a module of the model.
    """
    model = plain(model)
    modules = {plain_name(name): module for name, module in model.named_modules()}
    listed = getattr(model, "head_names", None)
    if listed is None:
        linears = [name for name, module in modules.items() if _may_be_head(module)]
        return tuple(linears[-1:])
    if isinstance(listed, str) or not all(name in modules for name in listed):
        raise LthkitError(
            f"head_names of {type(model).__name__} is {listed!r}; make it a tuple of names of its modules"
        )
    return tuple(listed)


def plain(model: nn.Module) -> nn.Module:
    """The model inside ``torch.compile``, ``DataParallel`` and ``DistributedDataParallel``."""
    while True:
        if "_orig_mod" in model._modules:  # by name: importing torch._dynamo for its type takes long
            model = model.get_submodule("_orig_mod")
        elif isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        else:
            return model


def plain_name(name: str) -> str:
    """A module's or tensor's name as it is without ``torch.compile``."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def first_convolution(model: nn.Module) -> str | None:
    """Name of the first registered convolution, None if there is none."""
    for name, module in plain(model).named_modules():
        if isinstance(module, CONVOLUTIONS):
            return plain_name(name)
    return None


def in_modules(name: str, modules: tuple[str, ...]) -> bool:
    """Whether the tensor ``name`` belongs to one of the modules or their children."""
    return any(not module or name.startswith(f"{module}.") for module in modules)


def _spared(model: nn.Module, heads: tuple[str, ...], first: bool) -> set[int]:
    spared = {id(weight) for name in heads for weight in model.get_submodule(name).parameters()}
    name = first_convolution(model)
    if name is not None and not first:
        spared |= {id(weight) for weight in model.get_submodule(name).parameters()}
    return spared


def _weight_names(module: nn.Module, linear: bool) -> Iterator[str]:
    if isinstance(module, CONVOLUTIONS) or (linear and isinstance(module, nn.Linear)):
        yield "weight"
    if linear and isinstance(module, nn.MultiheadAttention):
        names = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
        yield from (name for name in names if getattr(module, name) is not None)


def _weight(module: nn.Module, weight_name: str, name: str) -> nn.Parameter:
    weight = module._parameters.get(weight_name)
    if weight is None:
        raise LthkitError(
            f"'{name}' is not a plain parameter; make torch's own pruning or parametrization permanent first "
            "(torch.nn.utils.prune.remove, torch.nn.utils.parametrize.remove_parametrizations)"
        )
    if is_lazy(weight):
        raise LthkitError(f"'{name}' has no shape yet; pass one batch through the lazy model first")
    return weight


def _may_be_head(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and not isinstance(module, NonDynamicallyQuantizableLinear)
