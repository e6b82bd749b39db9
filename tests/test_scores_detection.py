"""Scores of detections: cases worked out by hand, a loop in fractions, and torchmetrics as independent oracles."""

import math
import subprocess
import sys
import warnings
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.detection import MeanAveragePrecision

from lthkit.errors import LthkitError
from lthkit.scores import Detections, Truth, average_precision, coco_scores, mean_over_classes, voc_scores

SQUARE = [0, 0, 12, 12]
NOTHING = ([], [], [])


def found(boxes, scores=None, labels=None):
    scores = [0.5] * len(boxes) if scores is None else scores
    labels = [0] * len(boxes) if labels is None else labels
    return Detections(torch.tensor(boxes).float().reshape(-1, 4), torch.tensor(scores), torch.tensor(labels).long())


def truth(boxes, labels=None, difficult=None):
    labels = [0] * len(boxes) if labels is None else labels
    difficult = [False] * len(boxes) if difficult is None else difficult
    boxes = torch.tensor(boxes).float().reshape(-1, 4)
    return Truth(boxes, torch.tensor(labels).long(), torch.tensor(difficult).bool())


def one_class(detections, truths, **options):
    return average_precision(detections, truths, 1, **options).item()


def cell(number):
    """The boxes of different numbers do not touch."""
    return [20 * number, 0, 20 * number + 10, 10]


# by hand


@pytest.mark.parametrize("rule", ["area", "11-point"])
def test_a_perfect_detector_scores_1(rule):
    boxes, labels = [cell(0), cell(1), cell(2)], [0, 1, 1]
    images = [truth(boxes, labels), truth([cell(0)], [0])]
    detections = [found(boxes, [0.9, 0.8, 0.1], labels), found([cell(0)], [0.3], [0])]
    assert average_precision(detections, images, 2, rule=rule).tolist() == pytest.approx([1, 1], abs=1e-15)
    scores = coco_scores(detections, images, 2)
    assert scores["AP50_per_class"].tolist() == [1, 1]
    assert (scores["AP"], scores["AP50"], scores["AP75"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("shift", "iou", "right"),
    [
        # a square 12 wide, shifted by 4: 8 · 12 of 16 · 12 pixels are common, half
        (4, 0.5, True),
        (4, math.nextafter(0.5, 1), False),
        (4.001, 0.5, False),
        (3.999, 0.5, True),
        # shifted by 12/7: (12 − 12/7) / (12 + 12/7) = (6/7) / (8/7) = 3/4
        (1.71, 0.75, True),
        (1.72, 0.75, False),
        (0, 1.0, True),
        (1e-3, 1.0, False),
        # beside it
        (12, 1e-9, False),
    ],
)
def test_an_overlap_that_equals_the_threshold_is_enough(shift, iou, right):
    shifted = [shift, 0, 12 + shift, 12]
    assert one_class([found([shifted])], [truth([SQUARE])], iou=iou) == right


def test_a_second_detection_of_an_object_is_wrong():
    images = [truth([cell(0), cell(1)])]
    # right 1/1, again 1/2, right 2/3: (1 + 2/3) / 2
    assert one_class([found([cell(0), cell(0), cell(1)], [0.9, 0.8, 0.7])], images) == pytest.approx(5 / 6)
    # the same at the end is past the last right one, 2/2
    assert one_class([found([cell(0), cell(0), cell(1)], [0.9, 0.6, 0.7])], images) == 1


def test_a_detection_goes_to_the_object_it_overlaps_most_even_if_that_is_taken():
    objects = [[0, 0, 10, 10], [4, 0, 14, 10]]
    detections = [found([[0, 0, 10, 10], [1, 0, 11, 10]], [0.9, 0.8])]
    # the second shares 9 of 11 columns with the first object, which is taken, and 7 of 13 with the other
    # VOC: wrong, so one of two at precision 1
    assert one_class(detections, [truth(objects)]) == 0.5
    # COCO: with the other, so both right
    assert coco_scores(detections, [truth(objects)], 1)["AP50"] == 1


def test_difficult_objects_neither_help_nor_hurt():
    easy, hard = truth([cell(0), cell(1)]), truth([cell(0), cell(1), cell(2)], difficult=[False, False, True])
    without = [found([cell(0), cell(5), cell(1)], [0.9, 0.5, 0.4])]
    # twice, before and after: neither right, nor wrong as a second one
    with_it = [found([cell(2), cell(0), cell(2), cell(5), cell(1)], [1.0, 0.9, 0.8, 0.5, 0.4])]
    # right 1/1, wrong, right 2/3
    assert (
        one_class(without, [easy]) == one_class(without, [hard]) == one_class(with_it, [hard]) == pytest.approx(5 / 6)
    )
    # and without the mark: wrong 0/1, 1/2, 1/3, 1/4, 2/5, made monotone 1/2 and 2/5, of 2
    assert one_class(with_it, [easy]) == pytest.approx(0.45)


def test_a_difficult_object_overlapped_too_little_excuses_nothing():
    images = [truth([cell(3), SQUARE], difficult=[False, True])]
    # 1/3 of the difficult one is a wrong detection, then right 1/2
    assert one_class([found([[0, 0, 12, 4], cell(3)], [0.9, 0.8])], images) == 0.5


def test_coco_counts_difficult_objects_like_others():
    images = [truth([cell(0), cell(1)], difficult=[False, True])]
    # one of two at precision 1: recalls 0, 0.01, …, 0.50 of 101
    assert coco_scores([found([cell(0)])], images, 1)["AP50"] == pytest.approx(51 / 101)
    assert coco_scores([found([cell(0), cell(1)])], images, 1)["AP50"] == 1


def test_the_rules_by_hand():
    images = [truth([cell(number) for number in range(5)])]
    # right  yes  no   yes  yes  no   yes
    # of 5   1/5  1/5  2/5  3/5  3/5  4/5
    # prec.  1    1/2  2/3  3/4  3/5  2/3
    # mono.  1    3/4  3/4  3/4  2/3  2/3
    boxes = [cell(0), cell(9), cell(1), cell(2), cell(8), cell(3)]
    detections = [found(boxes, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4])]
    # (1 + 3/4 + 3/4 + 2/3) / 5
    assert one_class(detections, images, rule="area") == pytest.approx(19 / 30)
    # recall ≥ 0, 0.1, 0.2: 1; ≥ 0.3 to 0.6: 3/4; ≥ 0.7, 0.8: 2/3; ≥ 0.9, 1: never. (3 + 4 · 3/4 + 2 · 2/3) / 11
    assert one_class(detections, images, rule="11-point") == pytest.approx(2 / 3)


@pytest.mark.parametrize("right", range(11))
def test_recall_in_tenths_reaches_its_point_exactly(right):
    images = [truth([cell(number) for number in range(10)])]
    detections = [found([cell(number) for number in range(right)])]
    expected = (right + 1) / 11 if right else 0
    assert one_class(detections, images, rule="11-point") == pytest.approx(expected)


def test_equal_scores_keep_the_order_of_images_and_within_them():
    images = [truth([cell(0)]), truth([cell(0)])]
    right, wrong = found([cell(0)]), found([cell(3)])
    both = found([cell(3), cell(0)])
    # right 1/1, wrong: 1 of 2; wrong, right 1/2: 1/2 of 2
    assert one_class([right, wrong], images) == 0.5
    assert one_class([wrong, right], images) == 0.25
    assert one_class([both, found(*NOTHING)], images) == 0.25


def test_a_detection_is_of_its_own_image_and_class():
    images = [truth([cell(0)], [0]), truth([cell(1)], [1])]
    assert average_precision([found([cell(1)], None, [1]), found([cell(0)])], images, 2).tolist() == [0, 0]
    assert average_precision([found([cell(0)], None, [1]), found([cell(1)])], images, 2).tolist() == [0, 0]


def test_a_class_without_objects_has_no_score():
    images = [truth([cell(0), cell(1)], [0, 1], [False, True])]
    detections = [found([cell(0), cell(1), cell(2)], None, [0, 1, 2])]
    scores = average_precision(detections, images, 4)
    assert scores[0] == 1
    assert scores[1:].isnan().all()
    assert mean_over_classes(scores) == 1
    of_coco = coco_scores(detections, images, 4)
    assert of_coco["AP50_per_class"][:2].tolist() == [1, 1]
    assert of_coco["AP50_per_class"][2:].isnan().all()
    assert of_coco["AP"] == of_coco["AP50"] == of_coco["AP75"] == 1


@pytest.mark.parametrize("detections", [found(*NOTHING), found([cell(0)])])
def test_without_any_object_nothing_is_scored(detections):
    scores = average_precision([detections], [truth(*NOTHING)], 2)
    assert scores.isnan().all()
    assert math.isnan(mean_over_classes(scores))
    of_coco = coco_scores([detections], [truth(*NOTHING)], 2)
    assert all(math.isnan(of_coco[name]) for name in ("AP", "AP50", "AP75"))
    assert of_coco["AP50_per_class"].isnan().all()


@pytest.mark.parametrize("rule", ["area", "11-point"])
def test_without_detections_the_score_is_0(rule):
    detections, images = [found(*NOTHING), found(*NOTHING)], [truth([cell(0)]), truth(*NOTHING)]
    assert one_class(detections, images, rule=rule) == 0
    assert coco_scores(detections, images, 1)["AP"] == 0


# errors

EMPTY = (torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long())


@pytest.mark.parametrize("score", [average_precision, coco_scores])
@pytest.mark.parametrize(
    ("detections", "images", "classes", "message"),
    [
        ([], [], 1, "no image"),
        ([found(*NOTHING)], [], 1, "of 1 images and the truth of 0"),
        ([found([cell(0)], None, [2])], [truth(*NOTHING)], 2, "label of detections in image 0 is 2; .* 0 to 1"),
        ([found(*NOTHING)] * 2, [truth(*NOTHING), truth([cell(0)], [-1])], 2, "label of the truth in image 1 is -1"),
        ([found(*NOTHING)], [truth(*NOTHING)], 0, "classes is 0"),
    ],
)
def test_what_cannot_be_scored_is_refused(score, detections, images, classes, message):
    with pytest.raises(LthkitError, match=message):
        score(detections, images, classes)


@pytest.mark.parametrize("options", [{"iou": 0}, {"iou": 1.01}, {"iou": math.nan}, {"rule": "12-point"}])
def test_a_threshold_or_rule_that_does_not_exist_is_refused(options):
    with pytest.raises(LthkitError, match=next(iter(options))):
        one_class([found(*NOTHING)], [truth(*NOTHING)], **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: found([[3, 0, 2, 1]]), "end before they begin"),
        (lambda: found([[0, 0, math.inf, 1]]), "not finite"),
        (lambda: found([cell(0)], [math.nan]), "diverged"),
        (lambda: found([cell(0)], [0.1, 0.2]), r"scores of detections have shape \(2,\); .* \(1,\)"),
        (lambda: Detections(torch.zeros(4), torch.zeros(1), torch.zeros(1).long()), r"shape \(4,\)"),
        (lambda: Detections(EMPTY[0], EMPTY[1], EMPTY[1]), "labels of detections are torch.float32"),
        (lambda: truth([cell(0)], [0, 1]), "labels of the truth have shape"),
        (lambda: Truth(EMPTY[0], EMPTY[2], EMPTY[2]), "torch.int64; they must be booleans"),
    ],
)
def test_what_is_no_detection_or_truth_is_refused(make, message):
    with pytest.raises(LthkitError, match=message):
        make()


# oracles


def overlap(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    both = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - common
    return Fraction(common, both)


def verdicts(detections, objects, iou):
    """Right or wrong by falling score, one object after another; detections and objects are (image, …)."""
    taken, said = set(), []
    for image, _, box in sorted(detections, key=lambda one: -one[1]):
        best, at = -1, None
        for number, (of_image, other, _) in enumerate(objects):
            if of_image == image and overlap(box, other) > best:
                best, at = overlap(box, other), number
        if best < iou:
            said.append(False)
        elif not objects[at][2]:
            said.append(at not in taken)
            taken.add(at)
    return said


def by_hand(detections, objects, iou, rule):
    """The average precision of one class in fractions, as the development kits compute it; None without objects."""
    positives = sum(not difficult for _, _, difficult in objects)
    if not positives:
        return None
    curve, right = [], 0
    for rank, said in enumerate(verdicts(detections, objects, iou), 1):
        right += said
        curve.append((Fraction(right, positives), Fraction(right, rank)))
    if rule == "11-point":
        return sum(max([p for r, p in curve if r >= Fraction(t, 10)], default=0) for t in range(11)) / Fraction(11)
    curve = [(Fraction(0), Fraction(0)), *curve, (Fraction(1), Fraction(0))]
    area = Fraction(0)
    for index in range(1, len(curve)):
        area += (curve[index][0] - curve[index - 1][0]) * max(p for _, p in curve[index:])
    return area


BOX = st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(1, 6)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
DETECTION = st.tuples(BOX, st.sampled_from([0.1, 0.2, 0.3, 0.4]), st.integers(0, 2))
OBJECT = st.tuples(BOX, st.integers(0, 2), st.booleans())
IMAGES = st.lists(st.tuples(st.lists(DETECTION, max_size=6), st.lists(OBJECT, max_size=4)), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None)
@given(images=IMAGES, iou=st.sampled_from([0.05, 0.125, 0.25, 0.5, 0.625, 0.75, 1.0]), hard=st.booleans())
@pytest.mark.parametrize("rule", ["area", "11-point"])
def test_average_precision_is_that_of_a_loop_in_fractions(rule, images, iou, hard):
    detections = [found(*map(list, zip(*of, strict=True))) if of else found(*NOTHING) for of, _ in images]
    truths = [
        truth([box for box, _, _ in of], [label for _, label, _ in of], [hard and mark for *_, mark in of])
        for _, of in images
    ]
    scores = average_precision(detections, truths, 3, iou=iou, rule=rule)
    for label in range(3):
        of_class = [(at, s, b) for at, (of, _) in enumerate(images) for b, s, which in of if which == label]
        objects = [(at, b, hard and m) for at, (_, of) in enumerate(images) for b, which, m in of if which == label]
        # 0.05 is meant, not the number of 53 bits that lies above it: an IoU of 1/20 is enough
        expected = by_hand(of_class, objects, Fraction(str(iou)), rule)
        if expected is None:
            assert scores[label].isnan()
        else:
            assert scores[label].item() == pytest.approx(float(expected), abs=1e-12)


def drawn(seed, images=25, classes=4):
    """Detections that miss, shift, repeat and invent objects which do not overlap each other."""
    random = torch.Generator().manual_seed(seed)
    detections, truths = [], []
    for _ in range(images):
        places = torch.randperm(16, generator=random)
        corner = torch.stack([places % 4, places // 4], 1) * 100.0
        size = 20 + 70 * torch.rand(16, 2, generator=random)
        boxes, labels = torch.cat([corner, corner + size], 1), torch.randint(classes, (16,), generator=random)
        count = int(torch.randint(1, 8, (), generator=random))
        truths.append(Truth(boxes[:count], labels[:count], torch.zeros(count).bool()))
        # the first ones are objects, others invented; some come twice
        which = torch.cat([torch.arange(1, 12), torch.randint(12, (4,), generator=random)])
        moved = boxes[which] + 6 * torch.randn(15, 4, generator=random)
        moved[:, 2:] = moved[:, 2:].maximum(moved[:, :2] + 1)
        detections.append(Detections(moved, torch.rand(15, generator=random), labels[which]))
    return detections, truths


@pytest.mark.parametrize("seed", range(5))
def test_area_and_coco_differ_by_no_more_than_their_interpolation(seed):
    """Where objects do not overlap both rules match alike.

    The monotone precision p falls with recall, so its area lies between L = Σ p(k/100) / 100 over k = 1 … 100 and
    U = the same over k = 0 … 99. COCO's mean over the 101 recalls is (100 L + p(0)) / 101 = (100 U + p(1)) / 101,
    between L and U, too. So they differ by U − L = (p(0) − p(1)) / 100 ≤ 0.01 at most.
    """
    detections, truths = drawn(seed)
    scores = coco_scores(detections, truths, 4)
    at = [average_precision(detections, truths, 4, iou=(50 + 5 * step) / 100) for step in range(10)]
    assert 0.1 < scores["AP50"] < 0.95
    assert scores["AP50_per_class"].tolist() == pytest.approx(at[0].tolist(), abs=0.01)
    assert scores["AP75"] == pytest.approx(mean_over_classes(at[5]), abs=0.01)
    assert scores["AP"] == pytest.approx(mean_over_classes(torch.stack(at).mean(0)), abs=0.01)


@pytest.mark.parametrize("rule", ["area", "11-point"])
def test_voc_scores_are_the_means_of_average_precisions_at_the_thresholds(rule):
    detections, truths = drawn(3)
    found = voc_scores(detections, truths, 5, rule=rule)  # nothing is of the fifth class
    at = [average_precision(detections, truths, 5, iou=(50 + 5 * step) / 100, rule=rule) for step in range(10)]
    each = [mean_over_classes(precision) for precision in at]
    assert (found["AP50"], found["AP75"]) == (each[0], each[5])
    assert found["AP"] == pytest.approx(sum(each) / 10)
    assert found["AP50_per_class"].tolist()[:4] == at[0].tolist()[:4]
    assert found["AP50_per_class"][4].isnan()
    with pytest.raises(LthkitError, match="there is no rule 'coco'"):
        voc_scores(detections, truths, 5, rule="coco")


def test_coco_scores_are_what_torchmetrics_reports():
    detections, truths = drawn(7)
    metric = MeanAveragePrecision(backend="faster_coco_eval")
    found = [{"boxes": of.boxes, "scores": of.scores, "labels": of.labels} for of in detections]
    metric.update(found, [{"boxes": of.boxes, "labels": of.labels} for of in truths])
    reported, scores = metric.compute(), coco_scores(detections, truths, 6)
    for ours, theirs in (("AP", "map"), ("AP50", "map_50"), ("AP75", "map_75")):
        assert scores[ours] == pytest.approx(reported[theirs].item(), abs=1e-6)


# manners


def test_coco_scores_print_nothing_and_warn_of_nothing(capfd):
    # 200 detections are more than count
    many = Detections(torch.tensor([[0, 0, 9, 9.0]] * 200), torch.rand(200), torch.zeros(200).long())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert coco_scores([many], [truth([[0, 0, 9, 9]])], 1)["AP"] == 1
    assert tuple(capfd.readouterr()) == ("", "")


def test_other_libraries_are_imported_when_they_are_needed():
    code = "import sys, lthkit.scores; print({'torchmetrics', 'torchvision', 'xarray'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_coco_scores_wait_for_no_other_rank(monkeypatch):
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        for name in ("barrier", "all_gather", "all_gather_object"):
            monkeypatch.setattr(torch.distributed, name, lambda *_, **__: pytest.fail("waits"))
        assert coco_scores([found([cell(0)])], [truth([cell(0)])], 1)["AP"] == 1
    finally:
        monkeypatch.undo()
        torch.distributed.destroy_process_group()
