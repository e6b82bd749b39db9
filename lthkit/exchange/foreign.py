"""Others' masks: one file, in any of the forms in use, becomes ``{parameter: bool}`` of a network.

- ``prune``: ``NAME_mask`` beside ``NAME_orig`` or alone, as ``torch.nn.utils.prune`` saves;
- ``mask``: a mask under the parameter's own name, bool or numbers that are exactly 0 and 1;
- ``weights``: a sparse checkpoint, where a weight that is exactly zero is removed.

Weights have both signs and masks never do: that tells the last two apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.models.files import Place, read_checkpoint
from lthkit.models.prefix import choose_prefix

Kind = Literal["prune", "mask", "weights"]
Shapes = Mapping[str, tuple[int, ...]]
_SUFFIX = "_mask"


@dataclass(frozen=True)
class Manifest:
    """Which weights of the network the masks are about.

    Attributes:
        parameters: name → shape of the prunable parameters, in manifest order.
        optional: name → the setting that would make it prunable too.
    """

    parameters: dict[str, tuple[int, ...]]
    optional: dict[str, str]


@dataclass(frozen=True)
class Foreign:
    """What one file says.

    Attributes:
        path: of the file.
        sha256: of the file.
        kind: its form.
        prefix: what stood before the network's names, containers included.
        masks: bool tensors of all prunable parameters, in manifest order.
        notes: what was assumed or left out, a sentence each.
    """

    path: Path
    sha256: str
    kind: Kind
    prefix: str
    masks: Masks
    notes: tuple[str, ...]


def read_foreign(path: Path, manifest: Manifest, *, prefix: str | None = None, missing_dense: bool = False) -> Foreign:
    """Read one file as a mask of the network; code inside is never run.

    Args:
        path: as ``torch.save`` writes it (tensors in nested mappings), or safetensors by its suffix.
        manifest: of the network.
        prefix: before the network's names in the file; found by itself where left out.
        missing_dense: parameters that the file does not name are not pruned; otherwise that is an error.

    Raises:
        LthkitError: a file that cannot be read or holds code, another network's names or shapes, a mask that is
            not of 0 and 1, a mask that removes weights which are not prunable here.
    """
    if not path.is_file():
        raise LthkitError(f"there is no file '{path}'; check the path")
    checkpoint = read_checkpoint(Place(path), str(path))
    tensors = checkpoint.tensors
    named = {name.removesuffix(_SUFFIX): tensor for name, tensor in tensors.items() if name.endswith(_SUFFIX)}
    pairs = _names_any(named, manifest.parameters)
    found = named if pairs else tensors
    prefix = choose_prefix(_shapes(found), manifest.parameters, prefix, str(path))
    inside = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
    ours = {name: inside[name] for name in manifest.parameters if name in inside}
    _check_fit(path, ours, manifest.parameters)
    kind: Kind = "prune" if pairs else "weights" if _has_negative(ours) else "mask"
    unpruned = {
        name for name in manifest.parameters if pairs and prefix + name in tensors
    }  # plain beside others' pairs
    absent = [name for name in manifest.parameters if name not in ours and name not in unpruned]
    if absent and not missing_dense:
        raise LthkitError(
            f"'{path}' says nothing of {_some(absent)}; if such parameters are not pruned, "
            "say so by missing_dense (--missing-dense)"
        )
    masks = {
        name: _mask(path, name, inside[name], kind) if name in ours else torch.ones(shape, dtype=torch.bool)
        for name, shape in manifest.parameters.items()
    }
    notes = [f"{_some(absent)} taken as dense"] if absent else []
    notes += _others(path, {name: inside[name] for name in inside.keys() - ours.keys()}, kind, manifest)
    return Foreign(path, checkpoint.sha256, kind, prefix, masks, tuple(notes))


def _names_any(found: Mapping[str, Tensor], parameters: Shapes) -> bool:
    return any(full == name or full.endswith(f".{name}") for full in found for name in parameters)


def _check_fit(path: Path, tensors: Mapping[str, Tensor], parameters: Shapes) -> None:
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_complex():
            raise LthkitError(
                f"'{path}': '{name}' is {tensor.dtype} ({tensor.layout}); save it as a plain dense tensor"
            )
        if tuple(tensor.shape) != parameters[name]:
            raise LthkitError(
                f"'{path}': '{name}' is {tuple(tensor.shape)} but the model's is {parameters[name]}; "
                "name the model that the masks were made for"
            )


def _has_negative(tensors: Mapping[str, Tensor]) -> bool:
    return any(bool((tensor < 0).any()) for tensor in tensors.values() if tensor.dtype != torch.bool)


def _mask(path: Path, name: str, tensor: Tensor, kind: Kind) -> Tensor:
    if kind == "weights":
        if not torch.isfinite(tensor).all():
            raise LthkitError(f"'{path}': weight '{name}' holds NaN or infinite values; give a sound checkpoint")
        return tensor != 0
    kept = tensor == 1
    odd = tensor[~kept & (tensor != 0)]
    if odd.numel():
        raise LthkitError(
            f"'{path}': mask '{name}' holds {odd[0].item():.6g}; a mask is exactly 0 (removed) and 1 (left), "
            "so round it or give the file that holds the masks"
        )
    return kept


def _others(path: Path, others: Mapping[str, Tensor], kind: Kind, manifest: Manifest) -> list[str]:
    """Notes on tensors beyond the prunable parameters; masks among them must remove nothing."""
    notes = []
    for name, tensor in sorted(others.items()):
        optional = manifest.optional.get(name)
        if kind == "weights":
            zeros = tensor.numel() - int(torch.count_nonzero(tensor)) if optional else 0
            if zeros:
                notes.append(f"{zeros} zeros of '{name}' not counted, which is not prunable without {optional}")
        elif not (tensor == 1).all():
            mend = f"allow it by {optional}" if optional else "name the model that the masks were made for"
            raise LthkitError(f"'{path}' removes weights of '{name}', which is not prunable here; {mend}")
    return notes


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _some(names: list[str], most: int = 3) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"'{name}'" for name in names[:most]) + rest
