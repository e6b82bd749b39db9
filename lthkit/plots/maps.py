"""Maps of whole networks: all layers side by side from input to output, blocks marked (Chen et al. 2021, Fig. 7)."""

import plotly.graph_objects as go
import xarray as xr

from lthkit.analysis.masks.cells import PARTS
from lthkit.errors import LthkitError
from lthkit.plots.heat import heatmap
from lthkit.plots.theme import style
from lthkit.plots.ticks import MANY_LAYERS, divide, layer_axis, mark_blocks


def zero_kernels_map(cells: xr.Dataset, round: int) -> go.Figure:
    """Kernels of all layers from input to output, completely zero ones bright (Chen et al. 2021, Fig. 7).

    Args:
        cells: what :func:`lthkit.analysis.zero_kernel_cells` gives.
        round: which round.

    Raises:
        LthkitError: if the round is not there.
    """
    at = _at(cells, round)
    counted = [
        f"{_kind(str(kind))}: {count:,} of {units:,} ({count / units:.1%})"
        for kind, count, units in zip(at["kind"].values, at["counted"].values, at["units"].values, strict=True)
    ]
    figure = _figure(at["zero_kernels"])
    title = f"{cells.attrs['name']}: completely zero kernels, {_when(at)}"
    return style(figure, title, f"{'; '.join(counted)}; {cells.attrs['cell']}")


def weight_map(cells: xr.Dataset, round: int) -> go.Figure:
    """Share of weights left in all layers from input to output.

    Args:
        cells: what :func:`lthkit.analysis.weight_cells` gives.
        round: which round.

    Raises:
        LthkitError: if the round is not there.
    """
    at = _at(cells, round)
    figure = _figure(at["weights_left"])
    count, weights = int(at["counted"]), cells.attrs["weights"]
    said = f"{count:,} of {weights:,} weights left ({count / weights:.2%}); {cells.attrs['cell']}"
    return style(figure, f"{cells.attrs['name']}: weights left, {_when(at)}", said)


def difference_map(cells: xr.Dataset, round: int, part: str = "only_a") -> go.Figure:
    """Share of weights that two searches keep in common, or one alone, in all layers from input to output.

    Args:
        cells: what :func:`lthkit.analysis.difference_cells` gives.
        round: which round of a.
        part: ``both``, ``only_a`` or ``only_b``.

    Raises:
        LthkitError: if the round or the part is not there.
    """
    if part not in PARTS:
        raise LthkitError(f"there is no part '{part}' of an overlap; choose from {', '.join(PARTS)}")
    at = _at(cells, round)
    what = str(at[part].attrs["long_name"])
    figure = _figure(at[part])
    count, weights = int(at["counted"].sel(part=part)), cells.attrs["weights"]
    other = int(at["round_b"])
    beside = "" if other == round else f" beside round {other} of {cells.attrs['b']}"
    said = f"{count:,} of {weights:,} weights ({count / weights:.2%}); {cells.attrs['cell']}"
    return style(figure, f"{what.capitalize()}, {_when(at)}{beside}", said)


def _at(cells: xr.Dataset, round: int) -> xr.Dataset:
    if round not in cells["round"].values:
        raise LthkitError(f"the map has no round {round}; choose one from 0 to {int(cells['round'].max())}")
    return cells.sel(round=round)


def _kind(kind: str) -> str:
    return "larger kernels" if kind == "larger" else f"{kind} kernels"


def _when(at: xr.Dataset) -> str:
    return f"round {int(at['round'])} ({float(at['sparsity']):.2%} sparsity)"


def _figure(shares: xr.DataArray) -> go.Figure:
    layers = list(dict.fromkeys(shares["layer"].values.tolist()))
    width = shares.sizes["column"] // len(layers)
    rows = shares.sizes["row"]
    x = _columns(shares, width)
    figure = go.Figure(heatmap(shares, "%{x}<br>outputs at %{y:.0f} %", x=x, y0=50 / rows, dy=100 / rows))
    kernels = shares["kernel"].values[::width].tolist()
    named = [
        name if kernel == "1×1" else f"{name.removesuffix('.weight')} {kernel}"
        for name, kernel in zip(layers, kernels, strict=True)
    ]
    axis = layer_axis(named, title={"text": "layer, input on the left; within it input channels"}, tickangle=-90)
    middles = [(place + 0.5) * width - 0.5 for place in range(len(layers))]
    figure.update_layout(
        xaxis=axis | {"type": "category", "tickvals": middles},
        yaxis={"title": {"text": "output channels of each layer (%)"}, "range": [100, 0], "showgrid": False},
        height=560,
        width=None if len(layers) <= MANY_LAYERS else 1100,
    )
    for place in range(1, len(layers)):
        divide(figure, place * width - 0.5, "x", 1, {"color": "rgba(255,255,255,0.4)", "width": 1})
    return mark_blocks(figure, shares["block"].values[::width].tolist(), width)


def _columns(shares: xr.DataArray, width: int) -> list[str]:
    """A name for each column of cells; the number of the cell makes it unique."""
    names = []
    for place, (layer, first, last) in enumerate(
        zip(*(shares[key].values for key in ("layer", "first_input", "last_input")), strict=True)
    ):
        inputs = f"input {first}" if first == last else f"inputs {first}–{last}"
        names.append(f"{str(layer).removesuffix('.weight')}, {inputs} (cell {place % width + 1} of {width})")
    return names
