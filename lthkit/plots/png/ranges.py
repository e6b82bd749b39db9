"""Plotly's automatic ranges: how much room stays between the data and the ends of an axis."""

from typing import Any

import numpy as np

from lthkit.plots.png.spec import Spec, deep

PADDING = 0.05
# plotly counts a marker's radius so many times
MARKER = 1.6


def margins(traces: list[Spec], pixels: tuple[float, float]) -> tuple[float, float]:
    """matplotlib's margins (shares of the data's extent) along x and y that give plotly's ranges.

    Args:
        traces: all on the axes.
        pixels: width and height of the plotting area.
    """
    found = np.array([_padding(trace, pixels) for trace in traces]).reshape(-1, 2).max(axis=0, initial=0.0)
    shares = np.minimum(found / pixels, 0.4)
    # bars start at 0, where nothing is kept free
    ends = 1 if any(trace.get("type") == "bar" for trace in traces) else 2
    across, up = shares / (1 - ends * shares)
    return float(across), float(up)


def _padding(trace: Spec, pixels: tuple[float, float]) -> tuple[float, float]:
    """Pixels that one trace keeps free at each end of x and y."""
    across, up = (PADDING * length for length in pixels)
    kind = trace.get("type", "scatter")
    if kind == "bar":
        return (across, 0) if trace.get("orientation") == "h" else (0, up)
    if kind not in ("scatter", "scattergl"):
        return 0, 0
    points = next((values for values in (trace.get("y"), trace.get("x")) if values is not None), ())
    if not len(points):
        return 0, 0
    mode = trace.get("mode") or ("lines+markers" if len(points) < 20 else "lines")
    marked = "markers" in mode
    sizes: Any = deep(trace, "marker.size", 6)
    radius = MARKER * float(np.max(sizes)) / 2 if marked else 0.0
    tight = not marked and "text" not in mode and "error_y" not in trace
    return 0 if tight else across + radius, up + radius
