"""Starting weights from a checkpoint (θp): loaded as data, matched exactly, reported."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lthkit.catalog import Catalog
from lthkit.errors import LthkitError
from lthkit.models.files import Checkpoint, Place, locate, read_checkpoint
from lthkit.models.layouts import in_torchvision_names
from lthkit.models.prefix import choose_prefix
from lthkit.models.prunable import first_convolution, head_names, in_modules, plain, plain_name
from lthkit.models.spec import ModelSpec


@dataclass(frozen=True)
class LoadReport:
    """What a checkpoint gave.

    Attributes:
        source: the checkpoint as the user named it.
        sha256: of the file.
        prefix: what was stripped from the checkpoint's names, containers included.
        matched: tensors of the model that come from the checkpoint.
        new: tensors of the head or small stem that stay as drawn.
        unused: names in the checkpoint that the model did not take.
    """

    source: str
    sha256: str
    prefix: str
    matched: tuple[str, ...]
    new: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.source} (sha256 {self.sha256[:12]}…, prefix '{self.prefix}'): {len(self.matched)} tensors"]
        if self.new:
            lines.append(f"drawn anew: {_some(self.new)}")
        if self.unused:
            lines.append(f"in the checkpoint, not used: {_some(self.unused)}")
        return "\n".join(lines)


def load_checkpoint(model: nn.Module, spec: ModelSpec, catalog: Catalog | None = None) -> LoadReport:
    """Put the weights of ``spec.checkpoint`` into a model made by `build`; a model that is refused stays as it was.

    Every tensor of the body must be there by name and shape (``num_batches_tracked`` may be missing) and finite;
    the checkpoint may not hold further layers of that body. The head comes along where its shapes fit and
    ``spec.head`` is "keep"; the first convolution of a small stem is left as drawn where its shape differs.
    Values are cast to the model's types (half-precision checkpoints).

    Args:
        model: a network, on any device.
        spec: names the checkpoint, its prefix and what happens to the head.
        catalog: where names that are not paths are looked up.

    Raises:
        LthkitError: file missing, damaged, of another hash or with pickled code; tensors missing, of wrong shape,
            not finite; several networks that fit.
    """
    source, place, checkpoint = _read(spec, catalog)
    found = checkpoint.tensors
    own = plain(model).state_dict(keep_vars=True)
    own = {plain_name(name): tensor for name, tensor in own.items() if isinstance(tensor, Tensor)}
    heads = head_names(model)
    body = {name: tensor for name, tensor in own.items() if not in_modules(name, heads)}
    prefix = choose_prefix(_shapes(found), _shapes(body), spec.prefix or place.prefix, source)
    given = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
    trunk = {name: tensor for name, tensor in given.items() if not in_modules(name, heads)}
    stem = _new_stem(model, given, body) if spec.small_stem else set()
    _check_body(trunk, {name: tensor for name, tensor in body.items() if name not in stem}, source)
    taken = {name for name in body if name in given and name not in stem}
    head = own.keys() - body.keys()
    if spec.head == "keep" and all(name in given and given[name].shape == own[name].shape for name in head):
        taken |= head
    _copy({name: given[name] for name in own if name in taken}, own, source)
    return LoadReport(
        source=source,
        sha256=checkpoint.sha256,
        prefix=prefix,
        matched=tuple(name for name in own if name in taken),
        new=tuple(name for name in own if name in (head | stem) - taken),
        unused=tuple(name for name in found if name.removeprefix(prefix) not in taken or not name.startswith(prefix)),
    )


def checkpoint_tensors(spec: ModelSpec, catalog: Catalog | None = None) -> dict[str, Tensor]:
    """All that the checkpoint of ``spec`` holds, by dotted name, ResNets under torchvision's names.

    For what a task keeps beside its network: MoCo's key encoder and queue. Errors as ``load_checkpoint`` on the file.
    """
    return _read(spec, catalog)[2].tensors


def _read(spec: ModelSpec, catalog: Catalog | None) -> tuple[str, Place, Checkpoint]:
    if spec.checkpoint is None:
        raise LthkitError(f"model '{spec.name}' names no checkpoint; set 'checkpoint'")
    place = locate(spec.checkpoint, catalog)
    found = read_checkpoint(place, spec.checkpoint)
    return spec.checkpoint, place, replace(found, tensors=in_torchvision_names(found.tensors, spec.checkpoint))


def _new_stem(model: nn.Module, given: dict[str, Tensor], body: dict[str, Tensor]) -> set[str]:
    name = f"{first_convolution(model)}.weight"
    return {name} if name in given and given[name].shape != body[name].shape else set()


def _check_body(given: dict[str, Tensor], body: dict[str, Tensor], source: str) -> None:
    """Raise unless ``given`` holds exactly this body."""
    present = {id(body[name]) for name in body.keys() & given.keys()}  # a shared weight may be saved under one name
    missing = [
        name
        for name, tensor in body.items()
        if name not in given and id(tensor) not in present and not name.endswith("num_batches_tracked")
    ]
    wrong = [
        f"{name} is {tuple(given[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in body.items()
        if name in given and given[name].shape != tensor.shape
    ]
    scopes = {name.split(".")[0] for name in body if "." in name}
    further = [name for name in given if name not in body and name.split(".")[0] in scopes]
    faults = []
    if missing:
        faults.append(f"{len(missing)} missing ({_some(missing)})")
    if wrong:
        faults.append(f"{len(wrong)} of wrong shape ({_some(wrong)})")
    if further and not faults:
        faults.append(f"{len(further)} that the model lacks ({_some(further)})")
    if faults:
        raise LthkitError(
            f"checkpoint '{source}' does not fit the model: {'; '.join(faults)}; name the model it was made with"
        )


def _copy(given: dict[str, Tensor], own: dict[str, Tensor], source: str) -> None:
    cast = {name: _cast(name, tensor, own[name], source) for name, tensor in given.items()}
    with torch.no_grad():
        for name, tensor in cast.items():
            own[name].copy_(tensor)


def _cast(name: str, tensor: Tensor, own: Tensor, source: str) -> Tensor:
    """The tensor in the model's type."""
    usable = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    if not usable or tensor.is_floating_point() != own.is_floating_point() or tensor.is_complex():
        raise LthkitError(
            f"checkpoint '{source}': tensor '{name}' is {tensor.dtype} ({tensor.layout}, {tensor.device}); "
            f"save it as plain {own.dtype}"
        )
    cast = tensor.to(own.dtype)
    if not torch.isfinite(cast).all():
        raise LthkitError(f"checkpoint '{source}': tensor '{name}' holds NaN or infinite values; name a sound one")
    return cast


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _some(names: list[str] | tuple[str, ...], most: int = 3) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
