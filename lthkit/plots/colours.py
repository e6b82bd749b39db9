"""The colours of each quantity, the same in every figure and in the explorer, and numbers as cells of one byte."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import xarray as xr
from plotly.colors import get_colorscale, sample_colorscale

from lthkit.analysis.masks.cells import PERMILLE
from lthkit.errors import LthkitError
from lthkit.plots.theme import BRIGHT, DARK, DARKEST
from lthkit.plots.titles import name_and_units

LEVELS = 200
FIRST = 20
EVEN = LEVELS // 2
MOST_TIMES = 16
COUNTS = ("weights", "kernels")
KEPT, EARLY, LATE = "#E69F00", "#C9D3E3", "#1B2A49"
Steps = list[list[Any]]


@dataclass(frozen=True)
class Scale:
    """How numbers of one quantity become colours.

    Attributes:
        cells: from numbers to cells 0 … ``top``, uint8; floats with NaN where a number is NaN.
        top: the largest cell.
        steps: plotly's colour scale over 0 … ``top``.
        ticks: what the colour bar says at which numbers.
    """

    cells: Callable[[np.ndarray], np.ndarray]
    top: int
    steps: Steps
    ticks: Mapping[float, str]

    @cached_property
    def by_permille(self) -> np.ndarray:
        """The cells of 0 … 1000 ‰: looking up a map's 200,000 cells is many times faster than their logarithms."""
        return self.cells(np.arange(1001) / 1000)

    @property
    def bar(self) -> dict[str, Any]:
        """Ticks of the colour bar, small enough for the highest not to touch the title above in any font."""
        cells = self.cells(np.array(list(self.ticks))).tolist()
        return {"tickvals": cells, "ticktext": list(self.ticks.values()), "tickfont": {"size": 11}}


def scale_of(array: xr.DataArray) -> Scale:
    """The scale of an array, by its name; counts of weights or kernels (its ``units``) by its ``kernel_size``, too.

    Raises:
        LthkitError: if there are no colours for it, or it does not say its units.
    """
    if str(array.name) not in SCALES:
        raise LthkitError(f"there are no colours for '{array.name}'; name an array one of {', '.join(SCALES)}")
    scale = SCALES[str(array.name)]
    return _counted(scale, int(array.attrs["kernel_size"])) if name_and_units(array)[1] in COUNTS else scale


def cells_of(array: xr.DataArray) -> np.ndarray:
    """An array as the cells of its scale; its ``units`` say whether it has whole ‰ (the cells of maps).

    Raises:
        LthkitError: as ``scale_of``.
    """
    scale = scale_of(array)
    return scale.by_permille[array.values] if name_and_units(array)[1] == PERMILLE else scale.cells(array.values)


@cache
def died_scale(rounds: int) -> Steps:
    """Steps for 0 … ``rounds`` + 1: nothing there (clear), died in round 1 … (light to dark), left (orange)."""
    shades = sample_colorscale([[0, EARLY], [1, LATE]], np.linspace(0, 1, max(rounds, 1)))[:rounds]
    colours = ["rgba(0,0,0,0)", *shades, KEPT]
    steps = np.linspace(0, 1, len(colours) + 1)
    return [[edge, colour] for place, colour in enumerate(colours) for edge in steps[place : place + 2].tolist()]


def _percents(shares: np.ndarray) -> np.ndarray:
    """Fractions 0…1 as whole %; 0 and 100 only for none and all."""
    inner = np.clip(np.rint(100 * shares), 1, 99)
    return _bytes(np.where(shares == 0, 0, np.where(shares == 1, 100, inner)), shares)


def _levels(least: float) -> Callable[[np.ndarray], np.ndarray]:
    """Fractions 0…1: 0 for none, 20 for ``least`` or less … 200 for all, evenly in the logarithm."""

    def cells(shares: np.ndarray) -> np.ndarray:
        scaled = FIRST + np.rint((LEVELS - FIRST) * (1 - np.log10(np.clip(shares, least, 1)) / np.log10(least)))
        return _bytes(np.where(shares > 0, scaled, 0), shares)

    return cells


def _times(ratios: np.ndarray) -> np.ndarray:
    """Ratios: 100 for 1, 0 and 200 for 1/16 or less and 16 or more, evenly in the logarithm."""
    logs = np.log2(np.clip(ratios, 1 / MOST_TIMES, MOST_TIMES)) / np.log2(MOST_TIMES)
    return _bytes(EVEN + np.rint(EVEN * logs), ratios)


def _signed(shares: np.ndarray) -> np.ndarray:
    """Differences of shares: 100 for none, 0 and 200 for −1 and 1, evenly in the square root; none only for none."""
    steps = np.maximum(np.rint(EVEN * np.sqrt(np.abs(np.clip(shares, -1, 1)))), shares != 0)
    return _bytes(EVEN + np.sign(shares) * steps, shares)


def _bytes(cells: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    known = np.isfinite(numbers)
    return cells.astype(np.uint8) if known.all() else np.where(known, cells, np.nan)


def _stepped(none: str, few: float, colours: list[str]) -> Steps:
    """A colour for none, then those from few (at this part of the scale) to all."""
    places = np.linspace(few, 1, len(colours)).tolist()
    return [[0, none], [few / 2, none], [few / 2, colours[0]], *map(list, zip(places, colours, strict=True))]


def _logarithmic(none: str, colours: list[str], least: float) -> Scale:
    ticks = {0.0: "0"} | {tick: f"{100 * tick:g} %" for tick in (1e-3, 1e-2, 0.1, 0.2, 0.5, 1.0) if tick >= least}
    return Scale(_levels(least), LEVELS, _stepped(none, FIRST / LEVELS, colours), ticks)


def _counted(shares: Scale, size: int) -> Scale:
    """The same colours evenly for counts 0 … ``size``, at most 255; of kernels one by one whether it is."""
    top = min(size, 255)
    if top == 1:
        return Scale(_clipped, 1, [[0, shares.steps[0][1]], [1, shares.steps[-1][1]]], {0: "no", 1: "yes"})
    none, colours = shares.steps[0][1], [colour for _, colour in shares.steps[3:]]
    ticks: dict[float, str] = {tick: str(tick) for tick in range(0, top + 1, max(1, top // 9))}
    return Scale(_clipped, top, _stepped(none, 1 / top, colours), ticks)


def _clipped(counts: np.ndarray) -> np.ndarray:
    return np.minimum(counts, 255).astype(np.uint8)


# Of the weights left, none is bright, as in Chen et al. 2021, Fig. 7; of a comparison's part, none is dark.
_LEFT = _logarithmic(BRIGHT, ["#DCE6F7", "#9DB3DC", DARKEST, "#0F1B36"], 1e-3)
_PART = _logarithmic("#10182B", ["#2B4170", "#8A8678", BRIGHT], 1e-3)
# Two random masks of density d overlap in about d / 2: over the sparsities that are searched seldom below 1 %.
_OVERLAP = _logarithmic("#000004", [colour for _, colour in get_colorscale("Viridis")], 1e-2)
_RATIO = Scale(
    _times,
    LEVELS,
    [list(step) for step in get_colorscale("PuOr_r")],
    {1 / 16: "≤ ×1/16", 1 / 4: "×1/4", 1: "×1", 4: "×4", 16: "≥ ×16"},
)
_DIFFERENCE = Scale(
    _signed,
    LEVELS,
    [list(step) for step in get_colorscale("RdBu_r")],
    {-1: "−100 %", -0.25: "−25 %", -0.04: "−4 %", 0: "0", 0.04: "4 %", 0.25: "25 %", 1: "100 %"},
)
SCALES: Mapping[str, Scale] = {
    "weights_left": _LEFT,
    "density": _LEFT,
    "zero_kernels": Scale(
        _percents, 100, [[0, DARK], [0.5, DARKEST], [1, BRIGHT]], {0: "0 %", 0.5: "50 %", 1: "100 %"}
    ),
    "both": _PART,
    "only_a": _PART,
    "only_b": _PART,
    "jaccard": _OVERLAP,
    "times_chance": _RATIO,
    "difference": _DIFFERENCE,
    "distance": _logarithmic("#000004", [colour for _, colour in get_colorscale("Viridis")], 1e-3),
}
