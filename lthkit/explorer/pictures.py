"""The large pictures of a view: the cells of their arrays, their colours, and the axes of their dimensions."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import xarray as xr

from lthkit.analysis.labels import labelled
from lthkit.analysis.masks.cells import PERMILLE
from lthkit.explorer.axes import Axis, axis_of
from lthkit.explorer.choices import Choices
from lthkit.explorer.look import look
from lthkit.explorer.model import Model
from lthkit.explorer.scene import Scene, scene_of
from lthkit.explorer.views import View
from lthkit.plots.colours import MOST_TIMES, SCALES, Scale, cells_of, scale_of
from lthkit.plots.titles import unit_of

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Picture:
    """What one heatmap shows.

    Attributes:
        name: of the search, or of what differs.
        array: the numbers, (rows, columns), labelled.
        cells: the same as cells of the scale, uint8.
        scale: their colours.
        across: the axis of the columns.
        down: that of the rows, the first on top.
        words: what a cell is.
        when: round and sparsity, in words; empty for a difference.
    """

    name: str
    array: xr.DataArray
    cells: np.ndarray
    scale: Scale
    across: Axis
    down: Axis
    words: str
    when: str = ""

    @property
    def frame(self) -> Box | None:
        """x0, x1, y0, y1 around what is chosen."""
        chosen = self.across.at is not None or self.down.at is not None
        return (*self.across.frame, *self.down.frame) if chosen else None

    @property
    def spoken(self) -> list[str]:
        """What each cell's number is, by cell of the scale."""
        attrs = self.array.attrs
        if attrs["units"] in ("weights", "kernels") and attrs.get("kernel_size", 1) > 1:
            return [f"{count} of {attrs['kernel_size']}" for count in range(self.scale.top + 1)]
        if self.scale.top == 1:
            return ["no", "yes"]
        return _numbers(str(self.array.name))


@cache
def _numbers(name: str) -> list[str]:
    """The middle of the numbers that a cell of the scale stands for; a scale in logarithms has exact small ones."""
    if name == "times_chance":
        grid = np.logspace(-np.log2(MOST_TIMES), np.log2(MOST_TIMES), 20_001, base=2)
    else:
        grid = np.linspace(-1 if name == "difference" else 0, 1, 20_001)
    scale = SCALES[name]
    cells, count = scale.cells(grid), scale.top + 1
    means = np.bincount(cells, grid, count) / np.maximum(np.bincount(cells, minlength=count), 1)
    return [f"×{mean:.3g}" if name == "times_chance" else f"{100 * mean:.3g} %" for mean in means]


def arrays(model: Model, choices: Choices) -> xr.Dataset:
    """What the chosen view shows of the chosen round and part of the network, and what belongs to it."""
    view, scene = look(model, choices)
    return _arrays(view, scene)


def picture(model: Model, choices: Choices) -> Picture:
    """The picture of the chosen view, round and part of the network: of a, or of a beside b where they are compared."""
    view, scene = look(model, choices)
    return _picture(view, scene)


def pictures(model: Model, choices: Choices) -> list[Picture]:
    """All that stand side by side: the searches, then what each has more than the first."""
    view, _ = look(model, choices)
    if view.compares or not choices.beside:
        return [picture(model, choices)]
    found = {name: _picture(view, scene_of(model, choices, False, name)) for name in choices.shown}
    first, *others = found
    beside = {name: model.partners(first, name) for name in others}
    return [*found.values(), *(_difference(found[first], found[name], beside[name]) for name in others)]


def _arrays(view: View, scene: Scene) -> xr.Dataset:
    return (view.layer if scene.layer else view.network)(scene)


def _picture(view: View, scene: Scene) -> Picture:
    made = _arrays(view, scene)
    array = made[view.quantity]
    # where nothing is left there is no overlap: cells of one byte have no place for a gap
    cells = np.nan_to_num(cells_of(array)).astype(np.uint8, copy=False)
    down, across = (axis_of(array, str(dim), scene) for dim in array.dims)
    when = f"round {scene.round} · {scene.model.sparsity(scene.a)[scene.round]:.2%}"
    return Picture(scene.a, array, cells, scale_of(array), across, down, str(made.attrs["cell"]), when)


def _difference(first: Picture, other: Picture, partners: np.ndarray) -> Picture:
    """What another search has more than the first; at rounds of the first, where columns are rounds."""
    ours, theirs = _shares(first.array), _shares(other.array)
    theirs = theirs[:, partners] if first.array.dims[1] == "round" else theirs
    array = first.array.copy(data=theirs - ours).rename("difference")
    array.attrs = {"tile": first.array.attrs.get("tile", 1)}
    array = labelled(array)
    name = f"{other.name} − {first.name}"
    return Picture(name, array, cells_of(array), scale_of(array), first.across, first.down, first.words)


def _shares(array: xr.DataArray) -> np.ndarray:
    """Numbers of a view of one search as shares."""
    units = array.attrs["units"]
    if units == PERMILLE:
        return array.values / 1000
    return array.values / array.attrs["kernel_size"] if unit_of(array) in ("weights", "kernels") else array.values
