"""Scores of segmentations: cases worked out by hand, a loop over pixels, and scikit-learn as independent oracles."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, jaccard_score
from torchmetrics.classification import MulticlassJaccardIndex

from lthkit.errors import LthkitError
from lthkit.scores import confusion, iou_per_class, mean_iou, pixel_accuracy

TRUTH = torch.tensor([[0, 0, 1], [1, 1, 255]])
PREDICTED = torch.tensor([[0, 1, 1], [1, 0, 3]])


def test_a_perfect_prediction_scores_1():
    counts = confusion(TRUTH.where(TRUTH != 255, 0), TRUTH, 2)
    assert counts.tolist() == [[2, 0], [0, 3]]
    assert (mean_iou(counts), pixel_accuracy(counts)) == (1, 1)


def test_scores_by_hand():
    # the void pixel is left out, though it is predicted as 3. Of two 0 one is 1; of three 1 one is 0; no 2; no 3.
    counts = confusion(PREDICTED, TRUTH, 4)
    assert counts.dtype == torch.int64
    assert counts.tolist() == [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    # 0: 1 / (2 + 2 − 1); 1: 2 / (3 + 3 − 2); 2 and 3 do not occur
    scores = iou_per_class(counts)
    assert scores[:2].tolist() == pytest.approx([1 / 3, 1 / 2])
    assert scores[2:].isnan().all()
    assert mean_iou(counts) == pytest.approx(5 / 12)
    assert pixel_accuracy(counts) == pytest.approx(3 / 5)


def test_a_class_that_is_only_predicted_or_only_missed_scores_0():
    # a 0 taken for 1, a 2 taken for 0
    counts = confusion(torch.tensor([1, 0, 0]), torch.tensor([0, 2, 0]), 4)
    assert iou_per_class(counts)[:3].tolist() == pytest.approx([1 / 3, 0, 0])
    assert mean_iou(counts) == pytest.approx(1 / 9)


def test_rows_are_the_truth():
    assert confusion(torch.tensor([2]), torch.tensor([1]), 3).nonzero().tolist() == [[1, 2]]


@pytest.mark.parametrize("empty", [torch.zeros(0, 3), torch.full((2, 2), 255)])
def test_without_pixels_nothing_is_scored(empty):
    counts = confusion(empty.long(), empty.long(), 3)
    assert not counts.any()
    assert iou_per_class(counts).isnan().all()
    assert math.isnan(mean_iou(counts))
    assert math.isnan(pixel_accuracy(counts))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_any_integers_will_do(dtype):
    # 200 classes, whose 39,999 does not fit into a byte
    predicted, truth = torch.tensor([199, 3, 7]).to(dtype), torch.tensor([199, 198, 255]).to(dtype)
    assert confusion(predicted, truth, 200).nonzero().tolist() == [[198, 3], [199, 199]]


def test_another_void():
    assert confusion(PREDICTED, TRUTH.where(TRUTH != 255, -1), 4, void=-1).equal(confusion(PREDICTED, TRUTH, 4))


@pytest.mark.parametrize(
    ("predicted", "truth", "classes", "void", "message"),
    [
        (torch.zeros(2, 3), TRUTH, 2, 255, "predicted classes of pixels are torch.float32"),
        (PREDICTED, TRUTH > 0, 2, 255, "true classes of pixels are torch.bool"),
        (PREDICTED[0], TRUTH, 2, 255, r"\(3,\) and the true ones \(2, 3\)"),
        (PREDICTED, TRUTH, 1, 255, "true class is 1; it must be 0 to 0 or void, 255"),
        (PREDICTED - 1, TRUTH, 2, 255, "predicted class is -1; it must be 0 to 1"),
        (PREDICTED + 1, TRUTH, 2, 255, "predicted class is 2; it must be 0 to 1"),
        (PREDICTED, TRUTH, 256, 255, "void is 255, which is one of the 256 classes"),
        (PREDICTED, TRUTH, 0, 255, "classes is 0"),
    ],
)
def test_what_cannot_be_counted_is_refused(predicted, truth, classes, void, message):
    with pytest.raises(LthkitError, match=message):
        confusion(predicted, truth, classes, void)


# oracles


@settings(max_examples=200, deadline=None)
@given(pixels=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2, 3, 255])), max_size=40))
def test_scores_are_those_of_a_loop_over_pixels(pixels):
    counted = [(p, t) for p, t in pixels if t != 255]
    ious = []
    for label in range(4):
        union = sum(label in pixel for pixel in counted)
        ious.append(sum(pixel == (label, label) for pixel in counted) / union if union else math.nan)
    predicted, truth = (torch.tensor([pixel[side] for pixel in pixels]).long() for side in (0, 1))
    counts = confusion(predicted, truth, 4)
    assert iou_per_class(counts).tolist() == pytest.approx(ious, nan_ok=True)
    occurring = [iou for iou in ious if not math.isnan(iou)]
    mean = sum(occurring) / len(occurring) if occurring else math.nan
    assert mean_iou(counts) == pytest.approx(mean, nan_ok=True)
    right = sum(p == t for p, t in counted) / len(counted) if counted else math.nan
    assert pixel_accuracy(counts) == pytest.approx(right, nan_ok=True)


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_scikit_learn_and_torchmetrics_and_batches_add_up(seed):
    random = torch.Generator().manual_seed(seed)
    truth = torch.randint(6, (4, 30, 40), generator=random)
    right = torch.rand(truth.shape, generator=random) < 0.7
    predicted = truth.where(right, torch.randint(6, truth.shape, generator=random))
    void = torch.rand(truth.shape, generator=random) < 0.1
    marked = truth.where(~void, 255)
    counts = sum(confusion(p, t, 6) for p, t in zip(predicted, marked, strict=True))
    expected = (truth[~void].numpy(), predicted[~void].numpy())
    assert counts.equal(confusion(predicted, marked, 6))
    assert counts.tolist() == confusion_matrix(*expected).tolist()
    assert iou_per_class(counts).tolist() == pytest.approx(jaccard_score(*expected, average=None).tolist())
    jaccard = MulticlassJaccardIndex(6, ignore_index=255)(predicted, marked).item()
    assert mean_iou(counts) == pytest.approx(jaccard, abs=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_counts_the_same():
    on_gpu = confusion(PREDICTED.cuda(), TRUTH.cuda(), 4)
    assert on_gpu.device.type == "cuda"
    assert on_gpu.cpu().equal(confusion(PREDICTED, TRUTH, 4))
    assert mean_iou(on_gpu) == pytest.approx(5 / 12)
