"""Parts of the network that are taken out as a mask: blocks, layers, windows of kernels, single kernels."""

import re
from collections.abc import Iterable

import numpy as np

from lthkit.errors import LthkitError
from lthkit.explorer.choices import Choices, find_scope, scope_layers
from lthkit.explorer.model import Model
from lthkit.explorer.views import WINDOW
from lthkit.masks import Masks, as_tensors

_KERNELS = re.compile(r"(?P<layer>.+)\[(?P<out>\d+(?::\d+)?), (?P<inner>\d+(?::\d+)?)\]")


def part_name(choices: Choices) -> str:
    """The part that is shown, as ``Choices.selected`` has it: a scope, or ``layer[0:128, 64:192]`` for a window."""
    if choices.window is None:
        return choices.scope
    (out, inner), end = choices.window, WINDOW
    return f"{choices.scope}[{out}:{out + end}, {inner}:{inner + end}]"


def kernel_name(choices: Choices) -> str:
    """The chosen kernel, as ``Choices.selected`` has it."""
    return f"{choices.scope}[{choices.kernel[0]}, {choices.kernel[1]}]"


def selected_mask(model: Model, name: str, round: int, parts: Iterable[str]) -> Masks:
    """The mask of a search inside the selected parts; outside every weight is kept.

    Args:
        model: the searches.
        name: which one.
        round: its mask's.
        parts: scopes, or layers with channels in brackets: ``layer1.0.conv1[3, 0:128]``.

    Returns:
        Bool tensors by parameter, of the network's shapes.

    Raises:
        LthkitError: if nothing is selected, or a part is not there.
    """
    parts = tuple(parts)
    if not parts:
        raise LthkitError("nothing is selected; select layers or kernels first, e.g. explorer.select('layer1.0.conv1')")
    codes = model.searches[name].codes
    inside = {layer: np.zeros(code.shape, bool) for layer, code in codes.items()}
    for part in parts:
        for layer, places in _places(model.layers(name), part):
            inside[layer][places] = True
    return as_tensors({layer: model.left(name, code, round) | ~inside[layer] for layer, code in codes.items()})


def check_part(model: Model, name: str, part: str) -> str:
    """The part's full name.

    Raises:
        LthkitError: if it is not there.
    """
    found = _KERNELS.fullmatch(part)
    if found is None:
        return find_scope(model.layers(name), part)
    layer = find_scope(model.layers(name), found["layer"])
    if layer not in model.layers(name):
        raise LthkitError(f"'{part}' does not name kernels of one layer; write LAYER[output, input]")
    for side, count in zip(("out", "inner"), model.channels(name, layer), strict=True):
        if int(found[side].split(":")[0]) >= count:
            raise LthkitError(f"'{part}' lies outside {layer}, which has {count} channels on that side")
    return f"{layer}[{found['out']}, {found['inner']}]"


def _places(layers: list[str], part: str) -> list[tuple[str, tuple[slice, ...]]]:
    found = _KERNELS.fullmatch(part)
    if found is None:
        return [(layer, (slice(None),)) for layer in scope_layers(layers, part)]
    return [(found["layer"], (_slice(found["out"]), _slice(found["inner"])))]


def _slice(said: str) -> slice:
    first, _, end = said.partition(":")
    return slice(int(first), int(end) if end else int(first) + 1)
