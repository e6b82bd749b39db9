from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lthkit.data.select import choose_classes, hold_out, keep, of_classes, share_of
from lthkit.errors import LthkitError

few = settings(derandomize=True, max_examples=60, deadline=None)
sizes = st.lists(st.integers(3, 40), min_size=1, max_size=6)


def labelled(counts: list[int]) -> tuple[np.ndarray, list[str]]:
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.RandomState(0).permutation(labels), [f"c{label}" for label in range(len(counts))]


@few
@given(sizes, st.fractions(Fraction(1, 10), Fraction(6, 10), max_denominator=50), st.integers(0, 5))
def test_held_out_share_is_exact_and_stratified(counts, share, seed):
    labels, classes = labelled(counts)
    share = Fraction(str(float(share)))
    wanted = int(share * sum(counts) + Fraction(1, 2))
    if wanted == 0:
        return
    held = hold_out(labels, float(share), classes, seed, "x")
    assert len(held) == wanted == len(set(held))
    assert list(held) == sorted(held)
    for label, count in enumerate(counts):
        assert abs((labels[held] == label).sum() - share * count) < 1
    assert np.array_equal(held, hold_out(labels, float(share), classes, seed, "x"))


@few
@given(sizes, st.data(), st.integers(0, 5))
def test_kept_samples_are_balanced_and_nested(counts, data, seed):
    labels, classes = labelled(counts)
    count = data.draw(st.integers(len(counts), len(counts) * min(counts)))
    kept = keep(labels, count, classes, seed, "x")
    assert len(kept) == count == len(set(kept))
    per_class = np.bincount(labels[kept], minlength=len(counts))
    assert per_class.max() - per_class.min() <= 1
    if count > len(counts):
        assert set(keep(labels, count - 1, classes, seed, "x")) < set(kept)


def test_draws_are_frozen():
    # drawn once and written down: a library version that changes them changes stored results
    labels = np.repeat([0, 1], 10)
    assert keep(labels, 5, ["a", "b"], 7, "x").tolist() == [3, 4, 9, 15, 19]
    assert hold_out(labels, 0.2, ["a", "b"], 7, "x").tolist() == [7, 9, 12, 15]
    assert share_of(labels, 0.2, ["a", "b"], 7, "x").tolist() == [3, 9, 11, 13]


@few
@given(sizes, st.integers(1, 99), st.integers(0, 5))
def test_a_share_of_the_test_split_is_exact_and_stratified(counts, percent, seed):
    labels, classes = labelled(counts)
    wanted = int(Fraction(percent, 100) * sum(counts) + Fraction(1, 2))
    if wanted == 0:
        with pytest.raises(LthkitError, match=f"'x': test_share .* of {sum(counts)} images is none; raise it"):
            share_of(labels, percent / 100, classes, seed, "x")
        return
    taken = share_of(labels, percent / 100, classes, seed, "x")
    assert len(taken) == wanted == len(set(taken))
    for label, count in enumerate(counts):
        assert abs((labels[taken] == label).sum() - Fraction(percent, 100) * count) < 1


def test_seed_changes_the_draw():
    labels, classes = labelled([30, 30])
    draws = {tuple(hold_out(labels, 0.5, classes, seed, "x")) for seed in range(5)}
    assert len(draws) == 5


def test_a_class_keeps_its_samples_whatever_classes_are_beside_it():
    labels, classes = labelled([20, 20, 20])
    whole = hold_out(labels, 0.25, classes, 0, "x")
    indices, new = of_classes(labels, [2, 0])
    part = indices[hold_out(new, 0.25, ["c2", "c0"], 0, "x")]
    assert set(part) == {index for index in whole if labels[index] != 1}


def test_classes_by_name_and_index_in_the_order_given():
    assert choose_classes(["a", "b", "c"], ("c", 0), "x") == (2, 0)
    assert choose_classes(["a", "b", "c"], None, "x") == (0, 1, 2)
    indices, new = of_classes(np.array([0, 1, 2, 0, 2]), (2, 0))
    assert indices.tolist() == [0, 2, 3, 4]
    assert new.tolist() == [1, 0, 1, 0]


def test_classes_absent_from_the_end_of_labels_are_no_trouble():
    indices, _ = of_classes(np.array([0, 0]), (0, 5))
    assert indices.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (("cats",), "no class 'cats'.*cat"),
        ((3,), "index 3 is outside 0…2"),
        ((-1,), "index -1"),
        (("cat", 0), "'cat' is chosen twice"),
    ],
)
def test_wrong_classes_are_named(wanted, message):
    with pytest.raises(LthkitError, match=message):
        choose_classes(["cat", "dog", "cow"], wanted, "x")


@pytest.mark.parametrize(("count", "message"), [(9, "5 training images of class 'b', which has 4"), (1, "less than")])
def test_count_that_cannot_be_met(count, message):
    labels = np.array([0] * 8 + [1] * 4)
    with pytest.raises(LthkitError, match=message):
        keep(labels, 10 if count == 9 else count, ["a", "b"], 0, "x")


@pytest.mark.parametrize(("share", "message"), [(0.1, "of 4 images is none"), (0.7, "takes all 1 .* 'b'")])
def test_validation_that_cannot_be_drawn(share, message):
    with pytest.raises(LthkitError, match=message):
        hold_out(np.array([0, 0, 0, 1]), share, ["a", "b"], 0, "x")
