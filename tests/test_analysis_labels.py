"""Every array says what it is and in which unit; figures take their titles and hover texts from there."""

import numpy as np
import pytest

from lthkit import analysis, plots
from lthkit.analysis import Search

LAYER = "layer1.0.conv.weight"
SHAPES = {LAYER: (4, 3, 3, 3), "layer2.0.conv.weight": (5, 4, 1, 1)}


def search(seed):
    dice = np.random.default_rng(seed)
    died = np.array([1, 2, 3, 255], np.uint8)
    return Search({name: dice.choice(died, shape) for name, shape in SHAPES.items()}, 3, f"s{seed}")


A, B = search(0), search(1)
OVERLAP = analysis.overlap(A, B)
ARRAYS = {
    "weights_left": analysis.weights_left(A),
    "layer_density": analysis.layer_density(A),
    "block_density": analysis.block_density(A),
    "sparsity": analysis.sparsity(A),
    "kernels_left": analysis.kernels_left(A, LAYER, 2),
    "kernel_patterns": analysis.kernel_patterns(A, LAYER),
    "weight_cells": analysis.weight_cells(A),
    "zero_kernel_cells": analysis.zero_kernel_cells(A),
    "difference_cells": analysis.difference_cells(A, B),
    "zero_kernels": analysis.zero_kernels(A),
    "zero_kernels by kind": analysis.pooled(analysis.zero_kernels(A), "kind"),
    "agreement": analysis.agreement({"a": A, "b": B}),
    "overlap": OVERLAP,
    "overlap by block": analysis.pooled(OVERLAP, "block"),
    "like_for_like": analysis.like_for_like(analysis.pooled(OVERLAP)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_every_array_and_coordinate_says_what_it_is(name):
    array = ARRAYS[name]
    variables = dict(array.variables) if hasattr(array, "data_vars") else {**array.coords, array.name: array}
    assert variables
    for key, variable in variables.items():
        assert variable.attrs.get("long_name"), key
        assert variable.attrs.get("units"), key


def test_cells_and_counts_differ_in_their_units():
    assert ARRAYS["weight_cells"]["weights_left"].attrs["units"] == "‰"
    assert ARRAYS["kernels_left"].attrs["units"] == "weights"
    assert ARRAYS["difference_cells"]["only_b"].attrs["long_name"] == "weights left only in s1"


def test_titles_and_hover_texts_are_those_of_the_array():
    density = ARRAYS["layer_density"].copy()
    density.attrs["long_name"] = "things kept"
    lines, heat = plots.layer_densities(density), plots.density_heat(density)
    assert lines.layout.yaxis.title.text == "things kept (%)"
    assert "things kept: %{customdata:.3g} %" in lines.data[0].hovertemplate
    assert heat.data[0].colorbar.title.text == "things kept"
    assert "things kept: %{customdata:.3g} %" in heat.data[0].hovertemplate
    np.testing.assert_allclose(heat.data[0].customdata, 100 * density)
    cells = ARRAYS["weight_cells"]
    drawn = plots.weight_map(cells, 2).data[0]
    assert drawn.hovertemplate.endswith("weights left: %{customdata:.3g} ‰<extra></extra>")
    np.testing.assert_array_equal(drawn.customdata, cells["weights_left"].sel(round=2))
    kernels = plots.kernel_heatmap(ARRAYS["kernels_left"]).data[0]
    assert kernels.colorbar.title.text == "weights left<br>(of 9)"
    assert kernels.hovertemplate.endswith("weights left: %{customdata:.3g}<extra></extra>")
