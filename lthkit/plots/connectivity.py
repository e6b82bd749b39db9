"""Why a ticket works: barriers between trainings by sparsity, and masks by epoch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from lthkit.analysis.labels import metric_name
from lthkit.errors import LthkitError
from lthkit.plots.bands import add_band
from lthkit.plots.heat import heatmap
from lthkit.plots.labels import mask_label
from lthkit.plots.theme import COLOURS, SYMBOLS, faint, spread, style
from lthkit.plots.ticks import MOST_TICKS, sparsity_axis

_NEEDED = ("mask", "round", "sparsity", "one", "other", "barrier", "error", "metric")


def barriers(instability: pd.DataFrame, title: str | None = None) -> go.Figure:
    """Error barriers against sparsity, a line for each kind of mask, above the errors at the ends of the lines.

    Frankle et al. 2020, Figures 3 and 4: where the barrier of a subnetwork rises, its trainings drift apart, and its
    error leaves the dense network's. Means of all pairs of trainings with one standard deviation (ddof 1). The lines
    begin at the dense network of round 0; one that was trained from where later rounds begin is a point beside it.

    Args:
        instability: as ``lthkit.instability`` gives it.
        title: instead of the usual one.

    Raises:
        LthkitError: if a column is missing or there are no rows.
    """
    for column in _NEEDED:
        if column not in instability:
            raise LthkitError(f"the rows have no column '{column}'; draw what lthkit.instability gives")
    if instability.empty:
        raise LthkitError("there are no barriers to draw; compare trainings of a round first")
    figure = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.08)
    kinds = list(dict.fromkeys(instability["mask"]))
    for place, kind in enumerate(kinds):
        own = _line_of(instability, kind)
        for row, column in ((1, "barrier"), (2, "error")):
            _add_line(figure, own, column, kind, place, row)
    metric = str(instability["metric"].iloc[0])
    error = f"{metric_name(metric)} error" if metric == "accuracy" else metric_name(metric)
    densities = np.unique(1 - instability["sparsity"].to_numpy(float))[::-1]
    axis = sparsity_axis(densities, densities)
    figure.update_xaxes(**{**axis, "title": {"text": ""}, "showticklabels": False}, row=1, col=1)
    figure.update_xaxes(**axis, row=2, col=1)
    figure.update_yaxes(title_text="barrier", tickformat=".1%", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title_text=f"{error} at the ends", tickformat=".1%", row=2, col=1)
    return style(
        figure,
        title or "Barriers between trainings that differ in the order of data",
        f"{_pairs(instability)}; statistics of BatchNorm taken anew along the line",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        height=620,
    )


def _line_of(instability: pd.DataFrame, kind: str) -> pd.DataFrame:
    pruned = instability[(instability["mask"] == kind) & (instability["round"] > 0)]
    return pruned if kind == "dense" else pd.concat([instability[instability["round"] == 0], pruned])


def _pairs(frame: pd.DataFrame) -> str:
    counts = frame.groupby(["mask", "round"]).size()
    low, high = int(counts.min()), int(counts.max())
    if high == 1:
        return "one pair of trainings each"
    return f"means of {low if low == high else f'{low} to {high}'} pairs, bands: one standard deviation"


def _add_line(figure: go.Figure, frame: pd.DataFrame, column: str, kind: str, place: int, row: int) -> None:
    groups = frame.groupby("sparsity", sort=True)[column]
    x = 1 - np.array([sparsity for sparsity, _ in groups], float)
    means, deviations = groups.mean().to_numpy(float), groups.std(ddof=1).to_numpy(float)
    colour = COLOURS[place % len(COLOURS)]
    add_band(figure, x, means, deviations, faint(colour), row=row, col=1, legendgroup=kind)
    figure.add_scatter(
        x=x,
        y=means,
        name="dense, from where rounds begin" if kind == "dense" else mask_label(kind),
        legendgroup=kind,
        showlegend=row == 1,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"color": colour, "size": 8, "symbol": SYMBOLS[place % len(SYMBOLS)]},
        customdata=100 * (1 - x),
        hovertemplate=f"%{{customdata:.2f}} % removed<br>{column} %{{y:.2%}}<extra>%{{fullData.name}}</extra>",
        row=row,
        col=1,
    )


def barriers_between_rounds(between: pd.DataFrame, title: str | None = None) -> go.Figure:
    """Barriers between the rounds of one search: each with the next, and the dense network with each later one.

    Paul et al. 2022: where pruning leaves the basin, the barrier to the round before rises.

    Args:
        between: as ``lthkit.between_rounds`` gives it.
        title: instead of the usual one.

    Raises:
        LthkitError: if a column is missing or there are no rows.
    """
    for column in ("one", "other", "sparsity", "barrier"):
        if column not in between:
            raise LthkitError(f"the rows have no column '{column}'; draw what lthkit.between_rounds gives")
    if between.empty:
        raise LthkitError("there are no barriers to draw; give a search of at least one pruning")
    first = between["one"].min()
    lines = {
        "to the round before": between[between["other"] == between["one"] + 1],
        "to the dense network": between[between["one"] == first],
    }
    figure = go.Figure()
    for place, (name, own) in enumerate(lines.items()):
        own = own.sort_values("other")
        figure.add_scatter(
            x=1 - own["sparsity"],
            y=own["barrier"],
            name=name,
            mode="lines+markers",
            line={"color": COLOURS[place], "width": 2},
            marker={"color": COLOURS[place], "size": 8, "symbol": SYMBOLS[place]},
            customdata=np.stack([own["one"], own["other"], 100 * own["sparsity"]], axis=1),
            hovertemplate="rounds %{customdata[0]:.0f} and %{customdata[1]:.0f} · %{customdata[2]:.2f} % removed<br>"
            "barrier %{y:.2%}<extra>%{fullData.name}</extra>",
        )
    densities = np.unique(1 - between["sparsity"].to_numpy(float))[::-1]
    return style(
        figure,
        title or "Barriers between rounds of one search",
        "one line a pair; statistics of BatchNorm taken anew along it",
        xaxis=sparsity_axis(densities, densities),
        yaxis={"title": {"text": "barrier"}, "tickformat": ".1%", "rangemode": "tozero"},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    )


def early_bird_map(distances: xr.Dataset | Sequence[xr.Dataset], title: str | None = None) -> go.Figure:
    """How far the masks that each epoch would draw lie apart, as a heat map (You et al. 2020, Figure 3).

    Args:
        distances: as ``early_bird.early_bird`` gives them; of several trainings the mean.
        title: instead of the usual one.

    Raises:
        LthkitError: if several have other epochs.
    """
    several = [distances] if isinstance(distances, xr.Dataset) else list(distances)
    if not several or any(not each["epoch"].equals(several[0]["epoch"]) for each in several):
        raise LthkitError("the trainings have other epochs than each other; draw them one by one")
    first = several[0]["distance"]
    mean = first.copy(data=np.mean([each["distance"].values for each in several], axis=0))
    figure = go.Figure(heatmap(mean, "epochs %{x} and %{y}"))
    runs = f"mean of {len(several)} trainings; " if len(several) > 1 else ""
    said, ticks = several[0].attrs, spread(first["epoch"].values, MOST_TICKS)
    axis = {"title": {"text": "epoch"}, "showgrid": False, "constrain": "domain", "tickvals": ticks}
    return style(
        figure,
        title or "Masks that would be drawn at each epoch",
        f"{runs}round {said['round']}, {100 * said['density']:.3g} % of the weights left; epoch 0: before training",
        xaxis=axis,
        yaxis={**axis, "scaleanchor": "x"},
        height=620,
    )
