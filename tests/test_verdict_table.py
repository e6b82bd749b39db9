"""Whole data sets of results: which rows there are, what they are compared with, how far a verdict reaches."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lthkit.analysis import reach, universal, verdict_table
from lthkit.errors import LthkitError

LABELS = {
    "source": ["digits"],
    "weights": ["pretrained", "random", "source"],
    "target": ["a", "b"],
    "mask": ["dense", "ticket", "complement"],
    "round": [0, 1, 2, 3],
    "search_seed": [0, 1],
    "training_seed": [0, 1, 2],
}
# mean 0.80, sd 0.02
SEEDS = np.array([-0.02, 0.0, 0.02])


def empty(labels=LABELS, **attrs):
    shape = tuple(map(len, labels.values()))
    columns = {name: (tuple(labels), np.full(shape, np.nan)) for name in ("score", "best_step", "least_loss_step")}
    given = xr.Dataset(
        columns, labels, {"metric": "accuracy", "higher_is_better": True, "selection": "validation"} | attrs
    )
    removed = [[0.0, np.nan, np.nan, np.nan], [0.0, 0.2, 0.36, 0.488], [1.0, 0.8, 0.64, 0.512]]
    given["sparsity"] = ("mask", "round"), np.array(removed[: len(labels["mask"])])[:, : len(labels["round"])]
    return given


def put(results, mean, steps=100, searches=(0,), **where):
    for seed in searches:
        at = {"source": "digits", "search_seed": seed} | where
        results["score"].loc[at] = mean + SEEDS
        results["best_step"].loc[at] = results["least_loss_step"].loc[at] = steps
    return results


@pytest.fixture
def results():
    """On a: 0.80 dense; the ticket at 0.81, 0.77 (left the band), 0.79 (came back). On b: only to round 1."""
    given = empty()
    for target in "ab":
        put(given, 0.80, target=target, mask="dense", round=0, weights="pretrained")
        put(given, 0.79, steps=80, target=target, mask="dense", round=0, weights="source")
    for round_, mean in ((1, 0.81), (2, 0.77), (3, 0.79)):
        put(given, mean, target="a", mask="ticket", round=round_, weights="pretrained", searches=(0, 1), steps=80)
    put(given, 0.80, target="b", mask="ticket", round=1, weights="pretrained")
    put(given, 0.60, target="a", mask="ticket", round=1, weights="random")
    return given


def row(table, **where):
    found = table
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1, found
    return found.iloc[0]


def test_every_round_of_a_mask_has_a_row_on_every_curve_that_ran(results):
    put(results, 0.7, target="a", mask="complement", round=2, weights="pretrained")
    table = verdict_table(results)
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
    table = verdict_table(results)
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
    table = verdict_table(results)
    words = {r: row(table, weights="pretrained", target="a", mask="ticket", round=r).commensurate for r in (1, 2, 3)}
    assert words == {1: "yes", 2: "no", 3: "yes"}
    slow = row(table, weights="pretrained", target="b", mask="ticket", round=1)
    assert (slow.commensurate, slow.steps, slow.dense_steps) == ("no", 100, 80)
    none = verdict_table(results, start="redrawn")
    assert set(none.commensurate) == {"no verdict"}
    assert "no runs of the dense network" in none.said.iloc[0]


def test_what_was_planned_but_did_not_run_is_said(results):
    lacking = row(verdict_table(results), weights="pretrained", target="b", mask="ticket", round=2)
    assert (lacking.verdict, lacking.n, lacking.missing) == ("no verdict", 0, 6)
    assert "no runs of the subnetwork" in lacking.said
    results["score"].loc[{"target": "a", "mask": "ticket", "round": 1, "training_seed": 0}] = np.nan
    partly = row(verdict_table(results), weights="pretrained", target="a", mask="ticket", round=1)
    assert (partly.n, partly.missing, partly.searches, partly.verdict) == (4, 2, 2, "winning")
    assert "n = 4, 2 missing" in partly.said


def test_a_dense_run_filed_under_each_search_counts_once(results):
    put(results, 0.80, target="a", mask="dense", round=0, weights="pretrained", searches=(1,))
    table = verdict_table(results)
    one = row(table, weights="pretrained", target="a", mask="ticket", round=1)
    assert (one.dense_n, one.dense_repeated) == (3, 3)
    assert one.dense_sd == pytest.approx(0.02)
    results["best_step"].loc[{"target": "a", "mask": "dense", "search_seed": 1}] = 99  # a run of its own
    other = row(verdict_table(results), weights="pretrained", target="a", mask="ticket", round=1)
    assert (other.dense_n, other.dense_repeated) == (6, 0)


def test_two_dense_runs_give_no_verdict(results):
    results["score"].loc[{"mask": "dense", "training_seed": 2}] = np.nan
    table = verdict_table(results)
    assert set(table.matching) == {"no verdict"}
    assert table.said.str.contains("2 runs of the dense network").all()


def test_reference_can_be_another_start(results):
    table = verdict_table(results, reference="source")
    assert row(table, weights="pretrained", target="a", mask="ticket", round=1).verdict == "matching"
    assert row(table, weights="source", target="a", mask="dense").verdict == "reference"


def test_losses_are_better_when_lower(results):
    results["score"] = -results["score"] + 1.5
    results.attrs |= {"metric": "loss", "higher_is_better": False}
    table = verdict_table(results)
    words = [row(table, weights="pretrained", target="a", mask="ticket", round=r).verdict for r in (1, 2, 3)]
    assert words == ["winning", "not matching", "winning"]
    assert set(table.non_inferior) == {"no verdict"}  # 0.01 means nothing on an unknown scale
    assert "no verdict" not in set(verdict_table(results, margin=0.5).query("n >= 3").non_inferior)


def test_dimensions_may_stand_in_any_order_and_steps_may_be_unknown(results):
    pd.testing.assert_frame_equal(verdict_table(results.transpose(*reversed(LABELS))), verdict_table(results))
    assert set(verdict_table(results[["score", "sparsity"]]).commensurate) == {"no verdict"}


def test_reach_says_that_the_curve_left_the_band_and_came_back(results):
    found = reach(verdict_table(results))
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


def test_reach_follows_sparsity_not_rounds():
    given = empty()
    put(given, 0.8, target="a", mask="dense", round=0, weights="pretrained")
    for round_, mean in ((1, 0.5), (2, 0.6), (3, 0.8)):
        put(given, mean, target="a", mask="complement", round=round_, weights="pretrained")
    found = row(reach(verdict_table(given)), mask="complement")
    assert (found.highest, found.left_at) == (0.512, 0.64)
    assert not found.came_back
    assert found.said == "matching up to 51.20 %, then no longer"


def test_universal_asks_every_task(results):
    table = verdict_table(results)
    found = universal(table)
    assert row(found, weights="pretrained", round=1).universal == "yes"
    failed = row(found, weights="pretrained", round=2)
    assert (failed.universal, failed.fails_on, failed.unjudged, failed.tasks) == ("no", "a", "b", 2)
    assert failed.said == "not universal: matching fails on a"
    unsure = row(found, weights="pretrained", round=3)
    assert (unsure.universal, unsure.unjudged) == ("no verdict", "b")
    assert row(universal(table, ["a"]), weights="pretrained", round=3).universal == "yes"
    assert row(found, weights="random", round=1).unjudged == "b"  # no row at all on b
    assert row(reach(found, "universal"), weights="pretrained").highest == 0.2


def test_bad_input_is_named(results):
    with pytest.raises(LthkitError, match="no dimension 'search_seed'"):
        verdict_table(results.isel(search_seed=0, drop=True))
    with pytest.raises(LthkitError, match="no variable 'sparsity'"):
        verdict_table(results.drop_vars("sparsity"))
    with pytest.raises(LthkitError, match="do not say 'higher_is_better'"):
        verdict_table(results.assign_attrs(higher_is_better=1).drop_attrs().assign_attrs(metric="a"))
    with pytest.raises(LthkitError, match="hold no run at all"):
        verdict_table(empty())
    table = verdict_table(results)
    with pytest.raises(LthkitError, match="no results on 'c'; choose of a, b"):
        universal(table, ["a", "c"])
    with pytest.raises(LthkitError, match="no verdicts 'universal'; choose one of matching"):
        reach(table, "universal")
