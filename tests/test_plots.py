import re

import numpy as np
import pytest
import xarray as xr

from lthkit import plots
from lthkit.analysis.labels import labelled
from lthkit.errors import LthkitError
from lthkit.plots.theme import spread


def curve(rounds=4, metric="accuracy", top=0.9, first=0, **attrs):
    at = np.arange(first, first + rounds + 1)
    values = {"sparsity": 1 - 0.8**at, "density": 0.8**at, "score": top - 0.01 * np.arange(rounds + 1)}
    given = {"metric": metric, "selection": "validation", "higher_is_better": True} | attrs
    return xr.Dataset({name: ("round", column) for name, column in values.items()}, {"round": at}, given)


def density(layers, rounds=18):
    names = [f"layer{index}.conv.weight" for index in range(layers)]
    at = np.arange(rounds + 1)
    shares = np.clip(np.outer(np.linspace(0.7, 1.3, layers), 0.8**at), 0, 1)
    return labelled(xr.DataArray(shares, {"layer": names, "round": at}, ("layer", "round"), "density"))


def kernels(left, size=9):
    attrs = {"layer": "layer1.0.conv2.weight", "round": 3, "kernel_size": size}
    return labelled(xr.DataArray(np.asarray(left, np.uint16), None, ("out", "in"), "weights_left", attrs))


def test_rounds_are_equally_far_apart_and_labelled_in_percent():
    figure = plots.sparsity_curve(curve(4))
    x = np.log10(figure.data[0].x)
    np.testing.assert_allclose(np.diff(x), np.log10(0.8))
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.range[0] > figure.layout.xaxis.range[1]
    assert list(figure.layout.xaxis.ticktext) == ["0.00", "20.00", "36.00", "48.80", "59.04"]
    np.testing.assert_allclose(figure.data[0].y, [0.9, 0.89, 0.88, 0.87, 0.86])


def test_dense_line_is_dashed_at_round_0_for_each_curve():
    figure = plots.sparsity_curve({"a": curve(4, top=0.9), "b": curve(6, top=0.8)})
    dashed = [trace for trace in figure.data if trace.line.dash == "dash"]
    assert [set(trace.y) for trace in dashed] == [{0.9}, {0.8}]
    assert [trace.line.color for trace in dashed] == [figure.data[0].line.color, figure.data[2].line.color]
    assert figure.data[0].line.color != figure.data[2].line.color


def test_no_dense_line_where_round_0_was_not_trained():
    assert all(trace.line.dash != "dash" for trace in plots.sparsity_curve(curve(2, first=3)).data)


def test_before_training_is_a_thin_line_or_said_in_words():
    trained = curve(4)
    near = plots.sparsity_curve(trained, before=trained.assign(score=trained.score - 0.03))
    assert (near.data[-1].name, near.data[-1].line.width) == ("before training", 1)
    np.testing.assert_allclose(near.data[-1].y, trained.score - 0.03)
    np.testing.assert_allclose(near.data[-1].x, near.data[0].x)
    far = plots.sparsity_curve(trained, before=trained.assign(score=trained.score - 0.7))
    assert all(trace.name != "before training" for trace in far.data)
    assert "before training 16.0% to 20.0%, outside the picture" in far.layout.title.subtitle.text


def test_chance_of_the_search_is_a_dotted_line_or_said_in_words():
    near = plots.sparsity_curve(curve(4, chance=0.85))
    (dotted,) = (trace for trace in near.data if trace.line.dash == "dot")
    assert (dotted.name, set(dotted.y)) == ("chance (85.0%)", {0.85})
    far = plots.sparsity_curve(curve(4, chance=0.2))
    assert not any(trace.line.dash == "dot" for trace in far.data)
    assert "chance (20.0%) lies outside the picture" in far.layout.title.subtitle.text.replace("<br>", " ")
    differ = plots.sparsity_curve({"a": curve(chance=0.85), "b": curve(chance=0.86)})
    unknown = plots.sparsity_curve(curve())
    for figure in (differ, unknown):
        assert "chance" not in figure.layout.title.subtitle.text
        assert not any(trace.line.dash == "dot" for trace in figure.data)


def test_curve_without_trained_rounds_is_refused_by_name():
    with pytest.raises(LthkitError, match="curve 'b' has no trained round yet"):
        plots.sparsity_curve({"a": curve(), "b": curve().isel(round=slice(0))})


def test_network_without_weights_does_not_break_the_axis():
    values = curve(2)
    values["density"][-1] = 0
    assert np.isfinite(plots.sparsity_curve(values).layout.xaxis.range).all()


def test_shares_are_read_in_percent_and_losses_are_not():
    assert plots.sparsity_curve(curve()).layout.yaxis.tickformat == ".1%"
    assert plots.sparsity_curve(curve(metric="loss", higher_is_better=False)).layout.yaxis.tickformat == ".3g"
    assert plots.sparsity_curve(curve(top=81.5)).layout.yaxis.tickformat == ".3g"


def test_curve_says_how_it_was_scored():
    assert "best validation accuracy" in plots.sparsity_curve(curve()).layout.title.subtitle.text
    assert "last evaluation" in plots.sparsity_curve(curve(selection="last")).layout.title.subtitle.text
    assert plots.sparsity_curve(curve()).layout.title.subtitle.text.startswith("one run a round; scored at")


@pytest.mark.parametrize("layers", [20, 52])
def test_densities_keep_depth_order_and_name_every_layer(layers):
    figure = plots.layer_densities(density(layers))
    assert list(figure.data[0].x) == [f"layer{index}.conv" for index in range(layers)]
    assert [trace.name for trace in figure.data] == [f"round {r}" for r in (0, 4, 7, 11, 14, 18)]
    assert figure.layout.xaxis.dtick == 1
    np.testing.assert_allclose(figure.data[-1].y, density(layers).sel(round=18))


def test_chosen_rounds_are_drawn():
    assert [trace.name for trace in plots.layer_densities(density(3), rounds=[2, 5]).data] == ["round 2", "round 5"]


def test_empty_layer_stands_at_the_foot_where_the_tick_says_0():
    values = density(3)
    values[1, -1] = 0
    figure = plots.layer_densities(values)
    foot = figure.data[-1].y[1]
    assert 0 < foot < min(figure.data[-1].y[[0, 2]])
    assert figure.layout.yaxis.tickvals[0] == foot
    assert figure.layout.yaxis.ticktext[0] == "0"
    assert figure.data[-1].customdata[1] == 0


def test_zero_kernels_are_bright_and_counted():
    figure = plots.kernel_heatmap(kernels([[0, 1, 9], [3, 0, 0]]))
    heatmap = figure.data[0]
    assert heatmap.z.dtype == np.uint8
    np.testing.assert_array_equal(heatmap.z, [[0, 1, 9], [3, 0, 0]])
    assert (heatmap.zmin, heatmap.zmax) == (0, 9)
    assert "3 of 6 kernels completely zero" in figure.layout.title.subtitle.text
    assert "layer1.0.conv2, round 3" in figure.layout.title.text


def test_arrays_that_do_not_say_what_they_are_are_refused():
    with pytest.raises(LthkitError, match=r"array .density. does not say its long_name; draw what lthkit\.analysis"):
        plots.layer_densities(density(3).drop_attrs())
    with pytest.raises(LthkitError, match="no colours for 'mine'; name an array one of weights_left, density"):
        plots.kernel_heatmap(kernels([[1]]).rename("mine"))


def test_counts_beyond_a_byte_do_not_wrap_to_zero():
    assert plots.kernel_heatmap(kernels([[256, 0]], size=289)).data[0].z.tolist() == [[255, 0]]


def test_large_layer_is_drawn_in_tiles_of_stated_size(monkeypatch):
    monkeypatch.setattr("lthkit.analysis.masks.tiles.MOST_CELLS", 6)
    left = np.ones((4, 5))
    left[:2, :2] = 0
    left[3, 4] = 0
    figure = plots.kernel_heatmap(kernels(left))
    np.testing.assert_array_equal(figure.data[0].z, [[100, 0, 0], [0, 0, 50]])
    assert "tiles of 2 × 2 kernels" in figure.layout.title.subtitle.text
    assert "5 of 20 kernels completely zero" in figure.layout.title.subtitle.text
    assert (figure.data[0].x0, figure.data[0].dx) == (0.5, 2)


@pytest.mark.parametrize("shape", [(2048, 512), (512, 512), (1, 300_000)])
def test_figure_of_the_largest_resnet50_layer_stays_below_2_mb(shape):
    figure = plots.kernel_heatmap(kernels(np.random.RandomState(0).randint(0, 2, shape), size=1))
    assert figure.data[0].z.size <= 200_000
    assert len(figure.to_json()) < 2_000_000


def scores(rounds=3, evaluations=4):
    shape, dims = (rounds, evaluations), ("round", "evaluation")
    draw = np.random.RandomState(0)
    columns = {"step": np.tile(np.arange(1.0, evaluations + 1) * 10, (rounds, 1))}
    columns |= {name: draw.rand(*shape) for name in ("train_loss", "validation_accuracy", "test_accuracy")}
    columns["test_accuracy"][:, :-1] = np.nan
    columns["step"][0, -1] = columns["train_loss"][0, -1] = np.nan
    return xr.Dataset({name: (dims, column) for name, column in columns.items()}, {"round": np.arange(rounds)})


def test_training_curves_draw_what_was_measured():
    given = scores()
    figure = plots.training_curves(given)
    losses = [trace for trace in figure.data if trace.yaxis == "y"]
    assert [trace.name for trace in losses] == ["round 0", "round 1", "round 2"]
    assert list(losses[0].x) == [10, 20, 30]
    np.testing.assert_array_equal(losses[1].y, given["train_loss"].values[1])
    dots = [trace for trace in figure.data if trace.mode == "markers"]
    assert [list(trace.x) for trace in dots[1:]] == [[40], [40]]
    assert figure.layout.yaxis2.title.text == "accuracy"
    assert "line on validation, dots on test" in figure.layout.title.subtitle.text


def test_training_without_validation_has_the_test_metric_under_its_own_name():
    given = scores()
    given["test_accuracy"][1, :2] = 0.5
    for absent in (given.drop_vars("validation_accuracy"), given.assign(validation_accuracy=given["step"] * np.nan)):
        figure = plots.training_curves(absent)
        below = [trace for trace in figure.data if trace.yaxis == "y2"]
        assert [trace.mode for trace in below] == ["markers", "lines", "markers"]
        assert figure.layout.yaxis2.title.text == "test accuracy"
        assert "validation" not in figure.to_json()


def test_training_without_the_metric_has_no_empty_panel():
    figure = plots.training_curves(scores(1), metric="AP")
    assert "yaxis2" not in figure.layout
    assert figure.layout.xaxis.title.text == "training step within the round"
    assert figure.layout.title.subtitle.text == "round 0 alone"


def test_dense_network_alone_is_no_ticket():
    figure = plots.sparsity_curve(curve(0))
    assert [trace.name for trace in figure.data] == ["dense network"]
    assert figure.layout.showlegend
    assert "dashed" not in figure.layout.title.subtitle.text
    assert [trace.name for trace in plots.sparsity_curve(curve(1)).data] == ["ticket", "dense network"]


def test_the_axis_says_how_it_is_spaced():
    assert "spaced by density (log)" in plots.sparsity_curve(curve()).layout.xaxis.title.text


def test_spread_keeps_first_and_last():
    assert spread(np.arange(19), 6).tolist() == [0, 4, 7, 11, 14, 18]
    assert spread(np.arange(3), 6).tolist() == [0, 1, 2]
    assert spread(np.arange(0), 6).tolist() == []


def test_upload_and_logo_are_off():
    settings = plots.config()
    assert settings["showSendToCloud"] is False
    assert settings["displaylogo"] is False
    assert settings["plotlyServerURL"] == ""


def luminance(text):
    channels = [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("paper", ["#FFFFFF", "#111111"])
def test_text_has_contrast_4_to_1_and_lines_1_8_to_1_on_both_themes(paper):
    from lthkit.plots.theme import COLOURS, TEXT, shades

    def contrast(ink):
        light, dark = sorted([luminance(ink) + 0.05, luminance(paper) + 0.05], reverse=True)
        return light / dark

    assert contrast(TEXT) >= 4
    assert all(contrast(ink) >= 1.8 for ink in COLOURS)
    shaded = ["#{:02x}{:02x}{:02x}".format(*map(int, re.findall(r"\d+", ink))) for ink in shades(6)]
    assert all(contrast(ink) >= 1.8 for ink in shaded)


def test_saved_page_opens_offline_and_dots_stay_in_the_name(tmp_path):
    picture, page = plots.save(plots.sparsity_curve(curve()), tmp_path / "new" / "layer1.0.conv")
    assert (picture.name, page.name) == ("layer1.0.conv.png", "layer1.0.conv.html")
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = page.read_text(encoding="utf-8")
    script = next((tmp_path / "new").glob("plotly-*.min.js"))
    assert f'src="{script.name}"' in text
    assert "cdn" not in text
    assert '"showSendToCloud": false' in text
    assert len(text) < 100_000
    assert {entry.name for entry in (tmp_path / "new").iterdir()} == {picture.name, page.name, script.name}


def test_a_figure_is_saved_under_the_name_given(tmp_path):
    figure = plots.sparsity_curve(curve())
    assert plots.save(figure, tmp_path / "out.png") == (tmp_path / "out.png",)
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]
    assert plots.save(figure, tmp_path / "out.html") == (tmp_path / "out.html",)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".html", ".js", ".png"]
