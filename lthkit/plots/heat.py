"""The heat map of an array: its numbers as cells in the colours of what it counts."""

from typing import Any

import plotly.graph_objects as go
import xarray as xr

from lthkit.plots.colours import cells_of, scale_of
from lthkit.plots.titles import bar_title, hover, shown


def heatmap(array: xr.DataArray, where: str, bar: dict[str, Any] | None = None, **rest: Any) -> go.Heatmap:
    """An array in its own colours; a cell says where it is and its number, the colour bar what is drawn.

    Args:
        array: labelled, two dimensions, rows first; its name decides the colours (:mod:`lthkit.plots.colours`).
        where: template of what a cell says before its number.
        bar: further settings of the colour bar.
        rest: further settings of the trace.
    """
    scale = scale_of(array)
    return go.Heatmap(
        z=cells_of(array),
        zmin=0,
        zmax=scale.top,
        colorscale=scale.steps,
        colorbar={"title": {"text": bar_title(array)}, **scale.bar} | (bar or {}),
        customdata=shown(array),
        hovertemplate=f"{where}<br>{hover(array)}<extra></extra>",
        **rest,
    )
