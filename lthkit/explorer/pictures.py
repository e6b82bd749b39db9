"""The large picture of each view: cells of one byte, and axes that say what they are."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from lthkit.explorer import shades
from lthkit.explorer.choices import Choices, short
from lthkit.explorer.layers import counts_of_kernels, left_by_channel, tile_side, tiled
from lthkit.explorer.model import Model
from lthkit.explorer.shades import Shade
from lthkit.plots.theme import spread

MOST_NAMES = 30
MOST_ROUNDS_ACROSS, MOST_ROUNDS_DOWN = 7, 10
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Axis:
    """One axis of a picture.

    Attributes:
        title: what is along it.
        unit: what a cell is called before its number; % where it is a part of each layer's channels.
        cells: how many there are.
        step: channels a cell has; cell i stands at the middle of its channels.
        names: of the cells, where they are not numbered.
        ticks: places and texts; None leaves them to plotly.
        lines: where lines part blocks.
    """

    title: str
    unit: str
    cells: int
    step: int = 1
    names: tuple[str, ...] | None = None
    ticks: tuple[list[float], list[str]] | None = None
    lines: tuple[float, ...] = ()

    @property
    def long(self) -> bool:
        """Whether its ticks are layers' names, which need room."""
        return self.ticks is not None and any(len(text) > 12 for text in self.ticks[1])

    def label(self, cell: int) -> str:
        """What a cell is called."""
        if self.names:
            return self.names[cell]
        if self.unit == "%":
            return f"output channels at {100 * cell / self.cells:.0f} %"
        first = cell * self.step
        return f"{self.unit} {first}" if self.step == 1 else f"{self.unit}s {first} to {first + self.step - 1}"


@dataclass(frozen=True)
class Picture:
    """What the heatmap shows.

    Attributes:
        cells: uint8, (rows, columns).
        values: the numbers behind them, as a share of ``whole``.
        whole: what a full cell has.
        shade: their colours.
        hover: template of what a cell says.
        across: the axis of the columns.
        down: that of the rows, the first on top.
        words: what a cell is.
        frame: x0, x1, y0, y1 around what is chosen.
    """

    cells: np.ndarray
    values: np.ndarray
    whole: int
    shade: Shade
    hover: str
    across: Axis
    down: Axis
    words: str
    frame: Box | None = None


def picture(model: Model, choices: Choices) -> Picture:
    """The picture of the chosen view, round and part of the network."""
    layer = model.layer(choices)
    if choices.view == "overlap":
        return _matrix(model, choices)
    if choices.view == "density":
        return _channels(model, choices, layer) if layer else _layers(model, choices)
    return _kernels(model, choices, layer) if layer else _map(model, choices)


def _map(model: Model, choices: Choices) -> Picture:
    layers = model.scoped(choices)
    stack = model.stack(choices)
    permille = stack.values[choices.round]
    rows, columns = permille.shape
    zero = choices.view == "zero"
    percent = range(0, 101, 20)
    return Picture(
        cells=(shades.PERCENTS_OF_PERMILLE if zero else shades.LEVELS_OF_PERMILLE)[permille],
        values=permille,
        whole=1000,
        shade=shades.linear("zero") if zero else shades.logarithmic(choices.view),
        hover="click to see the layer<extra></extra>",
        across=_side_by_side(stack, layers, model.blocks(layers), columns // len(layers)),
        down=Axis(
            "output channels of each layer (%)",
            "%",
            rows,
            ticks=([rows * part / 100 - 0.5 for part in percent], [f"{part}" for part in percent]),
        ),
        words=str(stack.attrs["cell"]),
    )


def _side_by_side(stack: xr.DataArray, layers: list[str], blocks: list[str], width: int) -> Axis:
    starts = [place for place in range(len(layers)) if place == 0 or blocks[place] != blocks[place - 1]]
    by_block = len(layers) > MOST_NAMES and len(starts) > 1
    bounds = [*starts, len(layers)] if by_block else list(range(len(layers) + 1))
    texts = [blocks[place] if by_block else short(layers[place]) for place in bounds[:-1]]
    middles = [(a + b) / 2 * width - 0.5 for a, b in pairwise(bounds)]
    columns = zip(*(stack[key].values.tolist() for key in ("layer", "first_input", "last_input")), strict=True)
    names = tuple(
        f"{short(layer)}, inputs {first} to {last}" if first < last else f"{short(layer)}, input {first}"
        for layer, first, last in columns
    )
    title = "layers from input to output, input channels within each"
    lines = tuple(place * width - 0.5 for place in starts[1:])
    return Axis(title, "", len(names), names=names, ticks=(middles, texts), lines=lines)


def _kernels(model: Model, choices: Choices, layer: str) -> Picture:
    counts, size = counts_of_kernels(model, choices, layer)
    tile = tile_side(counts.shape)
    axes = [
        Axis(f"{side} channel ({length:,})", side, -(-length // tile), tile)
        for side, length in zip(("output", "input"), counts.shape, strict=True)
    ]
    y, x = (value // tile * tile + (tile - 1) / 2 for value in choices.kernel)
    frame = (x - tile / 2, x + tile / 2, y - tile / 2, y + tile / 2)
    at = "output %{y}, input %{x}"
    if tile == 1:
        hover = f"{at}<br>%{{z}} of {size} weights<extra></extra>" if choices.view != "zero" else f"{at}<extra></extra>"
        shade = shades.counted(choices.view, size)
        cells = np.minimum(counts, 255).astype(np.uint8)
        return Picture(cells, counts, size, shade, hover, axes[1], axes[0], "a cell is one kernel", frame)
    shares = tiled(counts, tile) / size
    zero = choices.view == "zero"
    cells = shades.percents(shares) if zero else shades.levels(shares)
    shade = shades.linear("zero") if zero else shades.logarithmic(choices.view)
    hover = "around output %{y}, input %{x}<extra></extra>"
    words = f"a cell has {tile} × {tile} kernels"
    return Picture(cells, shares, 1, shade, hover, axes[1], axes[0], words, frame)


def _layers(model: Model, choices: Choices) -> Picture:
    kept = model.kept(choices.a).sel(layer=model.scoped(choices)).values
    names = [short(name) for name in model.scoped(choices)]
    places = spread(np.arange(len(names)), 60).tolist()
    down = Axis("", "", len(names), names=tuple(names), ticks=(places, [names[place] for place in places]))
    return _over_rounds(model, choices, kept / kept[:, :1], down, "round %{x}<br>click to see the layer")


def _channels(model: Model, choices: Choices, layer: str) -> Picture:
    shares = left_by_channel(model.searches[choices.a], layer)
    down = Axis(f"output channel ({len(shares):,})", "output", len(shares))
    return _over_rounds(model, choices, shares, down, "output channel %{y}, round %{x}")


def _over_rounds(model: Model, choices: Choices, shares: np.ndarray, down: Axis, hover: str) -> Picture:
    frame = (choices.round - 0.5, choices.round + 0.5, -0.5, down.cells - 0.5)
    across = _rounds(choices.a, model.sparsity(choices.a), "<br>", MOST_ROUNDS_ACROSS)
    shade = shades.logarithmic("density")
    return Picture(
        shades.levels(shares),
        shares,
        1,
        shade,
        f"{hover}<extra></extra>",
        across,
        down,
        "a cell is one round",
        frame,
    )


def _matrix(model: Model, choices: Choices) -> Picture:
    assert choices.b is not None
    counts = model.overlap(choices.a, choices.b).sel(layer=model.scoped(choices))
    both, union = (counts[key].values.sum(axis=0) for key in ("intersection", "union"))
    jaccard = np.divide(both, union, out=np.zeros(both.shape), where=union > 0)
    y, x = choices.round, model.round_b(choices)
    return Picture(
        shades.levels(jaccard),
        jaccard,
        1,
        shades.logarithmic("overlap"),
        f"{choices.a} round %{{y}}, {choices.b} round %{{x}}<extra></extra>",
        _rounds(choices.b, model.sparsity(choices.b), "<br>", MOST_ROUNDS_ACROSS),
        _rounds(choices.a, model.sparsity(choices.a), " · ", MOST_ROUNDS_DOWN),
        "a cell is a pair of rounds",
        (x - 0.5, x + 0.5, y - 0.5, y + 0.5),
    )


def _rounds(name: str, sparsity: np.ndarray, between: str, most: int) -> Axis:
    places: list[Any] = spread(np.arange(len(sparsity)), most).tolist()
    texts = [f"{place}{between}{100 * sparsity[place]:.0f} %" for place in places]
    return Axis(f"round of {name}, sparsity", f"{name} round", len(sparsity), ticks=(places, texts))
