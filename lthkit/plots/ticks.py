"""Axes and marks that several figures share: sparsity, rounds, layers and their blocks."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lthkit.plots.theme import spread

MOST_TICKS = 10
# least distance of two ticks' texts on an axis as wide as a figure, as a share of it
APART = 0.07
MANY_LAYERS = 30
# letters of a layer's name on a tick; torchvision's ResNets and VGGs have at most 21
LONGEST = 26


def sparsity_axis(densities: np.ndarray, longest: np.ndarray, panels: int = 1) -> dict[str, Any]:
    """An x axis that is logarithmic in density, so that the rounds of a search are equally far apart.

    Args:
        densities: of all that is drawn, 0…1; the network without weights has no place on a logarithmic axis.
        longest: densities of the search with most rounds, falling, which get the ticks; they say the sparsity in %.
        panels: beside each other, each with such an axis; the fewer texts have room.
    """
    known = densities[densities > 0]
    reach = np.log10([known.max(initial=0.0) or 1.0, known.min(initial=1.0)])
    pad = 0.04 * max(reach[0] - reach[1], 0.1)
    ticks = apart(spread(longest[longest > 0], MOST_TICKS), panels * APART * (reach[0] - reach[1]) * math.log(10))
    return {
        "title": {"text": "sparsity: share of prunable weights removed (%), spaced by density (log)"},
        "type": "log",
        "range": [reach[0] + pad, reach[1] - pad],
        "tickvals": ticks,
        "ticktext": [f"{100 * (1 - density):.2f}" for density in ticks],
    }


def apart(numbers: np.ndarray, least: float) -> np.ndarray:
    """Of numbers above 0, rising or falling, those whose logarithms are ``least`` from the one kept before."""
    kept: list[float] = []
    for number in numbers.tolist():
        if not kept or abs(math.log(number / kept[-1])) >= least:
            kept.append(number)
    return np.array(kept)


def ends_of(axis: dict[str, Any]) -> list[float]:
    """Where a logarithmic axis begins and ends."""
    return [float(10**end) for end in axis["range"]]


def round_axis(
    title: str, sparsity: np.ndarray, rounds: np.ndarray | None = None, upright: bool = False
) -> dict[str, Any]:
    """An axis of rounds 0, 1, …, each tick with the sparsity: beneath, on an upright axis in brackets.

    Args:
        title: the axis' title.
        sparsity: fraction removed at each round on the axis.
        rounds: their numbers if they are not 0, 1, ….
        upright: whether it is a y axis.
    """
    places = spread(np.arange(len(sparsity)), MOST_TICKS)
    numbers = np.arange(len(sparsity)) if rounds is None else rounds
    shape = "{} ({:.0f})" if upright else "{}<br>{:.0f}"
    return {
        "title": {"text": f"{title}{'<br>(in brackets' if upright else ' (below'}: sparsity, %)"},
        "tickvals": places,
        "ticktext": [shape.format(numbers[place], 100 * sparsity[place]) for place in places],
        "showgrid": False,
    }


def short(names: Sequence[str]) -> list[str]:
    """Layers as ticks call them: without the ``.weight`` that ends all, and where that is long for a tick without what
    begins all of them and without their middle: ``0…in_proj_weight``."""
    plain = [str(name).removesuffix(".weight") for name in names]
    if max(map(len, plain), default=0) <= LONGEST:
        return plain
    one, other = min(plain), max(plain)  # the first and the last of all share what all share
    same = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    shared = len(one[:same].rstrip("0123456789"))
    return [_without_middle(name[shared:]) for name in plain]


def _without_middle(name: str) -> str:
    parts = name.split(".")
    return name if len(name) <= LONGEST or len(parts) < 3 else f"{parts[0]}…{parts[-1]}"


def layer_axis(names: Sequence[str], **rest: Any) -> dict[str, Any]:
    """An axis with a tick at each layer, at places 0, 1, …."""
    font = {"size": 12 if len(names) <= MANY_LAYERS else 9}
    return {"tickvals": list(range(len(names))), "ticktext": short(names), "tickfont": font, "showgrid": False} | rest


def mark_blocks(
    figure: go.Figure, blocks: Sequence[str], width: float = 1, axis: str = "x", panels: int = 1
) -> go.Figure:
    """White lines between the blocks of layers, and their names at the far edge; one block alone is not marked.

    Args:
        figure: changed in place.
        blocks: the block of each layer, in order.
        width: of a layer on the axis, whose first layer starts at −0.5.
        axis: along which the layers stand, ``x`` or ``y``.
        panels: subplots beside each other that show the layers.
    """
    starts = [place for place, block in enumerate(blocks) if place == 0 or block != blocks[place - 1]]
    if len(starts) < 2:
        return figure
    other = "y" if axis == "x" else "x"
    for start, end in zip(starts, [*starts[1:], len(blocks)], strict=True):
        middle = (start + end) / 2 * width - 0.5
        label: dict[str, Any] = {axis: middle, f"{axis}ref": axis, other: 1, f"{other}ref": "paper"}
        anchor = {"yanchor": "bottom"} if axis == "x" else {"xanchor": "left", "xshift": 2}
        figure.add_annotation(text=f"<b>{blocks[start]}</b>", showarrow=False, **label, **anchor)
        if start:
            divide(figure, start * width - 0.5, axis, panels, {"color": "#FFFFFF", "width": 3})
    return figure


def divide(figure: go.Figure, place: float, axis: str, panels: int, line: dict[str, Any]) -> None:
    """A line across all panels at one place of an axis."""
    other = "y" if axis == "x" else "x"
    for panel in range(panels):
        number = "" if panel == 0 else str(panel + 1)
        edge: dict[str, Any] = {f"{axis}{side}": place for side in "01"} | {f"{other}0": 0, f"{other}1": 1}
        refs = {f"{axis}ref": f"{axis}{number}", f"{other}ref": f"{other}{number} domain"}
        figure.add_shape(type="line", line=line, **edge, **refs)
