"""The axes of a picture: what the dimensions of its array stand for, and what a click along them chooses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from lthkit.analysis.masks.searches import blocks
from lthkit.explorer.choices import short
from lthkit.explorer.scene import Scene
from lthkit.plots import ticks
from lthkit.plots.theme import spread

MOST_NAMES, MOST_LAYERS, MOST_ROUNDS_ACROSS, MOST_ROUNDS_DOWN = 30, 60, 7, 10
# a frame is at least this part of the picture wide, or it is not seen
LEAST_FRAME = 1 / 60


def _nothing(cell: int) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Axis:
    """One axis of a picture.

    Attributes:
        title: what is along it.
        cells: how many there are.
        label: what a cell is called.
        picks: what a click on a cell chooses: fields of ``Choices``, ``output`` and ``input`` of its kernel.
        step: channels a cell has; cell i stands at the middle of its channels.
        first: the channel that the first cell begins with.
        at: which cell is chosen, if one is.
        ticks: places and texts; None leaves them to plotly.
        lines: where lines part blocks.
    """

    title: str
    cells: int
    label: Callable[[int], str]
    picks: Callable[[int], dict[str, Any]] = _nothing
    step: int = 1
    first: int = 0
    at: int | None = None
    ticks: tuple[list[float], list[str]] | None = None
    lines: tuple[float, ...] = ()

    @property
    def long(self) -> bool:
        """Whether its ticks are layers' names, which need room."""
        return self.ticks is not None and any(len(text) > 12 for text in self.ticks[1])

    @property
    def ends(self) -> tuple[float, float]:
        """Where it begins and ends."""
        return self.first - 0.5, self.first + self.cells * self.step - 0.5

    @property
    def frame(self) -> tuple[float, float]:
        """Where the chosen cell begins and ends, a little more if it is too small to be seen; without one, all."""
        if self.at is None:
            return self.ends
        middle = self.first + (self.at + 0.5) * self.step - 0.5
        width = max(self.step, self.cells * self.step * LEAST_FRAME)
        return middle - width / 2, middle + width / 2


def axis_of(array: xr.DataArray, dim: str, scene: Scene) -> Axis:
    """The axis of one dimension of a view's array."""
    return AXES[dim](array, scene)


def _columns(array: xr.DataArray, scene: Scene) -> Axis:
    """All layers side by side, input channels within each."""
    layers, groups = scene.chosen, blocks(scene.chosen)
    width = array.sizes["column"] // len(layers)
    starts = [place for place in range(len(layers)) if place == 0 or groups[place] != groups[place - 1]]
    by_block = len(layers) > MOST_NAMES and len(starts) > 1
    bounds = [*starts, len(layers)] if by_block else list(range(len(layers) + 1))
    names = ticks.short(layers)
    texts = [groups[place] if by_block else names[place] for place in bounds[:-1]]
    middles = [(a + b) / 2 * width - 0.5 for a, b in pairwise(bounds)]
    first, last = array["first_input"].values, array["last_input"].values

    def label(cell: int) -> str:
        inputs = f"input {first[cell]}" if first[cell] == last[cell] else f"inputs {first[cell]} to {last[cell]}"
        return f"{short(layers[cell // width])}, {inputs}"

    return Axis(
        "layers from input to output, input channels within each",
        len(first),
        label,
        lambda cell: {"scope": layers[cell // width]},
        ticks=(middles, texts),
        lines=tuple(place * width - 0.5 for place in starts[1:]),
    )


def _rows(array: xr.DataArray, scene: Scene) -> Axis:
    """Output channels of layers side by side, as parts of each."""
    cells, percent = array.sizes["row"], range(0, 101, 20)
    return Axis(
        "output channels of each layer (%)",
        cells,
        lambda cell: f"output channels at {100 * cell / cells:.0f} %",
        ticks=([cells * part / 100 - 0.5 for part in percent], [f"{part}" for part in percent]),
    )


def _channels(array: xr.DataArray, dim: str, side: str, count: int, chosen: int) -> Axis:
    step, cells = int(array.attrs.get("tile", 1)), array.sizes[dim]
    start = int(array.attrs.get(f"first_{dim}", 0))

    def label(cell: int) -> str:
        first = start + cell * step
        return f"{side} {first}" if step == 1 else f"{side}s {first} to {min(first + step, count) - 1}"

    def picks(cell: int) -> dict[str, Any]:
        return {side: start + cell * step} | ({"narrow": True} if step > 1 else {})

    at = (chosen - start) // step
    last = min(start + cells * step, count) - 1
    title = f"{side} channel ({count:,})" if last - start + 1 == count else f"{side} channel ({start} to {last})"
    return Axis(title, cells, label, picks, step, start, at if 0 <= at < cells else None)


def _outputs(array: xr.DataArray, scene: Scene) -> Axis:
    return _channels(array, "out", "output", scene.channels[0], scene.kernel[0])


def _inputs(array: xr.DataArray, scene: Scene) -> Axis:
    return _channels(array, "in", "input", scene.channels[1], scene.kernel[1])


def _layers(array: xr.DataArray, scene: Scene) -> Axis:
    names = [short(name) for name in scene.chosen]
    places = spread(np.arange(len(names)), MOST_LAYERS).tolist()
    said = ticks.short(scene.chosen)
    texts = (places, [said[place] for place in places])
    return Axis("", len(names), names.__getitem__, lambda cell: {"scope": scene.chosen[cell]}, ticks=texts)


def _rounds(scene: Scene, name: str, across: bool, at: int, picks: Callable[[int], dict[str, Any]]) -> Axis:
    sparsity, between = scene.model.sparsity(name), "<br>" if across else " · "
    most = MOST_ROUNDS_ACROSS if across else MOST_ROUNDS_DOWN
    places: list[Any] = spread(np.arange(len(sparsity)), most).tolist()
    texts = [f"{place}{between}{100 * sparsity[place]:.0f} %" for place in places]
    label = f"{name} round {{}}".format
    return Axis(f"round of {name}, sparsity", len(sparsity), label, picks, at=at, ticks=(places, texts))


def _across_rounds(array: xr.DataArray, scene: Scene) -> Axis:
    return _rounds(scene, scene.a, True, scene.round, lambda cell: {"round": cell})


def _rounds_a(array: xr.DataArray, scene: Scene) -> Axis:
    return _rounds(scene, scene.a, False, scene.round, lambda cell: {"round": cell})


def _rounds_b(array: xr.DataArray, scene: Scene) -> Axis:
    return _rounds(scene, scene.other, True, scene.round_b, _nothing)


AXES: Mapping[str, Callable[[xr.DataArray, Scene], Axis]] = {
    "column": _columns,
    "row": _rows,
    "out": _outputs,
    "in": _inputs,
    "layer": _layers,
    "round": _across_rounds,
    "round_a": _rounds_a,
    "round_b": _rounds_b,
}
