"""How every figure looks: colours safe for the colour-blind, grey text that reads on white and on black."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

# Okabe and Ito's palette without its black and yellow, which vanish on one of the two themes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Open, so that lines that lie on each other are seen to be several.
SYMBOLS = ("circle-open", "square-open", "diamond-open", "cross-open", "triangle-up-open", "x-open")
# 4.5:1 on white and 4.2:1 on JupyterLab's dark background.
TEXT = "#767676"
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
    """The same figure with our template, title and any further layout; the figure is changed in place."""
    heading: dict[str, Any] = {"text": title}
    if subtitle:
        heading["subtitle"] = {"text": subtitle}
    if layout.get("legend", {}).get("orientation") == "h":
        # a browser, unlike our PNGs, does not make room for a legend between subtitle and plot
        heading |= {"y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 16}}
        lines = 1 + subtitle.count("<br>") if subtitle else 0
        layout["margin"] = {"t": 54 + 18 * lines + 22 * legend_rows(figure)} | layout.get("margin", {})
    return figure.update_layout(template=template(), title=heading, **layout)


def legend_rows(figure: go.Figure) -> int:
    """About how many rows a horizontal legend has."""
    names = [trace.name for trace in figure.data if trace.showlegend is not False and trace.name]
    return -(-len(names) // max(1, 800 // (60 + 8 * max(map(len, names))))) if names else 0


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
