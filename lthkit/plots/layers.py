"""Where the weights are that are left: by layer, and by kernel of one layer."""

import math

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from lthkit.plots.theme import BRIGHT, DARK, DARKEST, shades, spread, style

MOST_ROUNDS = 6
MOST_CELLS = 200_000


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
            customdata=100 * share,
            name=f"round {round_}",
            mode="lines+markers",
            line={"color": colour, "width": 1.5},
            marker={"color": colour, "size": 6},
            hovertemplate="%{x}<br>%{customdata:.3g} % kept<extra>%{fullData.name}</extra>",
        )
    ticks, labels = _percent_ticks(foot, empty=len(kept) < values.size)
    style(
        figure,
        "Weights kept by layer",
        f"{len(names)} layers in depth order (input on the left)",
        xaxis={
            "title": {"text": "layer"},
            "type": "category",
            "tickangle": -90,
            "dtick": 1,
            "tickfont": {"size": 12 if len(names) <= 30 else 9},
        },
        yaxis={
            "title": {"text": "weights kept (%)"},
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
    """Weights left in each kernel of one layer; kernels that are completely zero are bright (Chen et al., Fig. 7).

    A layer of more than 200,000 kernels is drawn in square tiles, each showing the share of its kernels that
    are completely zero; the subtitle says the tile's size.

    Args:
        kernels_left: (out, in) counts, as :func:`lthkit.analysis.kernels_left` gives (attributes ``layer``,
            ``round``, ``kernel_size``).
    """
    left = kernels_left.values
    zero = left == 0
    tile = _tile(left.shape)
    size = int(kernels_left.attrs.get("kernel_size", max(int(left.max(initial=1)), 1)))
    heatmap = _kernel_cells(left, size) if tile == 1 else _tiled_cells(zero, tile)
    figure = go.Figure(heatmap)
    counted = f"{zero.sum():,} of {zero.size:,} kernels completely zero ({zero.mean():.1%})"
    if tile > 1:
        counted += f"; tiles of {tile} × {tile} kernels"
    where = str(kernels_left.attrs.get("layer", "layer")).removesuffix(".weight")
    at = f", round {kernels_left.attrs['round']}" if "round" in kernels_left.attrs else ""
    style(
        figure,
        f"{where}{at}: zero kernels",
        counted,
        xaxis={"title": {"text": f"input channel ({left.shape[1]:,})"}, "showgrid": False},
        yaxis={"title": {"text": f"output channel ({left.shape[0]:,})"}, "autorange": "reversed", "showgrid": False},
        height=560,
    )
    return figure


def _kernel_cells(left: np.ndarray, size: int) -> go.Heatmap:
    top = min(size, 255)
    edge = 0.5 / top
    scale = [[0, BRIGHT], [edge, BRIGHT], [edge, DARKEST], [1, DARK]]
    return go.Heatmap(
        z=np.minimum(left, 255).astype(np.uint8),
        zmin=0,
        zmax=top,
        colorscale=scale,
        colorbar={
            "title": {"text": f"weights left<br>(of {size})"},
            "tickvals": list(range(0, top + 1, max(1, top // 9))),
        },
        hovertemplate="output %{y}, input %{x}<br>%{z} weights left<extra></extra>",
    )


def _tiled_cells(zero: np.ndarray, tile: int) -> go.Heatmap:
    rows, columns = (np.arange(0, length, tile) for length in zero.shape)
    sums = np.add.reduceat(np.add.reduceat(zero.astype(np.uint32), rows, axis=0), columns, axis=1)
    heights, widths = (
        np.diff(np.append(starts, length)) for starts, length in zip((rows, columns), zero.shape, strict=True)
    )
    share = sums / np.outer(heights, widths)
    return go.Heatmap(
        z=np.round(100 * share).astype(np.uint8),
        x0=(tile - 1) / 2,
        dx=tile,
        y0=(tile - 1) / 2,
        dy=tile,
        zmin=0,
        zmax=100,
        colorscale=[[0, DARK], [0.5, DARKEST], [1, BRIGHT]],
        colorbar={"title": {"text": "kernels<br>completely<br>zero (%)"}},
        hovertemplate="outputs around %{y}, inputs around %{x}<br>%{z} % completely zero<extra></extra>",
    )


def _tile(shape: tuple[int, ...]) -> int:
    """Side of the smallest square tile that leaves at most 200,000 cells."""
    tile = 1
    while math.prod(-(-length // tile) for length in shape) > MOST_CELLS:
        tile += 1
    return tile
