"""Rules on plain runs: numbers worked out by hand, and scipy's own Welch test as oracle."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from lthkit.analysis import commensurate, matching, non_inferior
from lthkit.analysis.verdicts.samples import sample, too_few

CAREFUL = settings(max_examples=60, deadline=None, derandomize=True)
NAN = float("nan")
# mean 0.80, sd (ddof 1) 0.02: the band ends at 0.78
DENSE = np.array([0.78, 0.80, 0.82])
runs_of = st.lists(st.floats(0, 1).map(lambda x: round(x, 3)), min_size=3, max_size=8).map(np.array)


def test_sample_counts_what_is_missing_and_uses_ddof_1():
    found = sample(np.array([[1.0, NAN], [2.0, 4.0]]))
    assert (found.n, found.missing) == (3, 1)
    assert found.mean == pytest.approx(7 / 3)
    assert found.sd == pytest.approx(((16 + 1 + 25) / 9 / 2) ** 0.5)
    assert str(sample(np.array([NAN]))) == "no runs"
    assert str(sample(np.array([0.5]))) == "0.5 (n = 1)"
    assert str(sample(np.array([0.5, 0.7, NAN]))) == "0.6 ± 0.1414 (n = 2, 1 missing)"
    assert sample(np.array([0.5, 0.7, NAN]), planned=6).missing == 4
    assert sample(found) is found


@pytest.mark.parametrize(
    ("runs", "within", "at_least"),
    [
        ([0.81, 0.81, 0.81], "yes", "yes"),
        ([0.80, 0.80, 0.80], "yes", "yes"),
        ([0.79, 0.79, 0.79], "yes", "no"),
        ([0.78, 0.78, 0.78], "yes", "no"),
        ([0.77, 0.78, 0.78], "no", "no"),
    ],
)
def test_matching_ends_one_standard_deviation_below_the_dense_mean(runs, within, at_least):
    found = matching(np.array(runs), DENSE)
    assert (found.verdict, found.at_least_dense) == (within, at_least)
    assert found.threshold == pytest.approx(0.78)
    mirrored = matching(-np.array(runs), -DENSE, higher_is_better=False)
    assert (mirrored.verdict, mirrored.at_least_dense) == (within, at_least)
    assert mirrored.threshold == pytest.approx(-0.78)


def test_rounding_does_not_decide():
    # the mean of three 0.1 is above 0.1, that of a single sum of ten is below
    found = matching(np.full(10, 0.1), np.full(3, 0.1))
    assert (found.verdict, found.at_least_dense) == ("yes", "yes")


@pytest.mark.parametrize(
    ("runs", "dense", "reason"),
    [
        ([0.9, 0.9], [0.8, 0.8, 0.8], "2 runs of the subnetwork, at least 3 are needed"),
        ([0.9] * 3, [0.8, NAN, 0.8], "2 runs of the dense network, at least 3 are needed"),
        ([0.9], [], "1 run of the subnetwork and no runs of the dense network, at least 3 are needed"),
        ([NAN] * 3, [0.8] * 3, "no runs of the subnetwork, at least 3 are needed"),
    ],
)
def test_with_too_few_runs_there_is_no_verdict_and_the_reason_is_said(runs, dense, reason):
    match = matching(np.array(runs), np.array(dense))
    safe = non_inferior(np.array(runs), np.array(dense), margin=0.1)
    pace = commensurate(np.array(runs), np.array(runs), np.array(dense), np.array(dense))
    for found in (match, safe, pace):
        assert found.verdict == "no verdict"
        assert found.reason.startswith(reason.split(",")[0])
        assert str(found).startswith("no verdict on")
    assert match.at_least_dense == "no verdict"
    assert match.reason == reason


def test_one_run_is_enough_where_the_caller_says_so():
    assert matching(np.array([0.79]), DENSE, least_runs=1).verdict == "yes"
    assert non_inferior(np.array([0.79]), DENSE, margin=0.1, least_runs=1).reason.endswith("at least 2 are needed")
    assert too_few({"a": sample(np.array([1.0]))}, 1) == ""


@CAREFUL
@given(runs_of, runs_of, st.sampled_from([0.01, 0.05, 0.3]), st.sampled_from([0.01, 0.05, 0.1]))
def test_non_inferiority_is_scipys_welch_test(runs, dense, margin, alpha):
    assume(runs.std() > 1e-6)
    assume(dense.std() > 1e-6)
    found = non_inferior(runs, dense, margin=margin, alpha=alpha)
    oracle = stats.ttest_ind(runs + margin, dense, equal_var=False, alternative="greater")
    assert found.p == pytest.approx(oracle.pvalue, rel=1e-6, abs=1e-12)
    interval = stats.ttest_ind(runs, dense, equal_var=False).confidence_interval(1 - 2 * alpha)
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)
    if abs(oracle.pvalue - alpha) > 1e-9:
        assert (found.verdict == "yes") == (oracle.pvalue < alpha)


@CAREFUL
@given(runs_of, runs_of)
def test_losses_are_scores_turned_over(runs, dense):
    up = non_inferior(runs, dense, margin=0.05)
    down = non_inferior(-runs, -dense, margin=0.05, higher_is_better=False)
    assert (up.verdict, up.lower, up.p) == (down.verdict, down.lower, down.p)


def test_runs_without_spread_need_no_t():
    equal = non_inferior(np.full(3, 0.5), np.full(3, 0.5), margin=0.01)
    assert (equal.verdict, equal.p, equal.lower, equal.upper) == ("yes", 0.0, 0.0, 0.0)
    worse = non_inferior(np.full(3, 0.25), np.full(3, 0.5), margin=0.25)
    assert (worse.verdict, worse.p) == ("no", 1.0)


@pytest.mark.parametrize("margin", [None, 0, -0.1, NAN])
def test_without_a_margin_there_is_no_verdict_on_inferiority(margin):
    found = non_inferior(DENSE, DENSE, margin=margin)
    assert found.verdict == "no verdict"
    assert "no margin > 0" in found.reason


def test_worked_example_by_hand():
    # difference -0.01; both sd 0.02, n 3: se = 0.02 sqrt(2/3) = 0.016330, df = 4, t(0.95, 4) = 2.131847
    found = non_inferior(DENSE - 0.01, DENSE, margin=0.05)
    assert found.difference == pytest.approx(-0.01)
    assert found.lower == pytest.approx(-0.01 - 2.131847 * 0.0163299, abs=1e-6)
    assert found.verdict == "yes"
    assert non_inferior(DENSE - 0.01, DENSE, margin=0.04).verdict == "no"
    assert "by a margin of 0.05: difference -0.01, 90 % interval -0.04481 to +0.02481" in str(found)


@pytest.mark.parametrize(
    ("score", "steps", "verdict"),
    [(0.80, 100, "yes"), (0.81, 50, "yes"), (0.79, 50, "no"), (0.81, 101, "no"), (0.79, 101, "no")],
)
def test_commensurate_asks_for_accuracy_and_for_time(score, steps, verdict):
    found = commensurate(np.full(3, score), np.full(3, steps), DENSE, np.array([90, 100, 110]))
    assert found.verdict == verdict
    assert (found.steps.mean, found.dense_steps.mean) == (steps, 100)


def test_commensurate_without_measured_steps_has_no_verdict():
    found = commensurate(DENSE, np.full(3, NAN), DENSE, np.full(3, 10.0))
    assert found.verdict == "no verdict"
    assert found.reason == "no runs of the subnetwork's validation loss, at least 3 are needed"
