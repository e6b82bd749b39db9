"""Where the weights are that are left: by layer, and by kernel of one layer."""

import math

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from lthkit.analysis.labels import labelled
from lthkit.analysis.masks.tiles import tile_side, tiled
from lthkit.plots.heat import heatmap
from lthkit.plots.theme import shades, spread, style
from lthkit.plots.titles import hover, shown, title

MOST_ROUNDS = 6


def layer_densities(density: xr.DataArray, rounds: list[int] | None = None) -> go.Figure:
    """Share of weights kept in each layer, in depth order, one line a round, on a logarithmic axis.

    A layer that has lost every weight is drawn at the foot of the axis, where the tick says 0.

    Args:
        density: (layer, round), fractions kept, as :func:`lthkit.analysis.layer_density` gives.
        rounds: which rounds; at most six, evenly spaced, when left out.
    """
    chosen = [int(value) for value in (spread(density["round"].values, MOST_ROUNDS) if rounds is None else rounds)]
    values = density.sel(round=chosen)
    names = [str(name).removesuffix(".weight") for name in density["layer"].values]
    kept = values.values[values.values > 0]
    foot = float(kept.min()) / 3 if len(kept) else 0.1
    figure = go.Figure()
    for round_, colour in zip(chosen, shades(len(chosen)), strict=True):
        share = values.sel(round=round_).values
        figure.add_scatter(
            x=names,
            y=np.maximum(share, foot),
            customdata=shown(values.sel(round=round_)),
            name=f"round {round_}",
            mode="lines+markers",
            line={"color": colour, "width": 1.5},
            marker={"color": colour, "size": 6},
            hovertemplate=f"%{{x}}<br>{hover(density)}<extra>%{{fullData.name}}</extra>",
        )
    ticks, labels = _percent_ticks(foot, empty=len(kept) < values.size)
    style(
        figure,
        "Weights left by layer",
        f"{len(names)} layers in depth order (input on the left)",
        xaxis={
            "title": {"text": title(density["layer"])},
            "type": "category",
            "tickangle": -90,
            "dtick": 1,
            "tickfont": {"size": 12 if len(names) <= 30 else 9},
        },
        yaxis={
            "title": {"text": title(density)},
            "type": "log",
            "tickvals": ticks,
            "ticktext": labels,
            "range": [math.log10(foot / 1.2), math.log10(1.2)],
        },
        height=560,
        width=None if len(names) <= 30 else 1100,
    )
    return figure


def _percent_ticks(foot: float, empty: bool) -> tuple[list[float], list[str]]:
    """Ticks at powers of ten between ``foot`` and 1, closer ones over few powers; ``foot`` reads 0 if used."""
    least = math.floor(math.log10(foot))
    steps = (1, 2, 5) if least >= -3 else (1,)
    ticks = [step * 10.0**power for power in range(least, 1) for step in steps]
    ticks = [tick for tick in ticks if foot * 1.6 < tick <= 1]
    labels = [f"{100 * tick:.4g}" for tick in ticks]
    return ([foot, *ticks], ["0", *labels]) if empty else (ticks, labels)


def kernel_heatmap(kernels_left: xr.DataArray) -> go.Figure:
    """Weights left in each kernel of one layer; kernels that are completely zero are bright (Chen et al. 2021, Fig. 7).

    A layer of more than 200,000 kernels is drawn in square tiles, each showing the share of its kernels that
    are completely zero; the subtitle says the tile's size.

    Args:
        kernels_left: (out, in) counts, as :func:`lthkit.analysis.kernels_left` gives (attributes ``layer``,
            ``round``, ``kernel_size``).
    """
    tile = tile_side(kernels_left.shape)
    zero = kernels_left.values == 0
    first = (tile - 1) / 2
    cells, around = (kernels_left, "") if tile == 1 else (_zero_tiles(zero, tile), "around ")
    where = f"{around}output %{{y}}, input %{{x}}"
    figure = go.Figure(heatmap(cells, where, x0=first, dx=tile, y0=first, dy=tile))
    counted = f"{zero.sum():,} of {zero.size:,} kernels completely zero ({zero.mean():.1%})"
    if tile > 1:
        counted += f"; tiles of {tile} × {tile} kernels"
    attrs = kernels_left.attrs
    channels = dict(zip(kernels_left.dims, kernels_left.shape, strict=True))
    return style(
        figure,
        f"{attrs['layer'].removesuffix('.weight')}, round {attrs['round']}: zero kernels",
        counted,
        xaxis={"title": {"text": f"input channel ({channels['in']:,})"}, "showgrid": False},
        yaxis={"title": {"text": f"output channel ({channels['out']:,})"}, "autorange": "reversed", "showgrid": False},
        height=560,
    )


def _zero_tiles(zero: np.ndarray, tile: int) -> xr.DataArray:
    shares = xr.DataArray(tiled(zero, tile), dims=("out", "in"), name="zero_kernels")
    return labelled(shares, zero_kernels=("completely zero kernels", "1"))
