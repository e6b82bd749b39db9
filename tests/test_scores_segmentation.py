"""Intersection over union, against hand-worked cases, brute force and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import confusion_matrix, jaccard_score

from lthkit import scores
from lthkit.errors import LthkitError


def test_a_case_worked_by_hand():
    truth = torch.tensor([[0, 0, 0, 1], [0, 1, 1, 255]])
    predicted = torch.tensor([[0, 0, 1, 1], [2, 1, 0, 2]])
    table = scores.confusion(predicted, truth, 4)
    assert table.tolist() == [[2, 1, 1, 0], [1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    # class 0: 2 right, 2 missed, 1 wrongly found; class 1: 2, 1, 1; class 2: only wrongly found; class 3: nowhere
    iou = scores.iou_per_class(table)
    assert iou[:3].tolist() == [2 / 5, 2 / 4, 0]
    assert iou[3].isnan()
    assert scores.mean_iou(table) == pytest.approx((0.4 + 0.5 + 0) / 3)
    assert scores.pixel_accuracy(table) == pytest.approx(4 / 7)


def test_what_is_perfect_is_one_and_what_is_void_is_nothing():
    truth = torch.randint(0, 5, (3, 6, 6))
    table = scores.confusion(truth, truth, 5)
    assert scores.mean_iou(table) == scores.pixel_accuracy(table) == 1
    nothing = scores.confusion(truth, torch.full_like(truth, 255), 5)
    assert nothing.sum() == 0
    assert math.isnan(scores.mean_iou(nothing))
    assert math.isnan(scores.pixel_accuracy(nothing))


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.int64, (2, 5, 4), elements=st.sampled_from([0, 1, 2, 3, 255])),
    arrays(np.int64, (2, 5, 4), elements=st.integers(0, 3)),
)
def test_it_is_what_counting_one_by_one_and_scikit_learn_say(truth, predicted):
    halves = [
        scores.confusion(torch.from_numpy(p), torch.from_numpy(t), 4) for p, t in zip(predicted, truth, strict=True)
    ]
    table = halves[0] + halves[1]
    pairs = [(t, p) for t, p in zip(truth.flat, predicted.flat, strict=True) if t != 255]
    for number in range(4):
        both = sum(t == p == number for t, p in pairs)
        either = sum(number in (t, p) for t, p in pairs)
        iou = scores.iou_per_class(table)[number].item()
        assert iou == pytest.approx(both / either) if either else math.isnan(iou)
    if pairs:
        scored, found = (np.array(side) for side in zip(*pairs, strict=True))
        assert np.array_equal(table.numpy(), confusion_matrix(scored, found, labels=range(4)))
        present = sorted({*scored.tolist(), *found.tolist()})
        expected = jaccard_score(scored, found, labels=present, average="macro")
        assert scores.mean_iou(table) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("predicted", "truth", "told"),
    [
        ([0, 1], [0], "do not fit"),
        ([0, 4], [0, 1], "predictions hold class numbers outside 0…3"),
        ([0, 1], [0, 4], "masks hold class numbers outside 0…3"),
        ([0, 1], [-1, 0], "masks hold"),
    ],
)
def test_what_does_not_fit_is_refused(predicted, truth, told):
    with pytest.raises(LthkitError, match=told):
        scores.confusion(torch.tensor(predicted), torch.tensor(truth), 4)
