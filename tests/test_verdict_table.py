"""Whole data sets of results: which rows there are, what they are compared with, how far a verdict holds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tidy import PLACE, TERMS, at, random_results, runs

from lthkit.analysis import highest_sparsity, universal, verdict_table
from lthkit.errors import LthkitError

SAMPLES = Path(__file__).parent / "samples"
REMOVED = {"dense": [0.0], "ticket": [0.0, 0.2, 0.36, 0.488], "complement": [1.0, 0.8, 0.64, 0.512]}


def put(mean, weights, target, mask, round_, steps=100, searches=(0,)):
    removed = REMOVED[mask][round_]
    return runs(mean, weights, target, mask, round_, sparsity=removed, steps=steps, searches=searches)


def add(results, *args, **options):
    return pd.concat([results, put(*args, **options)], ignore_index=True)


@pytest.fixture
def results():
    """On a: 0.80 dense; the ticket at 0.81, 0.77 (left the band), 0.79 (came back). On b: only to round 1."""
    dense = [put(0.80, "pretrained", target, "dense", 0) for target in "ab"]
    late = [put(0.79, "source", target, "dense", 0, steps=80) for target in "ab"]
    on_a = [
        put(mean, "pretrained", "a", "ticket", round_, steps=80, searches=(0, 1))
        for round_, mean in ((1, 0.81), (2, 0.77), (3, 0.79))
    ]
    rest = [put(0.80, "pretrained", "b", "ticket", 1), put(0.60, "random", "a", "ticket", 1)]
    return pd.concat([*dense, *late, *on_a, *rest], ignore_index=True)


def judge(results, **options):
    return verdict_table(results, details=True, **options)


def row(table, **where):
    found = table[at(table, **where)]
    assert len(found) == 1, found
    return found.iloc[0]


def sample(name):
    return pd.read_csv(SAMPLES / f"{name}.csv").fillna({"fails_on": "", "unjudged": ""})


def same(found, expected):
    """Equal rows whatever their order, numbers up to the last digits that a text file keeps."""
    labels = [name for name in PLACE if name in expected]
    found, expected = (frame.sort_values(labels, ignore_index=True) for frame in (found, expected))
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False, rtol=1e-12)


def test_numbers_and_words_are_those_that_were_always_given():
    """The samples were written when results were a cube; since then only a ticket is called winning."""
    expected = sample("verdicts")
    control = expected["mask"] != "ticket"
    expected.loc[control & (expected["verdict"] == "winning"), "verdict"] = "matching"
    expected.loc[control, "winning"] = "no"
    table = judge(random_results())
    same(table, expected)
    same(universal(table), sample("verdicts-universal"))
    same(highest_sparsity(table), sample("verdicts-highest"))


def test_losses_and_other_terms_are_judged_as_they_always_were():
    results = random_results()
    losses = results.assign(score=1.5 - results["score"], metric="loss", higher_is_better=False)
    options = {"margin": 0.05, "alpha": 0.1, "least_runs": 2, "reference": "source", "start": "pretrained"}
    expected = sample("verdicts-losses")
    control = expected["mask"] != "ticket"
    expected.loc[control & (expected["verdict"] == "winning"), "verdict"] = "matching"
    expected.loc[control, "winning"] = "no"
    same(judge(losses, **options), expected)


def test_seven_columns_are_read_in_order_of_task_start_mask_and_round(results):
    table = verdict_table(add(results, 0.80, "pretrained", "a", "complement", 1))
    assert list(table) == ["target", "weights", "mask", "round", "sparsity", "score", "verdict"]
    assert table.head(6).to_numpy().tolist() == [
        ["a", "pretrained", "dense", 0, 0.0, "0.8 ± 0.02 (n = 3)", "reference"],
        ["a", "pretrained", "ticket", 1, 0.2, "0.81 ± 0.01789 (n = 6)", "winning"],
        ["a", "pretrained", "ticket", 2, 0.36, "0.77 ± 0.01789 (n = 6)", "not matching"],
        ["a", "pretrained", "ticket", 3, 0.488, "0.79 ± 0.01789 (n = 6)", "winning"],
        ["a", "pretrained", "complement", 1, 0.8, "0.8 ± 0.02 (n = 3, 3 missing)", "matching"],
        ["a", "random", "ticket", 1, 0.2, "0.6 ± 0.02 (n = 3, 3 missing)", "not matching"],
    ]
    assert table["target"].is_monotonic_increasing
    two = pd.concat([results, results.assign(source="letters")])
    assert list(verdict_table(two))[:2] == ["source", "target"]


def test_only_a_ticket_wins(results):
    control = row(judge(add(results, 0.81, "pretrained", "a", "complement", 1)), mask="complement")
    assert (control.verdict, control.matching, control.winning) == ("matching", "yes", "no")


def test_every_round_of_a_mask_has_a_row_on_every_curve_that_ran(results):
    table = judge(add(results, 0.7, "pretrained", "a", "complement", 2))
    counted = table.groupby(["weights", "target", "mask"]).size().to_dict()
    assert counted == {
        ("pretrained", "a", "complement"): 1,
        ("pretrained", "a", "dense"): 1,
        ("pretrained", "a", "ticket"): 3,
        ("pretrained", "b", "dense"): 1,
        ("pretrained", "b", "ticket"): 3,
        ("random", "a", "ticket"): 3,
        ("source", "a", "dense"): 1,
        ("source", "b", "dense"): 1,
    }
    assert table.attrs["never_run"] == 1 * 3 * 2 * 3 - 8


def test_verdicts_and_the_numbers_behind_them(results):
    table = judge(results)
    first = row(table, weights="pretrained", target="a", mask="ticket", round=1)
    assert (first.verdict, first.matching, first.winning, first.at_least_dense) == ("winning", "yes", "yes", "yes")
    assert (first.n, first.searches, first.missing, first.dense_n) == (6, 2, 0, 3)
    assert (first["mean"], first.dense_mean, first.dense_sd) == pytest.approx((0.81, 0.80, 0.02))
    assert (first.threshold, first.sparsity, first.margin) == pytest.approx((0.78, 0.2, 0.01))
    second = row(table, weights="pretrained", target="a", mask="ticket", round=2)
    assert (second.verdict, second.winning, second.non_inferior) == ("not matching", "no", "no")
    third = row(table, weights="pretrained", target="a", mask="ticket", round=3)
    assert (third.verdict, third.at_least_dense) == ("winning", "no")
    random = row(table, weights="random", target="a", mask="ticket", round=1)
    assert (random.verdict, random.winning) == ("not matching", "no")
    assert row(table, weights="pretrained", target="a", mask="dense").verdict == "reference"
    assert row(table, weights="source", target="a", mask="dense").verdict == "matching"


def test_commensurate_is_told_against_dense_from_theta_s(results):
    table = judge(results)
    words = {r: row(table, weights="pretrained", target="a", mask="ticket", round=r).commensurate for r in (1, 2, 3)}
    assert words == {1: "yes", 2: "no", 3: "yes"}
    slow = row(table, weights="pretrained", target="b", mask="ticket", round=1)
    assert (slow.commensurate, slow.steps, slow.dense_steps) == ("no", 100, 80)
    none = judge(results, start="redrawn")
    assert set(none.commensurate) == {"no verdict"}
    assert "no runs of the dense network" in none.said.iloc[0]


def test_what_was_planned_but_did_not_run_is_said(results):
    lacking = row(judge(results), weights="pretrained", target="b", mask="ticket", round=2)
    assert (lacking.verdict, lacking.n, lacking.missing) == ("no verdict", 0, 6)
    assert "no runs of the subnetwork" in lacking.said
    gone = at(results, target="a", mask="ticket", round=1, training_seed=0)
    for fewer in (results[~gone], results.assign(score=results["score"].mask(gone))):
        partly = row(judge(fewer), weights="pretrained", target="a", mask="ticket", round=1)
        assert (partly.n, partly.missing, partly.searches, partly.verdict) == (4, 2, 2, "winning")
        assert "n = 4, 2 missing" in partly.said


def test_a_dense_run_filed_under_each_search_counts_once(results):
    twice = add(results, 0.80, "pretrained", "a", "dense", 0, searches=(1,))
    one = row(judge(twice), weights="pretrained", target="a", mask="ticket", round=1)
    assert (one.dense_n, one.dense_repeated) == (3, 3)
    assert one.dense_sd == pytest.approx(0.02)
    twice.loc[at(twice, target="a", mask="dense", search_seed=1), "best_step"] = 99  # a run of its own
    other = row(judge(twice), weights="pretrained", target="a", mask="ticket", round=1)
    assert (other.dense_n, other.dense_repeated) == (6, 0)


def test_two_dense_runs_give_no_verdict(results):
    table = judge(results[~at(results, mask="dense", training_seed=2)])
    assert set(table.matching) == {"no verdict"}
    assert table.said.str.contains("2 runs of the dense network").all()


def test_reference_can_be_another_start(results):
    table = judge(results, reference="source")
    assert row(table, weights="pretrained", target="a", mask="ticket", round=1).verdict == "matching"
    assert row(table, weights="source", target="a", mask="dense").verdict == "reference"


def test_losses_are_better_when_lower(results):
    losses = results.assign(score=1.5 - results["score"], metric="loss", higher_is_better=False)
    table = judge(losses)
    words = [row(table, weights="pretrained", target="a", mask="ticket", round=r).verdict for r in (1, 2, 3)]
    assert words == ["winning", "not matching", "winning"]
    assert set(table.non_inferior) == {"no verdict"}  # 0.01 means nothing on an unknown scale
    assert "no verdict" not in set(judge(losses, margin=0.5).query("n >= 3").non_inferior)


def test_rows_may_stand_in_any_order_and_steps_may_be_unknown(results):
    pd.testing.assert_frame_equal(judge(results.sample(frac=1, random_state=0)), judge(results))
    needed = results.drop(columns=["best_step", "least_loss_step", "selection", "chance"])
    assert set(judge(needed).commensurate) == {"no verdict"}


def test_highest_sparsity_says_that_the_curve_left_the_band_and_came_back(results):
    found = highest_sparsity(judge(results))
    back = row(found, weights="pretrained", target="a")
    assert (back.highest, back.highest_round, back.left_at) == (0.488, 3, 0.36)
    assert back.came_back
    assert back.said == "matching up to 48.80 %, though it failed at 36.00 % and came back"
    short = row(found, weights="pretrained", target="b")
    assert (short.highest, short.judged, short.unjudged) == (0.2, 1, "2, 3")
    assert not short.came_back
    assert short.said == "matching up to 20.00 %, the highest that was judged; no verdict in round 2, 3"
    none = row(found, weights="random", target="a")
    assert np.isnan(none.highest)
    assert none.highest_round is None or np.isnan(none.highest_round)
    assert none.said == "matching at no sparsity; no verdict in round 2, 3"
    assert "dense" not in set(found["mask"])


def test_highest_sparsity_follows_sparsity_not_rounds():
    given = [put(0.8, "pretrained", "a", "dense", 0)]
    given += [put(mean, "pretrained", "a", "complement", round_) for round_, mean in ((1, 0.5), (2, 0.6), (3, 0.8))]
    found = row(highest_sparsity(judge(pd.concat(given))), mask="complement")
    assert (found.highest, found.left_at) == (0.512, 0.64)
    assert not found.came_back
    assert found.said == "matching up to 51.20 %, then no longer"


def test_universal_asks_every_task(results):
    table = judge(results)
    found = universal(table)
    assert row(found, weights="pretrained", round=1).universal == "yes"
    failed = row(found, weights="pretrained", round=2)
    assert (failed.universal, failed.fails_on, failed.unjudged, failed.tasks) == ("no", "a", "b", 2)
    assert failed.said == "not universal: matching fails on a"
    unsure = row(found, weights="pretrained", round=3)
    assert (unsure.universal, unsure.unjudged) == ("no verdict", "b")
    assert row(universal(table, ["a"]), weights="pretrained", round=3).universal == "yes"
    assert row(found, weights="random", round=1).unjudged == "b"  # no row at all on b
    assert row(highest_sparsity(found, "universal"), weights="pretrained").highest == 0.2


def test_universal_asks_tasks_of_different_metrics(results):
    on_a, on_b = (results[results["target"] == target] for target in "ab")
    tables = judge(on_a), judge(on_b.assign(metric="AP"))
    assert row(universal(pd.concat(tables)), weights="pretrained", round=1).universal == "yes"


def test_bad_input_is_named(results):
    with pytest.raises(LthkitError, match="one row per training, not Dataset"):
        verdict_table(results.set_index(PLACE).to_xarray())
    with pytest.raises(LthkitError, match="no column 'search_seed'"):
        verdict_table(results.drop(columns="search_seed"))
    with pytest.raises(LthkitError, match="no column 'sparsity'"):
        verdict_table(results.drop(columns="sparsity"))
    with pytest.raises(LthkitError, match="rows without 'weights'"):
        verdict_table(results.assign(weights=results["weights"].replace("source", None)))
    with pytest.raises(LthkitError, match="do not say 'higher_is_better'"):
        verdict_table(results.assign(higher_is_better=None))
    with pytest.raises(LthkitError, match="hold no run at all"):
        verdict_table(results.assign(score=np.nan))
    table = judge(results)
    with pytest.raises(LthkitError, match="no results on 'c'; choose of a, b"):
        universal(table, ["a", "c"])
    with pytest.raises(LthkitError, match="no verdicts 'universal'; choose one of matching"):
        highest_sparsity(table, "universal")
    with pytest.raises(LthkitError, match="no verdicts 'matching'; make it by verdict_table with details=True"):
        universal(verdict_table(results))


@pytest.mark.parametrize(
    ("name", "other", "said"),
    [
        ("metric", "AP", "mix the metrics 'accuracy' and 'AP'; give rows of one 'metric' at a time"),
        ("selection", "last", "mix the selections 'validation' and 'last'; give rows of one 'selection' at a time"),
        ("higher_is_better", False, "mix the directions of the metric 'True' and 'False'"),
    ],
)
def test_what_cannot_be_compared_is_refused(results, name, other, said):
    with pytest.raises(LthkitError, match=said):
        verdict_table(results.assign(**{name: [TERMS[name]] * 3 + [other] * (len(results) - 3)}))


def test_a_run_that_stands_twice_is_refused(results):
    twice = "two rows of source digits, weights random, target a, mask ticket, round 1, search_seed 0, training_seed 2;"
    with pytest.raises(LthkitError, match=twice):
        verdict_table(pd.concat([results, results.tail(1)]))
