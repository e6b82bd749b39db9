import io

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from lthkit import plots
from lthkit.analysis import (
    Search,
    block_density,
    difference_cells,
    kernel_patterns,
    layer_density,
    like_for_like,
    overlap,
    overlaps,
    pooled,
    weight_cells,
    zero_kernel_cells,
    zero_kernels,
)
from lthkit.errors import LthkitError

SHAPES = {
    "layer1.0.conv1.weight": (6, 4, 1, 1),
    "layer1.0.conv2.weight": (6, 6, 3, 3),
    "layer2.0.conv1.weight": (8, 6, 3, 3),
}
RESNET50 = [(64, 64, 1, 1), (2048, 512, 1, 1), (512, 512, 3, 3), (256, 64, 1, 1)] * 13


def search(seed=0, rounds=5, shapes=SHAPES, rate=0.2, name="mine"):
    dice = np.random.RandomState(seed)
    chances = [rate * (1 - rate) ** step for step in range(rounds)] + [(1 - rate) ** rounds]
    values = np.array([*range(1, rounds + 1), 255], np.uint8)
    return Search({n: dice.choice(values, s, p=chances) for n, s in shapes.items()}, rounds, name)


def line(count=2, **changes):
    searches = {f"s{seed}": search(seed, **changes) for seed in range(count)}
    return {name: like_for_like(pooled(counts)) for name, counts in overlaps(searches).items()}


def every_figure():
    a, b = search(0), search(1, rounds=4, name="other")
    counts = overlap(a, b)
    layer = "layer1.0.conv2.weight"
    yield "overlap_curve", plots.overlap_curve(line(3))
    yield "overlap_matrix", plots.overlap_matrix(pooled(counts))
    yield "overlap_by_layer", plots.overlap_by_layer(like_for_like(counts))
    yield "overlap_by_block", plots.overlap_by_layer(like_for_like(pooled(counts, "block")))
    yield (
        "zero_kernels",
        plots.zero_kernels_curve({"a": pooled(zero_kernels(a), "kind"), "b": pooled(zero_kernels(b), "kind")}),
    )
    yield "zero_kernels_map", plots.zero_kernels_map(zero_kernel_cells(a), 3)
    yield "weight_map", plots.weight_map(weight_cells(a), 3)
    yield "difference_map", plots.difference_map(difference_cells(a, b), 3, "only_b")
    yield "kernel_grid", plots.kernel_grid(kernel_patterns(a, layer, 2), 3)
    yield "kernel_grid of some", plots.kernel_grid(kernel_patterns(a, layer, kernels=[(0, 1), (5, 5)]))
    yield "density_heat", plots.density_heat(layer_density(a))
    yield "block_densities", plots.block_densities(block_density(a))


@pytest.mark.parametrize(("name", "figure"), [pytest.param(*pair, id=pair[0]) for pair in every_figure()])
def test_every_figure_has_title_counts_and_a_png(name, figure):
    assert figure.layout.title.text
    assert any(letter.isdigit() for letter in figure.layout.title.subtitle.text) or "expected" in str(
        figure.layout.title
    )
    picture = np.asarray(Image.open(io.BytesIO(plots.png(figure, scale=0.5))).convert("L"))
    assert picture.std() > 5


def test_overlap_is_drawn_with_both_chance_levels():
    pairs = line(3)
    figure = plots.overlap_curve(pairs)
    above = [trace for trace in figure.data if trace.yaxis == "y"]
    for label, pair in pairs.items():
        mine = {trace.line.dash: trace for trace in above if trace.name.startswith(label)}
        np.testing.assert_array_equal(mine["solid"].y, pair["jaccard"])
        np.testing.assert_array_equal(mine["dash"].y, pair["chance_global"])
        np.testing.assert_array_equal(mine["dot"].y, pair["chance_layers"])
        np.testing.assert_array_equal(mine["solid"].x, 1 - pair["sparsity"])
        assert len({trace.line.color for trace in mine.values()}) == 1
    below = [trace for trace in figure.data if trace.yaxis == "y2" and trace.line.dash == "solid"]
    np.testing.assert_allclose(below[0].y, pairs["s0 and s1"]["jaccard"] / pairs["s0 and s1"]["chance_layers"])
    assert [trace.name for trace in figure.data if trace.showlegend] == list(pairs)
    assert "3 layers, 780 weights compared" in figure.layout.title.subtitle.text


def test_overlap_that_is_not_one_line_is_refused():
    with pytest.raises(LthkitError, match=r"overlap 'a' is not one line; draw like_for_like\(pooled\(overlap\)\)"):
        plots.overlap_curve({"a": pooled(overlap(search(), search()))})
    with pytest.raises(LthkitError, match=r"overlap 'mine and mine' is not one line"):
        plots.overlap_curve(like_for_like(overlap(search(), search())))
    with pytest.raises(LthkitError, match="no pair of searches"):
        plots.overlap_curve({})


def test_overlap_of_nothing_leaves_a_gap_not_an_error():
    one = search()
    other = Search({name: np.where(code == 255, 1, 255).astype(np.uint8) for name, code in one.codes.items()}, 5)
    figure = plots.overlap_curve(like_for_like(pooled(overlap(one, other)), tolerance=1))
    assert np.isnan(figure.data[-2].y).any()
    assert np.isfinite(figure.layout.yaxis.range).all()
    plots.png(plots.overlap_matrix(pooled(overlap(one, other))), scale=0.3)


def test_matrix_has_the_overlap_and_its_multiple_of_chance():
    counts = pooled(overlap(search(0), search(1, rounds=3, name="other")))
    overlapping, ratio = plots.overlap_matrix(counts).data
    np.testing.assert_allclose(overlapping.customdata, 100 * counts["jaccard"])
    np.testing.assert_allclose(ratio.customdata, counts["jaccard"] / counts["chance_layers"])
    figure = plots.overlap_matrix(counts)
    assert figure.layout.xaxis.title.text.startswith("round of other")
    assert figure.layout.yaxis.title.text.startswith("round of mine")


def test_matrix_of_one_layer_says_which():
    one = overlap(search(0), search(1)).sel(layer="layer2.0.conv1.weight")
    assert plots.overlap_matrix(one).layout.title.subtitle.text == "layer layer2.0.conv1, 432 weights"


def test_layers_stand_in_depth_order_with_their_blocks():
    figure = plots.overlap_by_layer(like_for_like(overlap(search(0), search(1))))
    assert list(figure.layout.yaxis.ticktext) == [name.removesuffix(".weight") for name in SHAPES]
    assert figure.layout.yaxis.autorange == "reversed"
    assert [note.text for note in figure.layout.annotations][2:] == ["<b>B1</b>", "<b>B2</b>"]
    assert {shape.y0 for shape in figure.layout.shapes} == {1.5}
    assert {shape.yref for shape in figure.layout.shapes} == {"y", "y2"}


def test_zero_kernels_of_1x1_and_larger_stand_apart_with_chance_dashed():
    counts = pooled(zero_kernels(search()), "kind")
    figure = plots.zero_kernels_curve(counts)
    drawn = {(trace.yaxis, trace.line.dash): trace.y for trace in figure.data}
    kernels = counts.sel(unit="kernel")
    np.testing.assert_array_equal(drawn["y", "solid"], kernels["counted"].sel(kind="larger"))
    np.testing.assert_array_equal(drawn["y", "dash"], kernels["expected"].sel(kind="larger"))
    np.testing.assert_array_equal(drawn["y2", "solid"], kernels["counted"].sel(kind="1×1"))
    assert "larger" in figure.layout.yaxis.title.text
    only = plots.zero_kernels_curve(pooled(zero_kernels(search(shapes={"a.weight": (3, 3)})), "kind"))
    assert {trace.yaxis for trace in only.data} == {"y"}


def test_zeros_that_are_not_pooled_are_refused():
    with pytest.raises(LthkitError, match=r"'mine' are not pooled by kind; draw pooled\(zero_kernels, 'kind'\)"):
        plots.zero_kernels_curve(zero_kernels(search()))
    with pytest.raises(LthkitError, match="no search to draw"):
        plots.zero_kernels_curve({})


def test_zero_kernels_map_is_bright_where_kernels_are_zero():
    given = search()
    figure = plots.zero_kernels_map(zero_kernel_cells(given), 3)
    heatmap = figure.data[0]
    dead = ~(given.codes["layer2.0.conv1.weight"] > 3).any(axis=(2, 3))
    assert heatmap.z.dtype == np.uint8
    np.testing.assert_array_equal(heatmap.z[:, 12:] == 100, dead)  # a band of 8 × 6 cells each
    assert heatmap.colorscale[-1] == (1, "#F0E442")
    assert figure.layout.yaxis.range == (100, 0)
    assert len(set(heatmap.x)) == 18
    assert heatmap.x[12] == "layer2.0.conv1, input 0 (cell 1 of 6)"
    larger = sum(int((~(given.codes[n] > 3).any(axis=(2, 3))).sum()) for n in list(SHAPES)[1:])
    assert f"larger kernels: {larger} of 84" in figure.layout.title.subtitle.text
    assert "a cell is one kernel" in figure.layout.title.subtitle.text
    assert "mine: completely zero kernels, round 3 (" in figure.layout.title.text
    assert [note.text for note in figure.layout.annotations] == ["<b>B1</b>", "<b>B2</b>"]
    assert [shape.x0 for shape in figure.layout.shapes if shape.line.width > 1] == [11.5]
    assert list(figure.layout.xaxis.ticktext) == ["layer1.0.conv1", "layer1.0.conv2 3×3", "layer2.0.conv1 3×3"]
    assert list(figure.layout.xaxis.tickvals) == [2.5, 8.5, 14.5]


@pytest.mark.parametrize("draw", [plots.zero_kernels_map, plots.weight_map, plots.difference_map])
def test_a_round_that_there_is_not_is_refused(draw):
    made = {plots.zero_kernels_map: zero_kernel_cells, plots.weight_map: weight_cells}
    cells = made[draw](search()) if draw in made else difference_cells(search(), search())
    with pytest.raises(LthkitError, match="the map has no round 6; choose one from 0 to 5"):
        draw(cells, 6)


def test_small_shares_are_told_in_per_mille_and_none_stays_none(monkeypatch):
    monkeypatch.setattr("lthkit.analysis.masks.tiles.MOST_CELLS", 50)
    cells = weight_cells(search(rounds=14, shapes={"a.weight": (90, 90), "b.weight": (90, 90)}, rate=0.3))
    for round_ in (1, 14):
        drawn, left = plots.weight_map(cells, round_).data[0], cells["weights_left"].sel(round=round_)
        assert "‰" in drawn.hovertemplate
        np.testing.assert_array_equal(drawn.customdata, left)
        np.testing.assert_array_equal(drawn.z == 0, left == 0)


def test_difference_says_whose_weights_and_at_which_rounds():
    a, b = search(0), search(1, rounds=4, name="other")
    cells = difference_cells(a, b, rounds_b=[0, 2, 4])
    figure = plots.difference_map(cells, 1, "only_b")
    kept = sum(int(((b.codes[n] > 2) & (a.codes[n] <= 1)).sum()) for n in SHAPES)
    title = figure.layout.title.text.replace("<br>", " ")
    assert title.startswith("Weights left only in other, round 1 (")
    assert title.endswith("beside round 2 of other")
    assert figure.layout.title.subtitle.text.startswith(f"{kept} of 780 weights")
    with pytest.raises(LthkitError, match="no part 'x' of an overlap; choose from both, only_a, only_b"):
        plots.difference_map(cells, 1, "x")


def test_maps_of_resnet50_size_stay_below_2_mb():
    shapes = {f"layer{1 + i // 13}.{i}.weight": shape for i, shape in enumerate(RESNET50)}
    one = Search({name: np.full(shape, 1 + i % 3, np.uint8) for i, (name, shape) in enumerate(shapes.items())}, 2)
    figure = plots.zero_kernels_map(zero_kernel_cells(one), 1)
    assert figure.data[0].z.size <= 200_000
    assert figure.data[0].z.dtype == np.uint8
    assert len(figure.to_json()) < 2_000_000


def test_grid_shows_in_which_round_each_weight_died():
    given = search()
    patterns = kernel_patterns(given, "layer1.0.conv2.weight", kernels=[(0, 1), (5, 5), (2, 0)])
    figure = plots.kernel_grid(patterns, 3)
    heatmap = figure.data[0]
    side_by_side = np.concatenate(list(patterns.values), axis=1)
    np.testing.assert_array_equal(heatmap.z, np.where(side_by_side > 3, 6, side_by_side))
    assert heatmap.z.dtype == np.uint8
    np.testing.assert_array_equal(heatmap.text, np.where(side_by_side > 3, "", side_by_side.astype(str)))
    assert list(figure.layout.xaxis.ticktext) == ["0, 1", "5, 5", "2, 0"]
    left = int((side_by_side > 3).sum())
    assert figure.layout.title.subtitle.text.startswith(f"{left} of 27 weights left; ")
    code = side_by_side[1, 5]
    said = "left" if code > 3 else f"dead from round {code}"
    assert heatmap.hovertext[1][5] == f"output 5, input 5<br>weight 1, 2: {said}"


def test_grid_outlines_completely_zero_kernels_and_leaves_spare_places_empty():
    code = np.full((1, 7, 3, 3), 255, np.uint8)
    code[0, 4] = 2
    figure = plots.kernel_grid(kernel_patterns(Search({"a.weight": code}, 3), "a.weight"))
    (frame,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (frame.x0, frame.y0) == (-0.5, 2.5)
    assert "1 of 7 kernels completely zero (outlined)" in figure.layout.title.subtitle.text
    heatmap = figure.data[0]
    assert heatmap.z.shape == (6, 12)
    assert (heatmap.z[3:, 9:] == 0).all()
    assert (heatmap.z[:3, :9] == 4).all()
    assert heatmap.hovertext[5][11] == "no kernel"


def test_too_many_zero_kernels_are_counted_but_not_outlined():
    figure = plots.kernel_grid(
        kernel_patterns(Search({"a.weight": np.full((1, 301, 3, 3), 1, np.uint8)}, 1), "a.weight")
    )
    assert figure.layout.title.subtitle.text.endswith("301 of 301 kernels completely zero")
    assert all(shape.type == "line" for shape in figure.layout.shapes)


def test_grid_refuses_none_and_too_many():
    none = kernel_patterns(search(), "layer1.0.conv2.weight", kernels=[])
    with pytest.raises(LthkitError, match="0 kernels of 3×3 cannot be drawn; choose from 1 to 22222"):
        plots.kernel_grid(none)


def test_empty_layers_have_a_colour_of_their_own_below_all_others():
    codes = {"layer1.0.a.weight": np.full((2, 5), 1, np.uint8), "layer1.0.b.weight": np.full((2, 5), 255, np.uint8)}
    codes["layer1.0.b.weight"][0] = 2
    heatmap = plots.density_heat(layer_density(Search(codes, 2))).data[0]
    assert heatmap.z[0, 1] == heatmap.zmin < heatmap.z[1, 2]
    assert "0" in heatmap.colorbar.ticktext
    assert heatmap.customdata.tolist() == [[100, 0, 0], [100, 100, 50]]


def test_png_takes_numbers_as_places_on_an_axis_of_categories():
    bare = {"showgrid": False, "showticklabels": False}
    layout = {"margin": dict.fromkeys("lrtb", 20), "plot_bgcolor": "white", "xaxis": bare, "yaxis": bare}
    layout["shapes"] = [
        {"type": "line", "x0": 0.5, "x1": 0.5, "y0": -0.5, "y1": 0.5, "line": {"color": "blue", "width": 9}}
    ]
    heatmap = go.Heatmap(z=[[0, 0]], x=["a", "b"], colorscale=[[0, "red"], [1, "red"]], showscale=False)
    data = plots.png(go.Figure(heatmap, layout), width=200, height=100, scale=1)
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert picture[50, 100].tolist() == [0, 0, 255]
    assert picture[50, 60].tolist() == [255, 0, 0]
