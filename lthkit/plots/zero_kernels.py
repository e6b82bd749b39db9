"""How many kernels are completely zero, beside chance."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from lthkit.errors import LthkitError
from lthkit.plots.theme import COLOURS, SYMBOLS, style
from lthkit.plots.ticks import sparsity_axis

TITLES = {"larger": "kernels larger than 1×1", "1×1": "1×1 kernels (each is one weight)"}


def zero_kernels_curve(counts: Mapping[str, xr.Dataset] | xr.Dataset) -> go.Figure:
    """Number of completely zero kernels by sparsity (Chen et al. 2021, Fig. 6 bottom), 1×1 and larger apart.

    Dashed: as many as random pruning would leave with the same layer densities; of 1×1 kernels all, by definition.

    Args:
        counts: ``pooled(zero_kernels, "kind")`` of each search by name, or one alone.

    Raises:
        LthkitError: if there is nothing to draw, or it is not pooled by kind.
    """
    named = {str(counts.attrs["name"]): counts} if isinstance(counts, xr.Dataset) else dict(counts)
    if not named:
        raise LthkitError("there is no search to draw; give the zeros of at least one")
    for label, one in named.items():
        if "kind" not in one.dims or "layer" in one.dims:
            raise LthkitError(f"the zeros of '{label}' are not pooled by kind; draw pooled(zero_kernels, 'kind')")
    kernels = {label: one.sel(unit="kernel") if "unit" in one.dims else one for label, one in named.items()}
    kinds = [kind for kind in TITLES if any(kind in one["kind"].values for one in kernels.values())]
    figure = make_subplots(len(kinds), 1, shared_xaxes=True, vertical_spacing=0.1)
    for row, kind in enumerate(kinds, 1):
        for index, (label, one) in enumerate(kernels.items()):
            if kind in one["kind"].values:
                _add(figure, one.sel(kind=kind), label, index, row)
    longest = max(kernels.values(), key=lambda one: one.sizes["round"])
    densities = np.concatenate([1 - one["sparsity"].values for one in kernels.values()])
    axis = sparsity_axis(densities, 1 - longest["sparsity"].values)
    style(
        figure,
        "Completely zero kernels by sparsity",
        "dashed: expected of random pruning with the same layer densities",
        height=260 + 240 * len(kinds),
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        showlegend=True,
    )
    figure.update_xaxes(axis | {"title": {"text": ""}})
    figure.update_xaxes(title=axis["title"], row=len(kinds))
    for row, kind in enumerate(kinds, 1):
        figure.update_yaxes(title={"text": TITLES[kind]}, tickformat=",d", rangemode="tozero", row=row)
    return figure


def _add(figure: go.Figure, one: xr.Dataset, label: str, index: int, row: int) -> None:
    colour, symbol = COLOURS[index % len(COLOURS)], SYMBOLS[index % len(SYMBOLS)]
    for column, dash in (("counted", "solid"), ("expected", "dash")):
        share = one["share" if column == "counted" else "chance"].values
        said = label if column == "counted" else f"{label}, by chance"
        figure.add_scatter(
            x=1 - one["sparsity"].values,
            y=one[column].values,
            name=said,
            mode="lines+markers" if column == "counted" else "lines",
            showlegend=column == "counted" and not any(trace.name == said for trace in figure.data),
            legendgroup=label,
            line={"color": colour, "width": 2 if column == "counted" else 1.5, "dash": dash},
            marker={"color": colour, "size": 9, "symbol": symbol},
            customdata=np.stack([100 * share, 100 * one["sparsity"].values, one["round"].values], axis=1),
            hovertemplate=f"%{{y:,.0f}} of {int(one['units']):,} (%{{customdata[0]:.3g}} %)<br>"
            f"round %{{customdata[2]:.0f}}, %{{customdata[1]:.2f}} % removed<extra>{said}</extra>",
            row=row,
            col=1,
        )
