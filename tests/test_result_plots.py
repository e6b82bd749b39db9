"""Figures of results: what is drawn is what was measured, and how many runs are behind it."""

import io

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from figures import by_size, by_temperature
from PIL import Image
from tidy import at, runs

from lthkit import plots
from lthkit.analysis import universal, verdict_table
from lthkit.errors import LthkitError
from lthkit.papers import outcomes
from lthkit.plots.labels import weights_label

SPARSITY = [0.0, 0.2, 0.36, 0.488]


@pytest.fixture
def results():
    """On cifar10 0.1 apart by start; each round costs the ticket 0.01, the random mask 0.05. On svhn: dense alone."""
    found = [run(0.9, "pretrained", "svhn", "dense", 0)]
    for start, top in (("pretrained", 0.9), ("random", 0.8)):
        found.append(run(top, start, "cifar10", "dense", 0))
        for mask, step in (("ticket", 0.01), ("layer_random", 0.05)):
            found += [run(top - step * round_, start, "cifar10", mask, round_) for round_ in (1, 2, 3)]
    return pd.concat(found, ignore_index=True).assign(source="imagenet", chance=np.nan)


def run(mean, start, target, mask, round_):
    return runs(mean, start, target, mask, round_, sparsity=SPARSITY[round_])


def drawn(figure, start):
    return [trace for trace in figure.data if (trace.name or "").startswith(start)]


def picture(figure):
    return Image.open(io.BytesIO(plots.png(figure, scale=1))).size


def test_lines_are_means_over_runs_at_their_density(results):
    figure = plots.results_curves(results, target="cifar10")
    (line,) = drawn(figure, "ticket, θp")
    np.testing.assert_allclose(line.y, [0.89, 0.88, 0.87])
    np.testing.assert_allclose(line.x, [0.8, 0.64, 0.512])
    np.testing.assert_allclose(line.customdata[:, 3], 0.02)
    assert line.name == "ticket, θp (n = 3)"
    assert [trace.name for trace in drawn(figure, "layer random")] == [
        "layer random, θp (n = 3)",
        "layer random, θ0 (n = 3)",
    ]
    assert figure.layout.yaxis.tickformat == ".1%"
    assert "best validation point" in figure.layout.title.subtitle.text
    assert picture(figure)[0] == 900


def test_bands_are_one_standard_deviation_of_few_lines_and_of_many(results):
    figure = plots.results_curves(results, target="cifar10", masks=["ticket"], weights=["pretrained"])
    dense, ticket = (trace for trace in figure.data if trace.fill == "toself")
    assert sorted(set(np.round(dense.y, 6))) == [0.88, 0.92]
    np.testing.assert_allclose(ticket.y, [0.91, 0.90, 0.89, 0.85, 0.86, 0.87])
    swaps = results[results["mask"] == "layer_random"].assign(mask="swap")
    crowded = plots.results_curves(pd.concat([results, swaps]), target="cifar10")
    bands = [trace for trace in crowded.data if trace.fill == "toself"]
    assert len(bands) == 1 + 6
    np.testing.assert_allclose(bands[-1].y, [0.77, 0.72, 0.67, 0.63, 0.68, 0.73])
    assert not any(trace.error_y.array is not None for trace in crowded.data)


def test_masks_over_sparsity_stand_at_their_tickets_sparsity_a_panel_for_every_start(results):
    flat = results.assign(sparsity=results["sparsity"].where(results["mask"] != "layer_random", 0.1))
    figure = plots.sensitivity_curves(flat.assign(chance=0.85), target="cifar10")
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert [(line.name, line.xaxis) for line in lines] == [
        ("ticket (n = 3)", "x"),
        ("layer random (n = 3)", "x"),
        ("ticket (n = 3)", "x2"),
        ("layer random (n = 3)", "x2"),
    ]
    for line in lines:
        np.testing.assert_allclose(line.x, [0.8, 0.64, 0.512])
    np.testing.assert_allclose(lines[1].y, [0.85, 0.8, 0.75])
    np.testing.assert_allclose(lines[1].customdata[:, 1], 10)  # its own sparsity is said, in %
    assert [note.text for note in figure.layout.annotations] == ["from θp", "from θ0"]
    assert [trace.showlegend for trace in lines] == [True, True, False, False]
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == 2 + 4
    assert [trace.name for trace in figure.data if trace.line.dash == "dot"] == ["chance (85.0%)"] * 2
    far = plots.sensitivity_curves(flat.assign(chance=0.1), target="cifar10")
    assert "chance (10.0%) lies outside the picture" in far.layout.title.subtitle.text.replace("<br>", " ")
    assert far.layout.yaxis.range[0] > 0.5


def test_masks_without_their_ticket_in_the_picture_stand_at_its_sparsity_all_the_same(results):
    flat = results.assign(sparsity=results["sparsity"].where(results["mask"] != "layer_random", 0.1))
    alone = plots.sensitivity_curves(flat, target="cifar10", masks=["layer_random"])
    np.testing.assert_allclose(drawn(alone, "layer random")[0].x, [0.8, 0.64, 0.512])
    assert "every mask at its ticket's sparsity" in alone.layout.title.subtitle.text
    gone = flat[~at(flat, mask="ticket", round=3)]
    figure = plots.sensitivity_curves(gone, target="cifar10")
    np.testing.assert_allclose(drawn(figure, "layer random")[0].x, [0.8, 0.64, 0.9])
    said = figure.layout.title.subtitle.text.replace("<br>", " ")
    assert "but round 3 (no ticket) at its sparsest mask's" in said


def test_every_kind_of_mask_is_in_the_legend_once_with_the_runs_of_all_panels(results):
    gone = at(results, mask="layer_random", weights="pretrained")
    gone |= at(results, mask="ticket", weights="random", round=2, training_seed=0)
    figure = plots.sensitivity_curves(results[~gone], target="cifar10")
    named = [trace.name for trace in figure.data if trace.showlegend and trace.mode == "lines+markers"]
    assert named == ["ticket (n = 2 to 3)", "layer random (n = 3)"]


def test_ticks_of_rounds_that_are_near_each_other_keep_apart(results):
    near = results.assign(sparsity=results["sparsity"].replace({0.488: 0.37}))
    figure = plots.sensitivity_curves(near, target="cifar10")
    assert list(figure.layout.xaxis.ticktext) == ["20.00", "36.00"]


def test_lines_differ_in_more_than_colour(results):
    figure = plots.results_curves(results, target="cifar10")
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    looks = [(trace.line.color, trace.line.dash, trace.marker.symbol) for trace in lines]
    assert len(set(looks)) == 4
    assert len({look[1:] for look in looks if look[0] == looks[0][0]}) == 2


def test_number_of_runs_and_gaps_are_shown(results):
    gone = at(results, mask="ticket", round=2, training_seed=0)
    gone |= at(results, mask="ticket", round=3, weights="pretrained")
    (line,) = drawn(plots.results_curves(results[~gone], target="cifar10"), "ticket, θp")
    assert line.name.endswith("(n = 2 to 3)")
    assert np.isnan(line.y[-1])
    assert line.customdata[:, 2].tolist() == [3, 2, 0]


def test_dense_is_drawn_for_the_starts_in_the_picture(results):
    names = [trace.name for trace in drawn(plots.results_curves(results, target="cifar10"), "dense")]
    assert names == ["dense, θp (n = 3)", "dense, θ0 (n = 3)"]
    alone = plots.results_curves(results, target="cifar10", weights=["pretrained"])
    assert [trace.name for trace in drawn(alone, "dense")] == ["dense, θp (n = 3)"]


def test_chance_is_drawn_near_the_scores_and_told_far_from_them(results):
    near = plots.results_curves(results.assign(chance=0.6), target="cifar10")
    assert set(drawn(near, "chance (60.0%)")[0].y) == {0.6}
    assert near.layout.yaxis.range[0] < 0.6
    far = plots.results_curves(results.assign(chance=0.1), target="cifar10")
    assert not drawn(far, "chance")
    assert "chance (10.0%) lies outside the picture" in far.layout.title.subtitle.text


def test_no_two_references_look_alike(results):
    figure = plots.results_curves(results.assign(chance=0.6), target="cifar10")
    references = [*drawn(figure, "dense"), *drawn(figure, "chance")]
    assert len(references) == 3
    assert len({trace.line.dash for trace in references}) == 3


def test_published_numbers_stand_beside(results):
    figure = plots.results_curves(
        results, target="cifar10", published=outcomes(target="cifar10", source="imagenet", found_on="source")
    )
    (line,) = drawn(figure, "Chen et al. 2021, Fig. 3")
    assert set(np.round(line.x, 6)) == {round(1 - 0.9141, 6)}
    assert 10 ** figure.layout.xaxis.range[1] < 1 - 0.9141
    norb = plots.results_curves(results, target="cifar10", published=outcomes(where="Fig. 7", paper="Mehta 2019"))
    star = next(trace for trace in norb.data if trace.marker.symbol == "star")
    assert (star.x[0], star.y[0]) == (pytest.approx(0.262), 0.902)
    assert "θ0: matches at no sparsity" in norb.layout.title.subtitle.text


def test_scores_that_others_report_lie_across_and_the_picture_reaches_them(results):
    figure = plots.results_curves(results, target="cifar10", levels={"dense, reported": 0.99})
    (line,) = drawn(figure, "dense, reported")
    assert set(line.y) == {0.99}
    assert figure.layout.yaxis.range[1] > 0.99


def test_published_pre_trainings_are_told_apart(results):
    every = outcomes(target="voc-detection", setting="YOLOv4", metric="AP", found_on="source")
    figure = plots.results_curves(results, target="cifar10", published=every)
    names = [trace.name for trace in drawn(figure, "Chen et al. 2021, Fig. 5")]
    assert [name.split(": ")[1].split(",")[0] for name in names] == ["supervised", "simCLR", "MoCo"]


def test_metrics_are_written_as_words(results):
    figure = plots.results_curves(results.assign(metric="mean_iou"), target="cifar10")
    assert figure.layout.title.text.startswith("Mean IoU on cifar10")
    assert figure.layout.yaxis.title.text == "test mean IoU"
    assert plots.results_curves(results.assign(metric="AP"), target="cifar10").layout.title.text.startswith("AP on")


def test_losses_are_numbers(results):
    losses = results.assign(metric="loss", higher_is_better=False)
    assert plots.results_curves(losses, target="cifar10").layout.yaxis.tickformat == ".3g"


def test_choices_that_are_not_there_are_named(results):
    with pytest.raises(LthkitError, match="have several of 'target'; choose one of cifar10, svhn"):
        plots.results_curves(results)
    with pytest.raises(LthkitError, match="have no mask 'swap'; choose one of dense, ticket"):
        plots.results_curves(results, target="cifar10", masks=["swap"])
    with pytest.raises(LthkitError, match="no run of a subnetwork on 'svhn'"):
        plots.results_curves(results, target="svhn")
    with pytest.raises(LthkitError, match="no run at round 7; choose one of 1, 2, 3"):
        plots.sensitivity_bars(results, round=7, target="cifar10")


def test_bars_are_grouped_by_start_with_their_spread_and_own_sparsity(results):
    results.loc[at(results, mask="layer_random", round=2), "sparsity"] = 0.8
    figure = plots.sensitivity_bars(results.assign(chance=0.1), round=2, target="cifar10")
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert [bar.name for bar in bars] == ["θp (n = 3)", "θ0 (n = 3)"]
    np.testing.assert_allclose(bars[0].y, [0.88, 0.80])
    np.testing.assert_allclose(bars[1].error_y.array, 0.02)
    assert list(figure.layout.xaxis.ticktext) == ["ticket<br>36.00", "layer<br>random<br>80.00"]
    assert figure.layout.yaxis.rangemode == "tozero"
    numbers = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "text"]
    assert list(numbers[0].text) == ["88.0%", "80.0%"]
    np.testing.assert_allclose(numbers[0].x, [-0.2, 0.8])
    assert drawn(figure, "chance (10.0%)")
    assert picture(figure) == (900, 560)


@pytest.fixture
def alone():
    values = np.arange(6, dtype=float).reshape(2, 3) / 6
    labels = {"layer": ["a.weight", "b.weight"], "level": [0.2, 0.5, 0.9]}
    return xr.DataArray(values, labels, ("layer", "level"), attrs={"metric": "accuracy", "dense": 0.95})


def test_layers_pruned_alone_without_and_with_training(alone):
    both = xr.concat([alone, alone + 0.1], pd.Index([0, 1], name="training_seed"))
    trained = both.assign_attrs(metric="accuracy", chance=0.2)
    figure = plots.layer_sensitivity({"pruned": alone, "pruned and trained": trained})
    np.testing.assert_allclose(figure.data[0].z, alone)
    np.testing.assert_allclose(figure.data[1].z, alone + 0.05)
    assert list(figure.layout.yaxis.ticktext) == ["a", "b"]
    assert list(figure.layout.xaxis.ticktext) == ["20", "50", "90"]
    assert [note.text for note in figure.layout.annotations] == ["pruned", "pruned and trained"]
    said = figure.layout.title.subtitle.text
    assert said.replace("<br>", " ").startswith("pruned: n = 1, 0.95 with no layer pruned; pruned and trained: n = 2")
    assert said.count("chance") == said.count(", chance 0.2") == 1
    assert figure.data[0].texttemplate == "%{z:.0%}"
    assert picture(figure)[0] == 1000


def test_layers_that_do_not_fit_are_refused(alone):
    assert len(plots.layer_sensitivity(alone).data) == 1
    for given, match in (
        (alone.isel(level=0), "no dimension 'level'"),
        (alone.drop_attrs(), "do not say 'metric'"),
        (alone.where(False).assign_attrs(metric="accuracy"), "hold no run at all"),
        ({"one": alone, "other": alone.isel(level=[0])}, "the panels differ in 'level'"),
        ({}, "at least one panel"),
    ):
        with pytest.raises(LthkitError, match=match):
            plots.layer_sensitivity(given)


def test_start_weights_are_called_as_in_the_papers():
    called = {"random": "θ0", "rewound 5%": "θk (5%)", "file": "file", "redrawn": "θ′"}
    assert {label: weights_label(label) for label in called} == called


def test_map_has_a_colour_and_a_sign_for_every_verdict(results):
    gone = at(results, weights="pretrained", mask="ticket", round=3, training_seed=2)
    table = verdict_table(results[~gone], details=True)
    figure = plots.verdict_map(table)
    (heat,) = figure.data
    assert list(figure.layout.yaxis.ticktext) == [
        "cifar10 · ticket · θp",
        "cifar10 · layer random · θp",
        "cifar10 · ticket · θ0",
        "cifar10 · layer random · θ0",
    ]
    assert list(figure.layout.xaxis.ticktext) == ["20.00", "36.00", "48.80"]
    assert heat.text[0].tolist() == ["W", "W", "?"]
    assert set(heat.text[2]) == {"×"}
    assert list(heat.colorbar.ticktext) == ["W  winning", "×  not matching", "?  no verdict"]
    assert "fewer no verdict" in figure.layout.title.subtitle.text
    assert "; n = 2 to 3; at least 3 runs" in figure.layout.title.subtitle.text.replace("<br>", " ")
    assert "2 runs of the subnetwork" in heat.customdata[0][2]
    assert picture(figure)[0] == 900


def test_map_by_round_says_the_tickets_sparsity(results):
    figure = plots.verdict_map(verdict_table(results), by="round")  # the seven columns are enough
    assert list(figure.layout.xaxis.ticktext) == ["1 (20.00)", "2 (36.00)", "3 (48.80)"]


def test_map_leaves_empty_what_was_not_run(results):
    table = verdict_table(results)
    figure = plots.verdict_map(table[(table["round"] != 2) | (table["mask"] != "ticket")])
    assert figure.data[0].text[0].tolist() == ["W", "", "×"]
    assert np.isnan(figure.data[0].z[0][1])


def test_map_of_other_verdicts_and_of_universal_ones(results):
    table = verdict_table(results, details=True)
    assert list(plots.verdict_map(table, "commensurate").data[0].colorbar.ticktext) == ["?  no verdict"]
    everywhere = plots.verdict_map(universal(table, ["cifar10"]), "universal")
    assert everywhere.layout.yaxis.ticktext[0] == "ticket · θp"
    assert everywhere.data[0].text[0].tolist() == ["✓", "✓", "×"]
    with pytest.raises(LthkitError, match="no verdicts 'mean'"):
        plots.verdict_map(table, "mean")
    with pytest.raises(LthkitError, match="no verdict on a subnetwork"):
        plots.verdict_map(table[table["mask"] == "dense"])
    assert isinstance(table, pd.DataFrame)


def test_scores_against_a_setting_are_means_over_runs_beside_the_dense_network():
    figure = plots.scores_against(by_temperature(), "temperature")
    (dense,), (line,) = drawn(figure, "dense"), drawn(figure, "ticket")
    (band,) = (trace for trace in figure.data if trace.fill == "toself")
    assert list(line.x) == [0.1, 0.2, 0.5, 1.0, 2.0, 20.0]
    np.testing.assert_allclose(line.y, [0.82, 0.82, 0.825, 0.81, 0.808, 0.8])
    assert line.error_y.array is None
    np.testing.assert_allclose(band.y[:6], [0.84, 0.84, 0.845, 0.83, 0.828, 0.82])
    np.testing.assert_allclose(band.y[6:], [0.78, 0.788, 0.79, 0.805, 0.8, 0.8])
    np.testing.assert_allclose(dense.y, 0.83)
    assert "chance (10.0%) lies outside the picture" in figure.layout.title.subtitle.text
    near = plots.scores_against(by_temperature().assign(chance=0.77), "temperature")
    assert set(drawn(near, "chance (77.0%)")[0].y) == {0.77}
    assert near.layout.yaxis.range[0] < 0.77
    assert line.name == "ticket (n = 3)"
    assert figure.layout.xaxis.type == "log"


def test_scores_by_size_have_a_line_for_each_model():
    figure = plots.scores_against(by_size(), "left", lines="model")
    (small,) = drawn(figure, "resnet8 (")
    assert list(small.x) == [round(19_072 * 0.8**number) for number in range(8, 0, -1)]
    assert len(drawn(figure, "resnet14")) == 2
    ticks = np.log(figure.layout.xaxis.tickvals)
    assert np.diff(ticks).min() >= 0.07 * (ticks[-1] - ticks[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drop": "temperature"}, "have no column 'temperature'"),
        ({"temperature": -1.0 * np.arange(21)}, "no run of a subnetwork with a 'temperature' above 0"),
        ({"target": [*"ab", *"c" * 19]}, "have several of 'target'"),
    ],
)
def test_scores_against_refuses_what_it_cannot_draw(change, message):
    results = by_temperature()
    results = results.drop(columns=change["drop"]) if "drop" in change else results.assign(**change)
    with pytest.raises(LthkitError, match=message):
        plots.scores_against(results, "temperature")
