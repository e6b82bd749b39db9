"""Single kernels with the round in which each weight died."""

from math import ceil, sqrt
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from lthkit.errors import LthkitError
from lthkit.plots.colours import died_scale
from lthkit.plots.theme import TEXT, style
from lthkit.plots.titles import bar_title

MOST_CELLS = 200_000
MOST_TEXTS = 600
MOST_OUTLINES = 300
ZERO = "#D55E00"


def kernel_grid(patterns: xr.DataArray, round: int | None = None) -> go.Figure:
    """Kernels beside each other, each weight in the colour of the round in which it died; weights left are orange.

    Args:
        patterns: (kernel, height, width) codes, as :func:`lthkit.analysis.kernel_patterns` gives.
        round: as seen at this round (what dies later is left); the last when left out.

    Raises:
        LthkitError: if there are no kernels, or more than 200,000 weights.
    """
    count, tall, wide = patterns.shape
    if not count or patterns.size > MOST_CELLS:
        raise LthkitError(
            f"{count} kernels of {tall}×{wide} cannot be drawn; choose from 1 to {MOST_CELLS // (tall * wide)}"
        )
    rounds = int(patterns.attrs["rounds"])
    at = rounds if round is None else round
    died = np.where(patterns.values > at, 0, patterns.values)
    across = ceil(sqrt(count * 1.6)) if count > 4 else count
    down = ceil(count / across)
    tiled = _tiled(np.where(died == 0, rounds + 1, died), across, down)
    labels = _labels(patterns, died, across, down)
    figure = go.Figure(
        go.Heatmap(
            z=tiled,
            zmin=-0.5,
            zmax=rounds + 1.5,
            colorscale=died_scale(rounds),
            colorbar={"title": {"text": bar_title(patterns)}} | _bar(rounds),
            hovertext=labels,
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    if died.size <= MOST_TEXTS:
        texts = np.where(died == 0, "", died.astype(str))
        figure.data[0].update(text=_tiled(texts, across, down), texttemplate="%{text}", textfont={"size": 10})
    _frame(figure, across, down, (tall, wide))
    empty = np.flatnonzero((died > 0).all(axis=(1, 2)))
    outlined = 0 < len(empty) <= MOST_OUTLINES and tall * wide > 1
    if outlined:
        _outline(figure, empty, across, (tall, wide))
    said = (
        f"{int((died == 0).sum()):,} of {died.size:,} weights left; {len(empty):,} of {count:,} kernels completely zero"
    )
    name = str(patterns.attrs["layer"]).removesuffix(".weight")
    style(figure, f"{name}: when each weight died, round {at}", said + (" (outlined)" if outlined else ""))
    return figure.update_layout(**_axes(patterns, across, down))


def _axes(patterns: xr.DataArray, across: int, down: int) -> dict[str, Any]:
    """Axes that name the kernels: all of them if they stand in one row, else the first of each row."""
    count, tall, wide = patterns.shape
    outputs, inputs = patterns["output"].values, patterns["input"].values
    single = len(set(outputs.tolist())) == 1
    names = inputs.astype(str).tolist() if single else [f"{o}, {i}" for o, i in zip(outputs, inputs, strict=True)]
    what = f"input channel (of output {outputs[0]})" if single else "output, input channel"
    bare: dict[str, Any] = {"showgrid": False, "showline": False, "ticks": "", "showticklabels": False}
    named = {"showticklabels": True, "title": {"text": what}}
    x, y = bare | {"range": [-0.5, across * wide - 0.5]}, bare | {"range": [down * tall - 0.5, -0.5]}
    if down == 1:
        x |= named | {"tickvals": [(place + 0.5) * wide - 0.5 for place in range(count)], "ticktext": names}
    else:
        named["title"] = {"text": f"{what}: first of each row"}
        y |= named | {"tickvals": [(row + 0.5) * tall - 0.5 for row in range(down)], "ticktext": names[::across]}
    shape = {"height": round(min(170 + 770 * down * tall / (across * wide), 1000)), "margin": {"b": 30}}
    return {"xaxis": x | {"constrain": "domain"}, "yaxis": y | {"scaleanchor": "x", "constrain": "domain"}} | shape


def _tiled(values: np.ndarray, across: int, down: int) -> np.ndarray:
    """(kernel, height, width) → (down · height, across · width); places without a kernel are 0 or empty."""
    count, tall, wide = values.shape
    filled = np.zeros((across * down, tall, wide), values.dtype)
    filled[:count] = values
    return filled.reshape(down, across, tall, wide).transpose(0, 2, 1, 3).reshape(down * tall, across * wide)


def _labels(patterns: xr.DataArray, died: np.ndarray, across: int, down: int) -> list[list[str]]:
    said = np.empty(died.shape, dtype=object)
    places = zip(patterns["output"].values, patterns["input"].values, strict=True)
    for kernel, (output, place) in enumerate(places):
        for row, column in np.ndindex(died.shape[1:]):
            code = died[kernel, row, column]
            what = f"dead from round {code}" if code else "left"
            said[kernel, row, column] = f"output {output}, input {place}<br>weight {row}, {column}: {what}"
    return [[value or "no kernel" for value in row] for row in _tiled(said, across, down)]


def _bar(rounds: int) -> dict[str, object]:
    ticks = list(range(1, rounds + 1, max(1, -(-rounds // 9))))
    texts = [*map(str, ticks), "left"]
    return {"tickvals": [*ticks, rounds + 1], "ticktext": texts}


def _outline(figure: go.Figure, empty: np.ndarray, across: int, kernel: tuple[int, int]) -> None:
    """Frames around completely zero kernels."""
    tall, wide = kernel
    for number in empty.tolist():
        x, y = number % across * wide - 0.5, number // across * tall - 0.5
        line = {"color": ZERO, "width": 3}
        figure.add_shape(type="rect", x0=x, x1=x + wide, y0=y, y1=y + tall, line=line, fillcolor="rgba(0,0,0,0)")


def _frame(figure: go.Figure, across: int, down: int, kernel: tuple[int, int]) -> None:
    """Lines between the kernels."""
    tall, wide = kernel
    if tall == wide == 1:
        return
    for column in range(across + 1):
        x = column * wide - 0.5
        figure.add_shape(type="line", x0=x, x1=x, y0=-0.5, y1=down * tall - 0.5, line={"color": TEXT, "width": 3})
    for row in range(down + 1):
        y = row * tall - 0.5
        figure.add_shape(type="line", y0=y, y1=y, x0=-0.5, x1=across * wide - 0.5, line={"color": TEXT, "width": 3})
