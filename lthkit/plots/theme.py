"""How every figure looks: colours safe for the colour-blind, grey text that reads on white and on black."""

import math
import re
import textwrap
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

# Okabe and Ito's palette without its black and yellow, its light colours darkened: marks have a contrast of at least
# 3:1 on white and on JupyterLab's dark background.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#B8608F", "#B27A00", "#3A8BBF")
# Open, so that lines that lie on each other are seen to be several.
SYMBOLS = ("circle-open", "square-open", "diamond-open", "cross-open", "triangle-up-open", "x-open")
# 4.5:1 on white and 4.2:1 on JupyterLab's dark background.
TEXT = "#767676"
# pixels of a figure that does not say how wide it is
WIDTH = 900
# live, a figure is as wide as its cell: titles and legends fit one of 768 pixels, too
NARROWEST, LEGEND_WIDTH = 744, 640
GRID = "rgba(128,128,128,0.25)"
CLEAR = "rgba(0,0,0,0)"
# Kernels that are completely zero are bright, all others dark (Chen et al. 2021, Fig. 7).
BRIGHT = "#F0E442"
DARKEST, DARK = "#5D7CB8", "#1B2A49"


def template() -> go.layout.Template:
    """The template of all figures: transparent paper, mid-grey text and grid, so that both themes read well."""
    axis = {
        "gridcolor": GRID,
        "linecolor": TEXT,
        "showline": True,
        "ticks": "outside",
        "tickcolor": TEXT,
        "zeroline": False,
        "automargin": True,
        "title": {"standoff": 10},
    }
    layout = {
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "colorway": list(COLOURS),
        "font": {"color": TEXT, "size": 13},
        "title": {"x": 0.01, "xanchor": "left", "font": {"size": 17}, "subtitle": {"font": {"size": 12}}},
        "margin": {"l": 60, "r": 20, "t": 80, "b": 60},
        "legend": {"bgcolor": CLEAR},
        "hoverlabel": {"font": {"color": "#FFFFFF"}},
        "xaxis": axis,
        "yaxis": axis,
    }
    return go.layout.Template(layout=layout)


def style(figure: go.Figure, title: str, subtitle: str = "", **layout: Any) -> go.Figure:
    """The same figure with our template, title and any further layout; the figure is changed in place.

    A browser, unlike our PNGs, neither breaks long lines nor makes room between title and plot: both are done here.
    """
    width = min(layout.get("width") or figure.layout.width or WIDTH, NARROWEST)
    heading: dict[str, Any] = {"text": wrapped(title, 17, width)}
    # a title in the middle of the margin, plotly's default, would reach into what stands on the plot's upper edge
    heading |= {"y": 1, "yref": "container", "yanchor": "top", "pad": {"t": title_pad(heading["text"])}}
    if subtitle:
        heading["subtitle"] = {"text": wrapped(subtitle, 12, width)}
    layout["margin"] = {"t": _room_above(figure, heading, layout)} | layout.get("margin", {})
    return figure.update_layout(template=template(), title=heading, **layout)


def title_pad(title: str) -> int:
    """Pixels above a title; plotly moves one of several lines up by half of the others."""
    return 16 + 10 * title.count("<br>")


def wrapped(text: str, size: float, width: float) -> str:
    """A title broken into lines of at most ``width`` pixels, where that goes, after a semicolon."""
    most = int((width - 24) / (0.58 * size))
    lines = []
    for given in text.split("<br>"):
        line = ""
        for part in re.split(r"(?<=;) ", given):
            if line and len(line) + 1 + len(part) > most:
                lines.append(line)
                line = part
            else:
                line = f"{line} {part}" if line else part
        lines.append(line)
    return "<br>".join(piece for line in lines for piece in textwrap.wrap(line, most, break_on_hyphens=False) or [line])


def _room_above(figure: go.Figure, heading: dict[str, Any], layout: dict[str, Any]) -> int:
    """Pixels for title, subtitle, a legend in rows, and the texts that stand on the plot's upper edge."""
    lines = 1 + heading["text"].count("<br>")
    below = 1 + heading["subtitle"]["text"].count("<br>") if "subtitle" in heading else 0
    room = 36 + 21 * (lines - 1) + 18 * below
    edge = any(note.yref == "paper" and note.y == 1 and note.yanchor == "bottom" for note in figure.layout.annotations)
    if layout.get("legend", {}).get("orientation") == "h":
        return room + 18 + 22 * legend_rows(figure) + (28 if edge else 0)
    return room + (40 if edge else 26)


def legend_rows(figure: go.Figure) -> int:
    """About how many rows a horizontal legend has."""
    rows, taken = 0, math.inf
    for trace in figure.data:
        if getattr(trace, "showlegend", False) is not False and trace.name:  # images have none
            room = 60 + 8 * len(trace.name)
            rows, taken = (rows, taken + room) if taken + room <= LEGEND_WIDTH else (rows + 1, room)
    return rows


def faint(colour: str) -> str:
    """A colour (#RRGGBB) for bands of spread: those of several lines are seen through each other."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.13)"


def shades(count: int) -> list[str]:
    """``count`` colours from dark to light for things in order (rounds), none too pale for either theme."""
    return sample_colorscale("Viridis", [0.25 + 0.55 * step / max(count - 1, 1) for step in range(count)])


def spread(values: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` of ``values``, evenly spaced, first and last included."""
    picks = np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int))
    return np.asarray(values)[picks]


def config() -> dict[str, Any]:
    """Plotly's settings for every figure: nothing that uploads, no logo, pictures saved at twice the size."""
    return {
        "showSendToCloud": False,
        "plotlyServerURL": "",
        "displaylogo": False,
        "responsive": True,
        "modeBarButtonsToRemove": ["sendChartToCloud", "sendDataToCloud", "lasso2d", "select2d"],
        "toImageButtonOptions": {"format": "png", "scale": 2},
    }
