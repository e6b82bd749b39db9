"""Checkpoints whose networks are built of other modules than torchvision's: their names in torchvision's terms.

torchvision's own checkpoints, MoCo v2's (``state_dict`` → ``module.encoder_q.…``) and conversions of simCLR v1
(``state_dict``) have torchvision's names behind a prefix, which :mod:`lthkit.models.prefix` finds. Conversions of
simCLR v2 (``{"resnet", "head"}``) build the same ResNet, stride in the 3×3 convolution and BatchNorm's ε of 1e-5
included, of nested sequences; the rules here say which module is which.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from lthkit.errors import LthkitError

Value = TypeVar("Value")

_STEM = re.compile(r"net\.0\.(0|1\.0)\.(.+)")
_INNER = re.compile(r"net\.([1-4])\.blocks\.(\d+)\.net\.(?:([024])|([135])\.0)\.(.+)")
_SHORTCUT = re.compile(r"net\.([1-4])\.blocks\.(\d+)\.projection\.(shortcut|bn\.0)\.(.+)")
# the second convolution of a block, which alone is not split in networks without selective kernels
_MARK = re.compile(r"(.*\.|)net\.1\.blocks\.0\.net\.0\.weight")
_SELECTIVE = re.compile(r"net\.\d+\.blocks\.\d+\.net\.\d+\.main_conv\.")


def in_torchvision_names(tensors: Mapping[str, Value], source: str) -> dict[str, Value]:
    """The same tensors, those of a simCLR v2 conversion under torchvision's names behind their prefix.

    Args:
        tensors: by dotted name, containers' names first.
        source: what the checkpoint is called, for errors.

    Raises:
        LthkitError: a network with selective kernels, which torchvision's ResNets do not have.
    """
    prefixes = {found[1] for found in map(_MARK.fullmatch, tensors) if found}
    if not prefixes:
        return dict(tensors)
    if any(_SELECTIVE.search(name) for name in tensors):
        raise LthkitError(
            f"checkpoint '{source}' is a simCLR v2 network with selective kernels (sk1), which no ResNet here has; "
            "name the one without (sk0)"
        )
    return {_renamed(name, prefixes): tensor for name, tensor in tensors.items()}


def _renamed(name: str, prefixes: set[str]) -> str:
    for prefix in prefixes:
        plain = _plain(name.removeprefix(prefix)) if name.startswith(prefix) else None
        if plain:
            return prefix + plain
    return name


def _plain(name: str) -> str | None:
    """torchvision's name of a tensor in the nested ResNet, None of another."""
    if found := _STEM.fullmatch(name):
        return f"{'conv1' if found[1] == '0' else 'bn1'}.{found[2]}"
    if found := _INNER.fullmatch(name):
        stage, block, convolution, norm, rest = found.groups()
        module = f"conv{int(convolution) // 2 + 1}" if convolution else f"bn{(int(norm) + 1) // 2}"
        return f"layer{stage}.{block}.{module}.{rest}"
    if found := _SHORTCUT.fullmatch(name):
        return f"layer{found[1]}.{found[2]}.downsample.{0 if found[3] == 'shortcut' else 1}.{found[4]}"
    return None
