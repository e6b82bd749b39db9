"""The views of the explorer: each is one record, and its arrays say in their names, dimensions and units what they are.

The dimensions of an array decide the axes of its picture, what a click there chooses and what its table has; the
name of the variable that is drawn decides the colours.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from lthkit.analysis.labels import LABELS, labelled
from lthkit.analysis.masks.cells import part_names
from lthkit.analysis.masks.tiles import tile_side, tiled
from lthkit.explorer.counts import Counts
from lthkit.explorer.scene import Scene

Arrays = Callable[[Scene], xr.Dataset]
# output and input channels of the part of a large layer whose single kernels are shown
WINDOW = 128


@dataclass(frozen=True)
class View:
    """One view.

    Attributes:
        name: what ``Choices.view`` has.
        label: what the chooser calls it.
        title: of the figure, with {a} and {b} for the searches.
        what: of how many something is counted, in words.
        quantity: the variable that is drawn, which decides the colours.
        counts: what is counted in each layer that can be shown.
        network: the variable over the chosen layers, two-dimensional.
        layer: the same where a single layer is chosen.
        compares: whether it needs two searches.
    """

    name: str
    label: str
    title: str
    what: str
    quantity: str
    counts: Callable[[Scene], Counts]
    network: Arrays
    layer: Arrays
    compares: bool = False


def _weights(scene: Scene) -> Counts:
    kept = scene.model.kept(scene.a)
    places = [scene.model.layers(scene.a).index(name) for name in scene.layers]
    counted, units = kept.values[places, scene.round], scene.model.sizes(scene.a)[places]
    return Counts(scene.layers, counted, units, np.full(len(units), np.nan), units)


def _zeros(scene: Scene) -> Counts:
    zero = scene.model.zeros(scene.a)
    places = zero.indexes["layer"].get_indexer(pd.Index(scene.layers))
    counted, expected = (zero[key].values[places, scene.round] for key in ("counted", "expected"))
    units = zero["units"].values[places]
    return Counts(scene.layers, counted, units, expected, units)


def _overlap(scene: Scene) -> Counts:
    both, expected, left_a, left_b, _ = _pair(scene)
    return Counts(scene.layers, both, left_a + left_b - both, expected, left_a + left_b - expected)


def _both(scene: Scene) -> Counts:
    both, expected, _, _, weights = _pair(scene)
    return Counts(scene.layers, both, weights, expected, weights)


def _only_a(scene: Scene) -> Counts:
    both, expected, left_a, _, weights = _pair(scene)
    return Counts(scene.layers, left_a - both, weights, left_a - expected, weights)


def _only_b(scene: Scene) -> Counts:
    both, expected, _, left_b, weights = _pair(scene)
    return Counts(scene.layers, left_b - both, weights, left_b - expected, weights)


def _pair(scene: Scene) -> list[np.ndarray]:
    at = scene.model.overlap(scene.a, scene.other).isel(round_a=scene.round, round_b=scene.round_b)
    return [at[key].values for key in ("intersection", "expected", "left_a", "left_b", "weights")]


def _weight_map(scene: Scene) -> xr.Dataset:
    return scene.model.weight_cells(scene.a, tuple(scene.chosen))[["weights_left"]].isel(round=scene.round)


def _zero_map(scene: Scene) -> xr.Dataset:
    return scene.model.zero_cells(scene.a, tuple(scene.chosen))[["zero_kernels"]].isel(round=scene.round)


def _part_map(part: str) -> Arrays:
    def array(scene: Scene) -> xr.Dataset:
        cells = scene.model.difference_cells(scene.a, scene.other, tuple(scene.chosen))
        return cells[[part]].isel(round=scene.round)

    return array


def _zero_by_kernel(scene: Scene) -> xr.Dataset:
    zero = np.logical_not(_left(scene, scene.a, scene.round).any(axis=0)).astype(np.uint8)
    return _by_kernel("zero_kernels", zero, 1, LABELS["zero_kernels"], scene)


def _weights_by_kernel(quantity: str, keeps: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Arrays:
    """Weights of each kernel that ``keeps`` finds in the masks of a and b."""

    def array(scene: Scene) -> xr.Dataset:
        ours = _left(scene, scene.a, scene.round)
        theirs = _left(scene, scene.b, scene.round_b) if scene.b else ours
        kind = np.uint8 if len(ours) <= 255 else np.uint16
        counts = keeps(ours, theirs).sum(axis=0, dtype=kind)
        names = part_names(scene.a, scene.b) if scene.b else {}
        label = names.get(quantity, LABELS["weights_left"][0]), "weights"
        return _by_kernel(quantity, counts, len(ours), label, scene)

    return array


def _left(scene: Scene, name: str, round: int) -> np.ndarray:
    """Which weights are left of the chosen layer, (place in the kernel, out, in); of the window, if there is one."""
    codes = scene.model.places(name, scene.single)
    if scene.window is not None:
        out, inner = scene.window
        codes = codes[:, out : out + WINDOW, inner : inner + WINDOW]
    return scene.model.left(name, codes, round)


def _by_kernel(quantity: str, counts: np.ndarray, size: int, label: tuple[str, str], scene: Scene) -> xr.Dataset:
    """Counts of each kernel; of a large layer shares over square tiles."""
    tile = tile_side(counts.shape)
    values = counts if tile == 1 else tiled(counts, tile) / size
    cell = "a cell is one kernel" if tile == 1 else f"a cell has {tile} × {tile} kernels"
    out, inner = scene.window or (0, 0)
    attrs = {"kernel_size": size, "tile": tile, "first_out": out, "first_in": inner}
    array = xr.Dataset({quantity: (("out", "in"), values, attrs)}, attrs={"cell": cell})
    return labelled(array, **{quantity: label if tile == 1 else (label[0], "1")})


def _layers_by_round(scene: Scene) -> xr.Dataset:
    return scene.model.layer_shares(scene.a, tuple(scene.chosen))


def _channels_by_round(scene: Scene) -> xr.Dataset:
    return scene.model.channel_shares(scene.a, scene.single)


def _pairs_of_rounds(scene: Scene) -> xr.Dataset:
    pairs = scene.model.pairs(scene.a, scene.other, tuple(scene.chosen))
    drawn = pairs[["intersection", "union", "jaccard", "chance_layers", "times_chance"]]
    return drawn.assign_attrs(cell="a cell is a pair of rounds")


_KERNELS = View(
    "kernels",
    "weights left",
    "Weights left in {a}",
    "weights",
    "weights_left",
    _weights,
    _weight_map,
    _weights_by_kernel("weights_left", lambda a, b: a),
)
_ZERO = View(
    "zero",
    "completely zero kernels",
    "Completely zero kernels in {a}",
    "kernels are completely zero",
    "zero_kernels",
    _zeros,
    _zero_map,
    _zero_by_kernel,
)
_DENSITY = View(
    "density",
    "density over rounds",
    "Weights left by round in {a}",
    "weights",
    "density",
    _weights,
    _layers_by_round,
    _channels_by_round,
)
_OVERLAP = View(
    "overlap",
    "overlap of A and B at all rounds",
    "Overlap of {a} and {b}",
    "weights left in either are left in both",
    "jaccard",
    _overlap,
    _pairs_of_rounds,
    _pairs_of_rounds,
    compares=True,
)
_TIMES_CHANCE = View(
    "times_chance",
    "overlap ÷ chance at all rounds",
    "Overlap of {a} and {b} ÷ chance",
    "weights left in either are left in both",
    "times_chance",
    _overlap,
    _pairs_of_rounds,
    _pairs_of_rounds,
    compares=True,
)
_ONLY_A = View(
    "only_a",
    "A ∖ B: left in A only",
    "Left in {a}, not in {b}",
    "weights",
    "only_a",
    _only_a,
    _part_map("only_a"),
    _weights_by_kernel("only_a", lambda a, b: a & ~b),
    compares=True,
)
_ONLY_B = View(
    "only_b",
    "B ∖ A: left in B only",
    "Left in {b}, not in {a}",
    "weights",
    "only_b",
    _only_b,
    _part_map("only_b"),
    _weights_by_kernel("only_b", lambda a, b: b & ~a),
    compares=True,
)
_BOTH = View(
    "both",
    "A ∩ B: left in both",
    "Left in both {a} and {b}",
    "weights",
    "both",
    _both,
    _part_map("both"),
    _weights_by_kernel("both", lambda a, b: a & b),
    compares=True,
)
VIEWS: tuple[View, ...] = (_KERNELS, _ZERO, _DENSITY, _OVERLAP, _TIMES_CHANCE, _ONLY_A, _ONLY_B, _BOTH)
