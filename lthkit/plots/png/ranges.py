"""Plotly's automatic ranges: how much room stays between the data and the ends of an axis."""

from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from lthkit.plots.png.axes import Axis
from lthkit.plots.png.spec import Spec, deep
from lthkit.plots.png.style import numbers

PADDING = 0.05
# plotly counts a marker's radius so many times
MARKER = 1.6
# lowest and highest value of a trace, and the pixels that it keeps free beyond them
Extent = tuple[float, float, float]


def fitted(axes: Axes, axis: Axis, extents: list[Extent], pixels: float) -> None:
    """Set the range in which every trace is at least its pixels away from both ends.

    Args:
        axes: whose range it is.
        axis: which of its axes.
        extents: of all traces on it.
        pixels: length of the axis.
    """
    ends = [
        ((high - low) / max(pixels - before - after, 1.0), low, before, high, after)
        for (low, _, before), (_, high, after) in product(extents, extents)
    ]
    if not ends:
        return
    step, low, before, high, after = max(ends)
    if step == 0:
        low, high, before, after = low - 1, high + 1, 0, 0
    low, high = low - step * before, high + step * after
    limits = (10.0**low, 10.0**high) if axis.kind == "log" else (low, high)
    (axes.set_xlim if axis.is_x else axes.set_ylim)(*limits)


def extent(trace: Spec, side: str, values: np.ndarray, log: bool, pixels: float) -> Extent | None:
    """Ends of a scatter trace along ``side`` (x or y), error bars included; logarithms on such an axis."""
    below, above = values, values
    error = trace.get("error_y") or {}
    if side == "y" and error.get("array") is not None:
        above = values + np.nan_to_num(numbers(error["array"]))
        down = numbers(error["array"] if error.get("arrayminus") is None else error["arrayminus"])
        below = values - np.nan_to_num(down)
    ends = np.concatenate([below, above])
    if log:
        ends = np.log10(ends, out=np.full(len(ends), np.nan), where=ends > 0)
    ends = ends[np.isfinite(ends)]
    return (float(ends.min()), float(ends.max()), _padding(trace, side, pixels)) if len(ends) else None


def margin(traces: list[Spec], side: str, pixels: float) -> float:
    """matplotlib's margin (a share of the data's extent) that gives about plotly's range where there are bars."""
    share = min(max((_padding(trace, side, pixels) for trace in traces), default=0.0) / pixels, 0.4)
    # bars start at 0, where nothing is kept free
    ends = 1 if any(trace.get("type") == "bar" for trace in traces) else 2
    return float(share / (1 - ends * share))


def _padding(trace: Spec, side: str, pixels: float) -> float:
    """Pixels that one trace keeps free at each end."""
    kind = trace.get("type", "scatter")
    if kind == "bar":
        return PADDING * pixels if side == ("x" if trace.get("orientation") == "h" else "y") else 0.0
    points = next((values for values in (trace.get("y"), trace.get("x")) if values is not None), ())
    if kind not in ("scatter", "scattergl") or not len(points):
        return 0.0
    mode = trace.get("mode") or ("lines+markers" if len(points) < 20 else "lines")
    sizes: Any = deep(trace, "marker.size", 6)
    radius = MARKER * float(np.max(sizes)) / 2 if "markers" in mode else 0.0
    tight = side == "x" and mode == "lines" and "error_y" not in trace
    return 0.0 if tight else PADDING * pixels + radius
