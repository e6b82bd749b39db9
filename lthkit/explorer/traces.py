"""The traces of the explorer's figure: they never change; a state of the explorer is values of their properties."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from lthkit.plots.theme import COLOURS, TEXT, style

MOST_SHOWN = 3  # searches side by side
BARS, CHANCE = 0, 1
MAPS = tuple(range(2, 7))  # three searches, two differences
KERNELS = tuple(range(7, 10))
NEXT, KEPT = 10, 11  # magnitudes
BAND, DENSE = 12, 13
CURVES = tuple(range(14, 17))
# numbers of the subplots
MAP_AXES, KERNEL_AXES, MAGNITUDE_AXIS, STRIP_AXIS = tuple(range(2, 7)), tuple(range(7, 10)), 10, 11
# places of the texts: above each map, above each kernel, above the magnitudes
MAP_NOTES, KERNEL_NOTES, MAGNITUDE_NOTE = tuple(range(5)), tuple(range(5, 8)), 8

# a trace (or None for the layout) and a property of it, with dots
State = dict[tuple[int | None, str], Any]
HEIGHT = 760
STRIP = (0.875, 1.0)
PANELS = (0.0, 0.765)
RIGHT = (0.895, 1.0)
_BARE = {"showgrid": False, "showline": False, "ticks": "", "showticklabels": False}


def empty() -> go.Figure:
    """The traces without data, and what never changes of the axes."""
    figure = go.Figure()
    figure.add_bar(orientation="h", hovertemplate="%{y}<br>%{x:.4g} %<br>click to see the layer<extra></extra>")
    mark = {"symbol": "diamond", "size": 7, "color": COLOURS[1]}
    figure.add_scatter(mode="markers", marker=mark, hovertemplate="%{y}<br>by chance %{x:.4g} %<extra></extra>")
    for number in MAP_AXES:
        bar = {"thickness": 12, "title": {"side": "right"}, "tickfont": {"size": 11}}
        figure.add_heatmap(xaxis=f"x{number}", yaxis=f"y{number}", zmin=0, hoverinfo="none", colorbar=bar)
    for number in KERNEL_AXES:
        hover = "row %{y}, column %{x}: %{text}<extra></extra>"
        places = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        figure.add_heatmap(**places, showscale=False, xgap=1, ygap=1, hovertemplate=hover)
    for words, colour in (("removed next", COLOURS[1]), ("kept", COLOURS[0])):
        hover = f"%{{y:,}} {words}<extra></extra>"
        figure.add_bar(xaxis="x10", yaxis="y10", marker={"color": colour}, hovertemplate=hover)
    strip: dict[str, Any] = {"xaxis": "x11", "yaxis": "y11"}
    figure.add_scatter(**strip, mode="lines", line={"width": 0}, fill="toself", hoverinfo="skip")
    figure.add_scatter(**strip, mode="lines", line={"width": 1.5, "dash": "dash", "color": TEXT}, hoverinfo="skip")
    for place, _ in enumerate(CURVES):
        marker = {"size": 6, "color": COLOURS[place]}
        figure.add_scatter(**strip, mode="lines+markers", marker=marker, line={"width": 1.5}, hoverinfo="skip")
    figure.data[BAND].fillcolor = "rgba(128,128,128,0.25)"
    return _styled(figure)


def _styled(figure: go.Figure) -> go.Figure:
    style(
        figure,
        "",
        " ",
        height=HEIGHT,
        showlegend=False,
        hovermode="closest",
        bargap=0.25,
        barmode="stack",
        font={"size": 12},
        margin={"l": 20, "r": 10, "t": 90, "b": 60},
        xaxis={"domain": [0, 0.15], "nticks": 4, "fixedrange": True},
        yaxis={"domain": PANELS, "side": "left", "showgrid": False, "fixedrange": True},
        annotations=[_note("left") for _ in MAP_NOTES] + [_note("right") for _ in (*KERNEL_NOTES, MAGNITUDE_NOTE)],
    )
    for number in MAP_AXES:
        _add_axes(figure, number, {"showgrid": False}, {"showgrid": False})
        if number != MAP_AXES[0]:
            figure.layout[f"xaxis{number}"].matches = f"x{MAP_AXES[0]}"
            figure.layout[f"yaxis{number}"].matches = f"y{MAP_AXES[0]}"
    for number in KERNEL_AXES:
        fixed = {"constrain": "domain", "fixedrange": True, **_BARE}
        _add_axes(figure, number, {"domain": RIGHT, **fixed}, {"scaleanchor": f"x{number}", **fixed})
    ends = {"fixedrange": True, "showgrid": False}
    magnitudes = {"title": {"text": "|weight|"}, "nticks": 3, "domain": RIGHT, "type": "log", **ends}
    _add_axes(figure, MAGNITUDE_AXIS, magnitudes, {**ends, **_BARE, "domain": [0, 0.16]})
    _add_axes(figure, STRIP_AXIS, {"fixedrange": True}, {"domain": STRIP, "nticks": 4, "fixedrange": True})
    return figure


def _add_axes(figure: go.Figure, number: int, x: Mapping[str, Any], y: Mapping[str, Any]) -> None:
    figure.layout[f"xaxis{number}"] = {"anchor": f"y{number}", **x}
    figure.layout[f"yaxis{number}"] = {"anchor": f"x{number}", **y}


def _note(side: str) -> dict[str, Any]:
    place = {"x": 1, "y": 1, "xref": "paper", "yref": "paper", "xanchor": side, "yanchor": "bottom"}
    return {**place, "showarrow": False, "text": "", "font": {"size": 10}}
