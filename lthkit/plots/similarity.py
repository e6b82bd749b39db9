"""Overlap of searches, always beside what chance would give."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from lthkit.errors import LthkitError
from lthkit.plots.heat import heatmap
from lthkit.plots.theme import COLOURS, SYMBOLS, style
from lthkit.plots.ticks import layer_axis, mark_blocks, round_axis, sparsity_axis
from lthkit.plots.titles import title

CHANCE = {"jaccard": "", "chance_layers": ": chance, layers' densities", "chance_global": ": chance, network's density"}
TICKS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
TIMES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def overlap_curve(pairs: Mapping[str, xr.Dataset] | xr.Dataset) -> go.Figure:
    """Relative similarity by sparsity of pairs of searches (Chen et al. 2021, Fig. 6 top), logarithmic axes.

    Dashed: what independent random masks of the same density have; dotted: of the same density in each layer. The
    lower panel divides by the latter, so that 1 is chance.

    Args:
        pairs: ``like_for_like(pooled(overlap))`` of each pair, by name, or one alone.

    Raises:
        LthkitError: if there is no pair, or one is not pooled and like for like.
    """
    named = {f"{pairs.attrs['a']} and {pairs.attrs['b']}": pairs} if isinstance(pairs, xr.Dataset) else dict(pairs)
    if not named:
        raise LthkitError("there is no pair of searches to draw; give the overlap of at least one")
    for label, pair in named.items():
        if pair["jaccard"].dims != ("round",):
            raise LthkitError(f"overlap '{label}' is not one line; draw like_for_like(pooled(overlap))")
    figure = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.65, 0.35])
    for index, (label, pair) in enumerate(named.items()):
        colour, symbol = COLOURS[index % len(COLOURS)], SYMBOLS[index % len(SYMBOLS)]
        for column, dash in (("chance_global", "dash"), ("chance_layers", "dot"), ("jaccard", "solid")):
            _line(figure, pair, column, f"{label}{CHANCE[column]}", {"color": colour, "dash": dash}, symbol)
    longest = max(named.values(), key=lambda pair: pair.sizes["round"])
    axis = sparsity_axis(
        np.concatenate([1 - pair["sparsity"].values for pair in named.values()]), 1 - longest["sparsity"].values
    )
    compared = "; ".join(dict.fromkeys(pair.attrs["compared"] for pair in named.values()))
    style(
        figure,
        "Overlap of masks by sparsity",
        f"{compared}<br>dashed: chance at the networks' densities; dotted: chance at their layers' densities",
        height=700,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        showlegend=True,
    )
    figure.update_xaxes(axis | {"title": {"text": ""}})
    figure.update_xaxes(title=axis["title"], row=2)
    values = [np.concatenate([line[name].values for name in CHANCE]) for line in named.values()]
    figure.update_yaxes(title={"text": _upright(named, "jaccard")}, **_log_axis(values, TICKS, 100), row=1)
    times = [pair["times_chance"].values for pair in named.values()]
    around = _log_axis([*times, np.array([0.6, 1.6])], TIMES, 1)
    figure.update_yaxes(title={"text": _upright(named, "times_chance")}, **around, row=2)
    return figure


def _upright(pairs: dict[str, xr.Dataset], name: str) -> str:
    """The title of a short upright axis, on two lines."""
    return title(next(iter(pairs.values()))[name]).replace(" ÷ ", " ÷<br>")


def _line(figure: go.Figure, pair: xr.Dataset, column: str, label: str, line: dict[str, Any], symbol: str) -> None:
    """One line of a pair above, and what it is as a multiple of chance below."""
    measured = column == "jaccard"
    base = pair["chance_layers"].values
    y = pair[column].values
    times = np.divide(y, base, out=np.full(len(y), np.nan), where=base > 0)
    data = np.stack([100 * y, times, 100 * pair["sparsity"].values, pair["round_a"].values, pair["round_b"].values], 1)
    panels = [(1, y)] if column == "chance_global" else [(1, y), (2, times)]
    for row, values in panels:
        figure.add_scatter(
            x=1 - pair["sparsity"].values,
            y=np.where(values > 0, values, np.nan),
            name=label,
            mode="lines+markers" if measured else "lines",
            showlegend=measured and row == 1,
            legendgroup=label,
            line=line | {"width": 2 if measured else 1.5},
            marker={"color": line["color"], "size": 8, "symbol": symbol},
            customdata=data,
            hovertemplate="%{customdata[0]:.3g} %, %{customdata[1]:.3g} × chance<br>%{customdata[2]:.2f} % removed "
            "(rounds %{customdata[3]:.0f} and %{customdata[4]:.0f})<extra>%{fullData.name}</extra>",
            row=row,
            col=1,
        )


def _log_axis(values: list[np.ndarray], ticks: tuple[float, ...], times: float) -> dict[str, Any]:
    """A logarithmic axis over all positive values; ``times`` is what a tick of 1 reads."""
    known = np.concatenate(values)
    known = known[known > 0]
    low, high = float(known.min(initial=1.0)) / 1.3, float(known.max(initial=1.0)) * 1.3
    shown = [tick for tick in ticks if low <= tick <= high]
    texts = [f"{times * tick:g}" for tick in shown]
    return {"type": "log", "tickvals": shown, "ticktext": texts, "range": [np.log10(low), np.log10(high)]}


def overlap_matrix(counts: xr.Dataset) -> go.Figure:
    """Overlap at all pairs of rounds, and how many times chance (the layers' own densities) that is.

    Args:
        counts: ``pooled(overlap)``, or one layer or block of it: dimensions (round_a, round_b).
    """
    a, b = counts.attrs["a"], counts.attrs["b"]
    figure = _two_panels(
        counts, ("round_a", "round_b"), f"round %{{y}} of {a}, round %{{x}} of {b}", (0.425, 1.01), 0.16
    )
    style(figure, f"Overlap of {a} and {b}, round by round", _place(counts), width=1000, height=520)
    figure.update_xaxes(round_axis(f"round of {b}", counts["sparsity_b"].values))
    figure.update_yaxes(round_axis(f"round of {a}", counts["sparsity_a"].values, upright=True))
    return figure.update_yaxes(title={"text": ""}, col=2)


def overlap_by_layer(counts: xr.Dataset) -> go.Figure:
    """Overlap of each layer (or block) by round, and how many times chance (its own densities) that is.

    Args:
        counts: ``like_for_like(overlap)``, dimensions layer and round; or with block instead of layer.
    """
    rows = "layer" if "layer" in counts["jaccard"].dims else "block"
    a, b = counts.attrs["a"], counts.attrs["b"]
    names = [str(name) for name in counts[rows].values]
    said = np.repeat(np.array(names)[:, None], counts.sizes["round"], axis=1)
    figure = _two_panels(counts, (rows, "round"), "%{text}, round %{x}", (0.435, 1.08), 0.14, text=said)
    height = 200 + max(12 * len(names), 260)
    style(figure, f"Overlap of {a} and {b} by {rows}", _place(counts), width=1000, height=height)
    figure.update_xaxes(round_axis("round", counts["sparsity"].values, counts["round"].values))
    figure.update_yaxes(layer_axis(names, autorange="reversed"))
    return (
        mark_blocks(figure, [str(block) for block in counts["block"].values], axis="y", panels=2)
        if rows == "layer"
        else figure
    )


def _two_panels(
    counts: xr.Dataset,
    dims: tuple[str, str],
    where: str,
    bars: tuple[float, float],
    space: float,
    **rest: Any,
) -> go.Figure:
    """The overlap and its multiple of chance beside each other, each below its name."""
    drawn = [counts[name].transpose(*dims) for name in ("jaccard", "times_chance")]
    titles = [title(array) for array in drawn]
    figure = make_subplots(1, 2, horizontal_spacing=space, shared_yaxes=True, subplot_titles=titles)
    for panel, (array, x) in enumerate(zip(drawn, bars, strict=True), 1):
        figure.add_trace(heatmap(array, where, {"title": {"text": ""}, "x": x, "thickness": 14}, **rest), 1, panel)
    return figure.update_annotations(font={"size": 13})


def _place(counts: xr.Dataset) -> str:
    """What was compared; of a single layer or block, which."""
    for key in ("layer", "block"):
        if key in counts.coords and not counts[key].dims:
            return f"{key} {str(counts[key].item()).removesuffix('.weight')}, {int(counts['weights']):,} weights"
    return str(counts.attrs["compared"])
