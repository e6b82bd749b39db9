"""Figures for print: as wide as a column or a page, without titles, black on white."""

import math
from textwrap import wrap
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from lthkit.plots.theme import TEXT, WIDTH, spread

# pixels; a figure has 100 to an inch
WIDTHS = {"column": 325, "page": 675}
# 8 and 7 points
SIZE, SMALL = 10.5, 9.5
BLACK, LIGHT = "#000000", "#D0D0D0"
# a figure that becomes narrower keeps at least this part of its height
LEAST_HEIGHT = 0.6


def paper(figure: go.Figure, width: Literal["column", "page"] = "column") -> go.Figure:
    """A copy of a figure for print: no title (a caption says it), black texts of 7 to 8 points, white ground.

    Args:
        figure: it is not changed.
        width: ``column`` is 3.25 inches wide, ``page`` 6.75 inches.
    """
    made = go.Figure(figure)
    pixels = WIDTHS[width]
    shrunk = max(pixels / (figure.layout.width or WIDTH), LEAST_HEIGHT)
    legend = figure.layout.legend.orientation == "h"
    named = sum(bool(trace.name) and getattr(trace, "showlegend", None) is not False for trace in made.data)
    rows = math.ceil(named / (1 if width == "column" else 3)) if legend else 0
    top = 14 * rows + (24 if figure.layout.annotations else 10)
    made.update_layout(
        width=pixels,
        height=round((figure.layout.height or 500) * shrunk) + 14 * rows,
        title={"text": "", "subtitle": {"text": ""}},
        font={"color": BLACK, "size": SIZE},
        margin={"l": 40, "r": 10, "t": top, "b": 36},
        legend={"font": {"size": SMALL}},
        paper_bgcolor="#FFFFFF",
    )
    for axis in [*made.select_xaxes(), *made.select_yaxes()]:
        _print_axis(axis, pixels if axis.plotly_name.startswith("xaxis") else made.layout.height)
    made.for_each_annotation(lambda note: note.update(font={"size": SMALL, "color": BLACK}))
    for trace in made.data:
        _blacken(trace)
    return made


def _print_axis(axis: Any, pixels: float) -> None:
    """Black lines, a title that is broken where it is too long, and as many of its texts as have room."""
    low, high = axis.domain or (0, 1)
    room = (high - low) * 0.75 * pixels
    axis.update(linecolor=BLACK, tickcolor=BLACK, gridcolor=LIGHT)
    axis.title.font.size = SIZE
    axis.tickfont.size = min(axis.tickfont.size or SMALL, SMALL)
    if axis.title.text:
        letters = max(int(room / (0.52 * SIZE)), 12)
        axis.title.text = "<br>".join(line for part in axis.title.text.split("<br>") for line in wrap(part, letters))
    if axis.ticktext:
        across = axis.plotly_name.startswith("xaxis") and not axis.tickangle
        longest = max(len(line) for text in axis.ticktext for line in str(text).split("<br>"))
        most = max(int(room / (0.62 * SMALL * (longest + 1) if across else 1.15 * SMALL)), 2)
        kept = spread(np.arange(len(axis.ticktext)), most).tolist()
        axis.ticktext = [axis.ticktext[at] for at in kept]
        axis.tickvals = [axis.tickvals[at] for at in kept]


def _blacken(trace: go.Scatter) -> None:
    """What is drawn in the grey of texts becomes black; colour bars have small texts."""
    for part in ("line", "marker", "error_y", "textfont"):
        if part in trace and getattr(trace[part], "color", None) == TEXT:
            trace[part].color = BLACK
    if "colorbar" in trace:
        trace.colorbar.update(tickfont={"size": SMALL}, title={"font": {"size": SMALL}}, thickness=8)
