"""Densities of layers and blocks over the rounds."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from lthkit.plots.heat import heatmap
from lthkit.plots.theme import COLOURS, SYMBOLS, style
from lthkit.plots.ticks import layer_axis, mark_blocks, round_axis, sparsity_axis
from lthkit.plots.titles import hover, shown, title


def density_heat(density: xr.DataArray) -> go.Figure:
    """Share of each layer's weights left, layers from input (top) to output, over the rounds.

    Args:
        density: (layer, round), as :func:`lthkit.analysis.layer_density` gives.
    """
    names = [str(name) for name in density["layer"].values]
    said = np.repeat(np.array(names)[:, None], density.sizes["round"], axis=1)
    cells = density.transpose("layer", "round")
    figure = go.Figure(heatmap(cells, "%{text}, round %{x}", {"thickness": 16, "x": 1.08}, text=said))
    style(
        figure,
        "Weights left by layer and round",
        f"{len(names)} layers in depth order, input at the top; logarithmic colours",
        xaxis=round_axis("round", density["sparsity"].values, density["round"].values),
        yaxis=layer_axis(names, autorange="reversed"),
        height=220 + max(12 * len(names), 260),
    )
    return mark_blocks(figure, [str(block) for block in density["block"].values], axis="y")


def block_densities(density: xr.DataArray) -> go.Figure:
    """Share of each block's weights left against the sparsity of the whole network.

    Args:
        density: (block, round), as :func:`lthkit.analysis.block_density` gives.
    """
    whole = 1 - density["sparsity"].values
    figure = go.Figure()
    for index, block in enumerate(density["block"].values.tolist()):
        share = density.sel(block=block).values
        colour = COLOURS[index % len(COLOURS)]
        figure.add_scatter(
            x=whole,
            y=np.where(share > 0, share, np.nan),
            name=block,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"color": colour, "size": 8, "symbol": SYMBOLS[index % len(SYMBOLS)]},
            customdata=np.stack([shown(density.sel(block=block)), density["round"].values], axis=1),
            hovertemplate="round %{customdata[1]:.0f}<br>"
            f"{hover(density, '%{customdata[0]:.3g}')}<extra>%{{fullData.name}}</extra>",
        )
    figure.add_scatter(
        x=whole,
        y=np.where(whole > 0, whole, np.nan),
        name="whole network",
        mode="lines",
        line={"color": "#767676", "width": 1.5, "dash": "dash"},
        hovertemplate="whole network<br>%{y:.3%} left<extra></extra>",
    )
    ticks = [tick for tick in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001) if tick >= whole.min() / 10]
    return style(
        figure,
        "Weights left by block",
        f"{density.sizes['block']} blocks, rounds 0 to {int(density['round'].max())}",
        xaxis=sparsity_axis(whole, whole),
        yaxis={
            "title": {"text": title(density)},
            "type": "log",
            "tickvals": ticks,
            "ticktext": [f"{100 * tick:g}" for tick in ticks],
        },
        height=520,
    )
