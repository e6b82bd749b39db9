"""The large picture of a view: the cells of its array, their colours, and the axes of its dimensions."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from lthkit.explorer.axes import Axis, axis_of
from lthkit.explorer.choices import Choices
from lthkit.explorer.look import look
from lthkit.explorer.model import Model
from lthkit.plots.colours import Scale, cells_of, scale_of

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Picture:
    """What the heatmap shows.

    Attributes:
        array: the numbers, (rows, columns), labelled.
        cells: the same as cells of the scale, uint8.
        scale: their colours.
        across: the axis of the columns.
        down: that of the rows, the first on top.
        words: what a cell is.
    """

    array: xr.DataArray
    cells: np.ndarray
    scale: Scale
    across: Axis
    down: Axis
    words: str

    @property
    def hover(self) -> str:
        """Template of what pointing at a cell says."""
        places = [self.down.hover.replace("%{at}", "%{y}"), self.across.hover.replace("%{at}", "%{x}")]
        size = self.array.attrs.get("kernel_size", 1)
        counted = f"<br>%{{z}} of {size} weights" if size > 1 and self.array.attrs["units"] == "weights" else ""
        return f"{', '.join(filter(None, places))}{counted}<extra></extra>"

    @property
    def frame(self) -> Box | None:
        """x0, x1, y0, y1 around what is chosen."""
        chosen = self.across.at is not None or self.down.at is not None
        return (*self.across.frame, *self.down.frame) if chosen else None


def arrays(model: Model, choices: Choices) -> xr.Dataset:
    """What the chosen view shows of the chosen round and part of the network, and what belongs to it."""
    view, scene = look(model, choices)
    return (view.layer if scene.layer else view.network)(scene)


def picture(model: Model, choices: Choices) -> Picture:
    """The picture of the chosen view, round and part of the network."""
    view, scene = look(model, choices)
    made = arrays(model, choices)
    array = made[view.quantity]
    # where nothing is left there is no overlap: cells of one byte have no place for a gap
    cells = np.nan_to_num(cells_of(array)).astype(np.uint8, copy=False)
    down, across = (axis_of(array, str(dim), scene) for dim in array.dims)
    return Picture(array, cells, scale_of(array), across, down, str(made.attrs["cell"]))
