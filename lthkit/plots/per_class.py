"""How well each class is found, by subnetwork (Chen et al. 2021, §4.3 report the mean over classes alone)."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from lthkit.analysis.labels import score_name
from lthkit.errors import LthkitError
from lthkit.plots.theme import COLOURS, style

_MEAN = "mean"
_GAP = 0.6  # of a group's room, between the classes and their mean


def per_class(scores: xr.DataArray) -> go.Figure:
    """Bars of each class, one a subnetwork (of one run each), and of the mean over the classes that have a score.

    Args:
        scores: (subnetwork, class) from 0 to 1, both with their names, NaN where a class has no object; named as the
            score. Attribute ``test_share`` as everywhere, and ``split``.

    Raises:
        LthkitError: if a dimension or its names are missing, or nothing is scored.
    """
    for dimension in ("subnetwork", "class"):
        if dimension not in scores.dims or dimension not in scores.coords:
            raise LthkitError(f"the scores have no dimension '{dimension}' with names; give subnetwork and class")
    ordered = scores.transpose("subnetwork", "class")
    values = ordered.values
    if not np.isfinite(values).any():
        raise LthkitError("no class has a score; was the split without objects?")
    names = [str(name) for name in ordered["class"].values]
    without = [name for name, column in zip(names, values.T, strict=True) if not np.isfinite(column).any()]
    places = [*range(len(names)), len(names) + _GAP]
    figure = go.Figure()
    for index, (subnetwork, row) in enumerate(zip(ordered["subnetwork"].values, values, strict=True)):
        figure.add_bar(
            x=places,
            y=[*row, np.nanmean(row)],
            customdata=[*names, _MEAN],
            name=str(subnetwork),
            marker={"color": COLOURS[index % len(COLOURS)]},
            hovertemplate="%{customdata}: %{y:.1%}<extra>%{fullData.name}</extra>",
        )
    long = max(len(name) for name in names) * len(names) > 100
    split, share = str(scores.attrs.get("split", "test")), float(scores.attrs.get("test_share", 1.0))
    return style(
        figure,
        f"{scores.name} of each class",
        f"{split} split; one run each" + (f"; no objects: {', '.join(without)}" if without else ""),
        xaxis={
            "tickvals": places,
            "ticktext": [*names, f"<b>{_MEAN}</b>"],
            "tickangle": -45 if long else 0,
            "range": [-0.6, places[-1] + 0.6],
            "showgrid": False,
        },
        yaxis={"title": {"text": score_name(str(scores.name), share)}, "tickformat": ".0%", "rangemode": "tozero"},
        barmode="group",
        bargap=0.25,
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        width=max(900, 90 * (len(names) + 1)),
    )
