"""One quantity has one set of colours: in the explorer, in the figures, and in what their colour bars say."""

from base64 import b64decode

import numpy as np
import pytest
import xarray as xr

from lthkit import plots
from lthkit.analysis import (
    Search,
    difference_cells,
    kernels_left,
    layer_density,
    overlap,
    pooled,
    weight_cells,
    zero_kernel_cells,
)
from lthkit.explorer import VIEWS, Choices, Model
from lthkit.explorer.figure import build
from lthkit.explorer.traces import MAPS
from lthkit.plots.colours import EVEN, FIRST, LEVELS, SCALES, cells_of, scale_of

LAYER = "layer2.0.conv1.weight"
ROUND = 3
SHAPES = {"layer1.0.conv1.weight": (6, 4, 1, 1), LAYER: (8, 6, 3, 3)}


def search(seed, shapes=SHAPES):
    dice = np.random.default_rng(seed)
    died = np.array([1, 2, 3, 4, 255], np.uint8)
    return Search({name: dice.choice(died, shape) for name, shape in shapes.items()}, 4, f"s{seed}")


A, B = search(0), search(1)
# view and part of the explorer, and the figure of a notebook that shows the same
SAME = {
    ("kernels", "all layers"): lambda: plots.weight_map(weight_cells(A), ROUND),
    ("kernels", LAYER): lambda: plots.kernel_heatmap(kernels_left(A, LAYER, ROUND)),
    ("zero", "all layers"): lambda: plots.zero_kernels_map(zero_kernel_cells(A), ROUND),
    ("only_a", "all layers"): lambda: plots.difference_map(difference_cells(A, B), ROUND, "only_a"),
    ("only_b", "all layers"): lambda: plots.difference_map(difference_cells(A, B), ROUND, "only_b"),
    ("both", "all layers"): lambda: plots.difference_map(difference_cells(A, B), ROUND, "both"),
    ("density", "all layers"): lambda: plots.density_heat(layer_density(A)),
    ("overlap", "all layers"): lambda: plots.overlap_matrix(pooled(overlap(A, B))),
    ("times_chance", "all layers"): lambda: plots.overlap_matrix(pooled(overlap(A, B))),
}


@pytest.mark.parametrize(("view", "scope"), SAME)
def test_explorer_and_notebook_show_the_same_colours_for_the_same_thing(view, scope):
    explored = build(Model({"s0": A, "s1": B}), Choices("s0", "s1", view, ROUND, scope)).data[MAPS[0]]
    drawn = SAME[view, scope]().data[1 if view == "times_chance" else 0]
    assert (explored.zmin, explored.zmax) == (drawn.zmin, drawn.zmax)
    assert explored.colorscale == drawn.colorscale
    assert explored.colorbar.ticktext == drawn.colorbar.ticktext
    assert explored.colorbar.tickvals == drawn.colorbar.tickvals
    cells = np.frombuffer(b64decode(explored.z["bdata"]), np.uint8)
    np.testing.assert_array_equal(cells, np.asarray(drawn.z).ravel())


def test_every_view_is_compared_with_a_figure():
    assert {view for view, _ in SAME} == {view.name for view in VIEWS}


def test_no_other_weights_have_the_colour_of_none():
    for name in ("weights_left", "zero_kernels", "both", "jaccard"):
        cells = SCALES[name].cells(np.array([0, 1e-9, 0.5, 1]))
        assert cells[0] == 0 < cells[1] < cells[2] < cells[3] == SCALES[name].top
        assert SCALES[name].by_permille.tolist() == SCALES[name].cells(np.arange(1001) / 1000).tolist()


def test_shares_are_spread_evenly_in_the_logarithm():
    shares = np.array([0, 1e-9, 1e-3, 1e-2, 1e-1, 1])
    step = (LEVELS - FIRST) / 3
    expected = [0, FIRST, FIRST, FIRST + step, FIRST + 2 * step, LEVELS]
    np.testing.assert_allclose(SCALES["weights_left"].cells(shares), expected, atol=0.5)


def test_ratios_are_spread_around_chance_and_capped():
    cells = SCALES["times_chance"].cells(np.array([1000, 16, 4, 1, 0.25, 0, np.nan]))
    np.testing.assert_array_equal(cells, [LEVELS, LEVELS, 1.5 * EVEN, EVEN, EVEN / 2, 0, np.nan])


def test_maps_of_whole_per_mille_have_the_colours_of_the_shares():
    shares = np.arange(1001).reshape(7, 143)
    attrs = {"long_name": "weights left", "units": "‰"}
    by_lookup = cells_of(xr.DataArray(shares.astype(np.uint16), name="weights_left", attrs=attrs))
    one_by_one = cells_of(xr.DataArray(shares / 1000, name="weights_left", attrs=attrs | {"units": "1"}))
    np.testing.assert_array_equal(by_lookup, one_by_one)


def test_counts_of_a_kernel_are_told_one_by_one():
    attrs = {"long_name": "weights left", "units": "weights", "kernel_size": 9}
    array = xr.DataArray(np.array([[0, 1, 9]], np.uint8), name="weights_left", attrs=attrs)
    scale = scale_of(array)
    assert cells_of(array).tolist() == [[0, 1, 9]]
    assert (scale.top, scale.bar["ticktext"]) == (9, [str(count) for count in range(10)])
    assert scale.steps[0][1] == SCALES["weights_left"].steps[0][1]
    assert scale.steps[-1] == SCALES["weights_left"].steps[-1]
    single = scale_of(array.assign_attrs(kernel_size=1))
    assert single.bar | {"tickfont": {}} == {"tickvals": [0, 1], "ticktext": ["no", "yes"], "tickfont": {}}
