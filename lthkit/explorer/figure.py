"""The explorer's figure: layers on the left, the picture, one kernel's weights on the right.

Its traces never change. Every state of the explorer is a set of values for the same properties, so that a page goes
from one state to the next by changing those that differ.
"""

from base64 import b64encode
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lthkit.explorer.axes import Axis
from lthkit.explorer.choices import Choices, short
from lthkit.explorer.look import look
from lthkit.explorer.model import Model
from lthkit.explorer.pictures import Picture, picture
from lthkit.explorer.words import heading, summary
from lthkit.plots.colours import died_scale
from lthkit.plots.theme import COLOURS, TEXT, style, title_pad, wrapped
from lthkit.plots.titles import bar_title

BARS, CHANCE, PICTURE, KERNEL_A, KERNEL_B = range(5)
# a trace (or None for the layout) and a property of it, with dots
State = dict[tuple[int | None, str], Any]
# in a batch; live it is as wide as its cell
WIDTH = 1000
HEIGHT = 700
MOST_LAYER_NAMES = 56
MOST_TEXTS = 64
MOST_LETTERS = 15
MOST_TITLE = 60


def build(model: Model, choices: Choices) -> go.Figure:
    """The figure of one state of the explorer."""
    drawn = picture(model, choices)
    figure = empty(model)
    for (trace, path), value in state(model, choices, drawn).items():
        (figure.layout if trace is None else figure.data[trace])[path] = value
    figure.data[PICTURE].z = packed(drawn.cells)
    return figure


def state(model: Model, choices: Choices, drawn: Picture) -> State:
    """All properties of the figure that choices decide, but for the cells of the picture."""
    said = wrapped(heading(model, choices), 17, WIDTH)
    title: State = {
        (None, "title.text"): said,
        (None, "title.pad.t"): title_pad(said),
        (None, "title.subtitle.text"): wrapped(f"{summary(model, choices)} · {drawn.words}", 12, WIDTH),
    }
    return title | _bars(model, choices) | _picture(drawn) | _weights(model, choices)


def packed(cells: np.ndarray) -> dict[str, str]:
    """An array as plotly's page takes it fastest: its bytes, with type and shape."""
    kinds = {"uint8": "u1", "float64": "f8"}
    data = b64encode(np.ascontiguousarray(cells).tobytes()).decode()
    return {"bdata": data, "dtype": kinds[cells.dtype.name], "shape": ", ".join(map(str, cells.shape))}


def empty(model: Model) -> go.Figure:
    """The traces without data, and what never changes of the axes."""
    named = max(len(search.codes) for search in model.searches.values())
    figure = go.Figure()
    figure.add_bar(orientation="h", hovertemplate="%{y}<br>%{x:.4g} %<br>click to see the layer<extra></extra>")
    mark = {"symbol": "diamond", "size": 7, "color": COLOURS[1]}
    figure.add_scatter(mode="markers", marker=mark, hovertemplate="%{y}<br>by chance %{x:.4g} %<extra></extra>")
    bar = {"x": 0.775, "thickness": 14, "len": 1, "title": {"side": "right"}}
    figure.add_heatmap(xaxis="x2", yaxis="y2", zmin=0, colorbar=bar)
    for number in (3, 4):
        figure.add_heatmap(
            xaxis=f"x{number}",
            yaxis=f"y{number}",
            showscale=False,
            xgap=1,
            ygap=1,
            hovertemplate="row %{y}, column %{x}: %{text}<extra></extra>",
        )
    bare = {"showgrid": False, "showline": False, "ticks": "", "showticklabels": False}
    style(
        figure,
        "",
        " ",
        height=HEIGHT,
        showlegend=False,
        hovermode="closest",
        bargap=0.25,
        font={"size": 12},
        margin={"l": 20, "r": 10, "t": 90, "b": 60},
        xaxis={"domain": [0, 0.16], "rangemode": "tozero", "nticks": 4},
        yaxis={"side": "left", "showgrid": False, "tickfont": {"size": 12 if named <= 30 else 10}},
        xaxis2={"anchor": "y2", "showgrid": False},
        yaxis2={"anchor": "x2", "showgrid": False},
        xaxis3={"domain": [0.9, 1], "anchor": "y3", "constrain": "domain", **bare},
        yaxis3={"domain": [0.56, 0.9], "anchor": "x3", "scaleanchor": "x3", "constrain": "domain", **bare},
        xaxis4={"domain": [0.9, 1], "anchor": "y4", "constrain": "domain", **bare},
        yaxis4={"domain": [0.04, 0.38], "anchor": "x4", "scaleanchor": "x4", "constrain": "domain", **bare},
        annotations=[
            {
                "x": 1,
                "xanchor": "right",
                "y": y,
                "xref": "paper",
                "yref": "paper",
                "yanchor": "bottom",
                "showarrow": False,
                "text": "",
            }
            for y in (0.91, 0.39)
        ],
    )
    return figure


def _bars(model: Model, choices: Choices) -> State:
    view, scene = look(model, choices)
    counts = view.counts(scene)
    count, scoped = len(counts.layers), set(scene.chosen)
    names = [short(name) for name in counts.layers]
    step = -(-count // MOST_LAYER_NAMES)
    shares, chance = 100 * counts.share, 100 * counts.chance
    known = np.isfinite(chance)
    return {
        (BARS, "x"): packed(np.nan_to_num(shares)),
        (BARS, "y"): names,
        (BARS, "marker.color"): [COLOURS[0] if name in scoped else TEXT for name in counts.layers],
        (CHANCE, "x"): packed(chance[known]),
        (CHANCE, "y"): [name for name, there in zip(names, known, strict=True) if there],
        (None, "xaxis.title.text"): f"share (%){'<br>◆ by chance' if known.any() else ''}",
        (None, "yaxis.range"): [count - 0.5, -0.5],
        (None, "yaxis.tickvals"): list(range(0, count, step)),
        (None, "yaxis.ticktext"): names[::step],
    }


def _picture(drawn: Picture) -> State:
    heat: State = {
        (PICTURE, "zmax"): drawn.scale.top,
        (PICTURE, "colorscale"): drawn.scale.steps,
        (PICTURE, "colorbar.title.text"): bar_title(drawn.array, MOST_TITLE),
        (PICTURE, "colorbar.tickvals"): drawn.scale.bar["tickvals"],
        (PICTURE, "colorbar.ticktext"): drawn.scale.bar["ticktext"],
        (PICTURE, "hovertemplate"): drawn.hover,
    }
    edges = [(x, x, -0.5, drawn.down.cells - 0.5, "#FFFFFF") for x in drawn.across.lines]
    boxes = [*edges, (*drawn.frame, COLOURS[1])] if drawn.frame else edges
    shapes = [
        {"type": "rect", "xref": "x2", "yref": "y2", "x0": x0, "x1": x1, "y0": y0, "y1": y1}
        | {"line": {"color": colour, "width": 2}}
        for x0, x1, y0, y1, colour in boxes
    ]
    axes = _axis(drawn.across, "x", False) | _axis(drawn.down, "y", True)
    axes[None, "xaxis2.domain"] = [0.36 if drawn.down.long else 0.26, 0.765]
    axes[None, "xaxis2.tickangle"] = -90 if drawn.across.long else 0
    return heat | axes | {(None, "shapes"): shapes}


def _axis(axis: Axis, side: str, reverse: bool) -> State:
    ends = list(axis.ends)
    name = f"{side}axis2"
    return {
        (PICTURE, f"{side}0"): (axis.step - 1) / 2,
        (PICTURE, f"d{side}"): axis.step,
        (None, f"{name}.title.text"): axis.title,
        (None, f"{name}.range"): ends[::-1] if reverse else ends,
        (None, f"{name}.tickmode"): "auto" if axis.ticks is None else "array",
        (None, f"{name}.tickvals"): axis.ticks[0] if axis.ticks else None,
        (None, f"{name}.ticktext"): axis.ticks[1] if axis.ticks else None,
        (None, f"{name}.tickfont.size"): 9 if axis.ticks and len(axis.ticks[1]) > 24 else 12,
    }


def _weights(model: Model, choices: Choices) -> State:
    _, scene = look(model, choices)
    made: State = {}
    panels = ((KERNEL_A, scene.a, scene.round), (KERNEL_B, scene.b, scene.round_b))
    for place, (trace, name, at) in enumerate(panels):
        shown = bool(name and scene.layer)
        which = f"kernel {scene.kernel[0]}, {scene.kernel[1]}"
        text = f"<b>{_brief(name)}</b><br>{which}<br>died in round" if name and shown else ""
        if trace == KERNEL_A and not shown:
            text = "choose a layer<br>to see kernels"
        made[None, f"annotations[{place}].text"] = text
        codes = model.weights(name, scene.single, scene.kernel) if name and shown else np.zeros((1, 1), np.uint8)
        made |= _kernel(trace, codes, model.rounds(name or scene.a), at, shown)
    return made


def _brief(name: str) -> str:
    return name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"


def _kernel(trace: int, codes: np.ndarray, rounds: int, at: int, shown: bool) -> State:
    """When each weight died, as seen at a round: what dies later is left."""
    texts = np.where(codes > at, "left", codes.astype(str)).tolist()
    axis = trace - KERNEL_A + 3
    rows, columns = codes.shape
    return {
        (trace, "z"): packed(np.where(codes > at, rounds + 1, codes).astype(np.uint8)),
        (trace, "text"): texts,
        (trace, "texttemplate"): "%{text}" if codes.size <= MOST_TEXTS else "",
        (trace, "visible"): shown,
        (trace, "zmin"): -0.5,
        (trace, "zmax"): rounds + 1.5,
        (trace, "colorscale"): died_scale(rounds if shown else 0),
        (None, f"xaxis{axis}.range"): [-0.5, columns - 0.5],
        (None, f"yaxis{axis}.range"): [rows - 0.5, -0.5],
    }
