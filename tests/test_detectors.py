"""YOLOv4's parts against hand-worked cases, brute force and torchvision: grids, anchors, targets, loss, detections."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torchvision.ops import box_iou, complete_box_iou_loss

from lthkit import data, detectors, scores
from lthkit.catalog import load_catalog
from lthkit.data import SceneAugmentation, SceneBatch
from lthkit.detectors.objects import detections_of, targets_of
from lthkit.detectors.suppression import suppressed
from lthkit.detectors.yolo import (
    Grid,
    LossSettings,
    Neck,
    Yolo,
    YoloOptions,
    anchors_of,
    assign,
    decode,
    encode,
    losses,
    published_anchors,
    shape_iou,
)
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec, build_backbone
from lthkit.scores import Truth

CPU = torch.device("cpu")
SIZE = 64
ANCHORS = torch.tensor([[8.0, 8], [8, 16], [16, 8], [16, 16], [12, 24], [24, 12], [24, 24], [40, 24], [40, 40]])


def grids(reach=(1.2, 1.1, 1.05)):
    return [
        Grid(SIZE // stride, stride, own, beyond)
        for stride, own, beyond in zip((8, 16, 32), ANCHORS.split(3), reach, strict=True)
    ]


def box_at(x, y, width, height):
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def batch_of(boxes, labels=None, image=None, difficult=None, weights=None, images=1):
    count = len(boxes)
    return SceneBatch(
        images=torch.zeros(images, 3, SIZE, SIZE),
        boxes=torch.tensor(boxes, dtype=torch.float32).view(-1, 4),
        labels=torch.tensor(labels or [0] * count, dtype=torch.int64),
        difficult=torch.tensor(difficult or [False] * count, dtype=torch.bool),
        weights=torch.tensor(weights or [1.0] * count),
        image=torch.tensor(image or [0] * count, dtype=torch.int64),
        masks=None,
        index=tuple(range(images)),
    )


def noise(classes=2, images=1, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(images, 3, grid.side, grid.side, 5 + classes, generator=draw) for grid in grids()]


def test_zeros_are_an_anchor_in_the_middle_of_its_cell():
    grid = grids()[1]
    boxes = decode(torch.zeros(1, 3, 4, 4, 4), grid)
    # anchor 1 of the middle grid is 12 wide and 24 high; row 2, column 3 of cells of 16 pixels
    assert boxes[0, 1, 2, 3].tolist() == box_at(3.5 * 16, 2.5 * 16, 12, 24)


def test_numbers_reach_beyond_the_cell_and_grow_by_a_bounded_factor():
    numbers = torch.tensor([100.0, -100, 0, 1e9]).expand(1, 3, 4, 4, 4)
    left, top, right, bottom = decode(numbers, grids()[1])[0, 0, 1, 1].tolist()
    assert (left + right) / 2 == pytest.approx(16 * (2 + 0.05))
    assert (top + bottom) / 2 == pytest.approx(16 * (1 - 0.05), abs=1e-3)
    assert bottom - top == pytest.approx(16 * 1000 / 16, rel=1e-4)


sides = st.floats(2, 60)
centres = st.floats(0, SIZE)


@settings(max_examples=60, deadline=None)
@given(objects=st.lists(st.tuples(centres, centres, sides, sides), min_size=1, max_size=12))
def test_assignment_and_decoding_are_inverse(objects):
    boxes = torch.tensor([box_at(*each) for each in objects])
    image = torch.arange(len(boxes)) % 3
    for grid, target in zip(grids(), assign(boxes, image, grids(), 0.3), strict=True):
        numbers = torch.zeros(3, 3, grid.side, grid.side, 4)
        place = (target.image, target.anchor, target.row, target.column)
        truth = boxes[target.object]
        numbers[place] = encode(truth, target.anchor, target.row, target.column, grid)
        torch.testing.assert_close(decode(numbers, grid)[place], truth, atol=2e-3, rtol=1e-4)
        # the cell is that of the centre, and no place is given twice
        middle = (truth[:, :2] + truth[:, 2:]) / 2
        cell = torch.stack([target.column, target.row], 1)
        assert ((middle >= cell * grid.stride - 1e-4) & (middle <= (cell + 1) * grid.stride + 1e-4)).all()
        assert torch.equal(image[target.object], target.image)
        assert len({tuple(each) for each in torch.stack(place, 1).tolist()}) == len(truth)


def test_an_object_is_given_to_the_anchors_like_it_and_to_the_best_in_any_case():
    boxes = torch.tensor([box_at(20, 36, 16, 16), box_at(60, 4, 2, 2)])
    fine, middle, coarse = assign(boxes, torch.tensor([0, 0]), grids(), 0.45)
    # 16×16 against 8×16, 16×8: 0.5; 16×16: 1; 12×24: 192/352; 24×12 the same; 24×24: 256/576 = 0.444, not above 0.45;
    # 2×2 is nothing like any, 4/64 at best: its best is 8×8
    assert [(target.anchor.tolist(), target.object.tolist()) for target in (fine, middle, coarse)] == [
        ([0, 1, 2], [1, 0, 0]),
        ([0, 1, 2], [0, 0, 0]),
        ([], []),
    ]
    assert (fine.row.tolist(), fine.column.tolist()) == ([0, 4, 4], [7, 2, 2])
    assert (middle.row.tolist(), middle.column.tolist()) == ([2, 2, 2], [1, 1, 1])


def test_of_two_objects_that_want_one_place_the_more_alike_has_it():
    boxes = torch.tensor([box_at(4, 4, 10, 10), box_at(5, 5, 9, 9), box_at(4, 4, 11, 11)])
    fine = assign(boxes, torch.zeros(3, dtype=torch.int64), grids(), 0.3)[0]
    assert dict(zip(fine.anchor.tolist(), fine.object.tolist(), strict=True))[0] == 1
    apart = assign(boxes, torch.tensor([0, 1, 2]), grids(), 0.3)[0]
    assert sorted(apart.object[apart.anchor == 0].tolist()) == [0, 1, 2]  # each in its own image


def test_a_centre_on_the_images_edge_is_in_the_last_cell():
    (target, *_) = assign(torch.tensor([box_at(SIZE, SIZE, 8, 8)]), torch.tensor([0]), grids(), 0.3)
    assert (target.row[0], target.column[0]) == (7, 7)


def test_no_objects_no_targets():
    for target in assign(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), grids(), 0.3):
        assert len(target.object) == 0


@settings(max_examples=30, deadline=None)
@given(objects=st.lists(st.tuples(sides, sides), min_size=1, max_size=10))
def test_likeness_of_shapes_is_the_iou_of_centred_boxes(objects):
    shapes = torch.tensor(objects)
    centred = [torch.tensor([box_at(0, 0, *each) for each in group.tolist()]) for group in (shapes, ANCHORS)]
    torch.testing.assert_close(shape_iou(shapes, ANCHORS), box_iou(*centred))


def test_published_anchors_are_for_608_pixels():
    assert published_anchors(608)[4].tolist() == [76, 55]
    torch.testing.assert_close(published_anchors(304), published_anchors(608) / 2)


def test_anchors_from_boxes_are_the_centres_of_their_groups():
    middles = torch.tensor([[4.0 * n + 6, 3.0 * n + 5] for n in range(9)]) ** 1.3
    around = torch.tensor([[-0.3, 0.2], [0.3, -0.2], [0.1, 0.1], [-0.1, -0.1]])
    sizes = (middles[:, None] + around).flatten(0, 1)
    shuffled = sizes[torch.randperm(36, generator=torch.Generator().manual_seed(1))]
    torch.testing.assert_close(anchors_of(shuffled), middles)
    with pytest.raises(LthkitError, match="need 9 boxes of different sizes, and it has 8"):
        anchors_of(sizes[:8].repeat(5, 1))


def loss_by_loops(levels, batch, match, ignore, focal):
    """The same in plain loops over objects, anchors and places."""
    size, totals = batch.images.shape[-1], [0.0, 0.0, 0.0]
    for number, (level, grid) in enumerate(zip(levels, grids(), strict=True)):
        boxes, wanted = decode(level[..., :4], grid), {}
        for item in range(len(batch.boxes)):
            if batch.difficult[item]:
                continue
            left, top, right, bottom = batch.boxes[item].tolist()
            alike = shape_iou(torch.tensor([[right - left, bottom - top]]), ANCHORS)[0]
            for anchor in range(3):
                own = 3 * number + anchor
                if alike[own] <= match and own != int(alike.argmax()):
                    continue
                row, column = int((top + bottom) / 2 // grid.stride), int((left + right) / 2 // grid.stride)
                place = (int(batch.image[item]), anchor, row, column)
                if place not in wanted or alike[own] > wanted[place][0]:
                    wanted[place] = (alike[own], item)
        for place in torch.cartesian_prod(*(torch.arange(extent) for extent in level.shape[:4])).tolist():
            numbers, box, found = level[tuple(place)], boxes[tuple(place)], wanted.get(tuple(place))
            share = float(found is not None)
            doubt = bce(numbers[4], torch.tensor(share)) * abs(share - numbers[4].sigmoid()) ** focal
            if found is None:
                mine = batch.boxes[batch.image == place[0]]
                if not len(mine) or box_iou(box[None], mine).max() <= ignore:
                    totals[1] += doubt
                continue
            item = found[1]
            truth, weight = batch.boxes[item], batch.weights[item]
            area = (truth[2] - truth[0]) * (truth[3] - truth[1]) / size**2
            totals[0] += weight * (2 - area) * complete_box_iou_loss(box, truth)
            totals[1] += weight * doubt
            one = torch.zeros(len(numbers) - 5)
            one[batch.labels[item]] = 1
            totals[2] += weight * bce(numbers[5:], one, reduction="sum")
    return [float(total) / len(batch.images) for total in totals]


@pytest.mark.parametrize("focal", [0.0, 2.0])
def test_the_loss_is_that_of_loops_over_places(focal):
    boxes = [box_at(20, 36, 16, 16), box_at(50, 10, 9, 12), box_at(40, 40, 38, 40), box_at(30, 30, 20, 18)]
    batch = batch_of(boxes, [0, 1, 1, 0], [0, 0, 1, 1], [False, False, False, True], [1.0, 0.25, 1.0, 1.0], images=2)
    levels = noise(images=2)
    found = losses(levels, grids(), batch, LossSettings(0.3, 0.2, focal))
    expected = loss_by_loops(levels, batch, 0.3, 0.2, focal)
    assert [float(found.boxes), float(found.objectness), float(found.classes)] == pytest.approx(expected, rel=1e-5)
    assert float(found.total) == pytest.approx(sum(expected), rel=1e-5)


@pytest.mark.parametrize("count", [0, 1, 200])
def test_losses_and_gradients_are_finite_whatever_the_number_of_objects(count):
    draw = torch.Generator().manual_seed(count)
    middles, extents = torch.rand(count, 2, generator=draw) * SIZE, torch.rand(count, 2, generator=draw) * 40 + 1
    boxes = torch.cat([middles - extents / 2, middles + extents / 2], 1).tolist()
    levels = [10 * level.requires_grad_() for level in noise()]
    leaves = [level.grad_fn.next_functions[0][0].variable for level in levels]
    total = losses(levels, grids(), batch_of(boxes), LossSettings()).total
    total.backward()
    assert total.isfinite()
    assert all(leaf.grad.isfinite().all() for leaf in leaves)
    if not count:
        # nothing to find: only objectness is unlearnt
        assert all((leaf.grad[..., :4] == 0).all() and (leaf.grad[..., 5:] == 0).all() for leaf in leaves)
        assert all((leaf.grad[..., 4] > 0).all() for leaf in leaves)


def test_what_is_difficult_is_neither_sought_nor_held_against_the_network():
    box = box_at(20, 36, 16, 16)
    levels = perfect([(box, 0)])
    shunned = losses(levels, grids(), batch_of([box], difficult=[True]), LossSettings())
    absent = losses(levels, grids(), batch_of([]), LossSettings())
    assert shunned.boxes == shunned.classes == 0
    assert shunned.objectness < 0.1 < absent.objectness


def perfect(objects, classes=2):
    """What a network would give that is sure of these boxes (in one image) and of nothing else."""
    boxes = torch.tensor([box for box, _ in objects]).view(-1, 4)
    levels = []
    for grid, target in zip(grids(), assign(boxes, torch.zeros(len(boxes)).long(), grids(), 0.3), strict=True):
        level = torch.full((1, 3, grid.side, grid.side, 5 + classes), -12.0)
        place = (target.image, target.anchor, target.row, target.column)
        level[..., :4] = 0
        level[*place, :4] = encode(boxes[target.object], target.anchor, target.row, target.column, grid)
        level[*place, 4] = 12
        for at, item in zip(zip(*place, strict=True), target.object.tolist(), strict=True):
            level[*at, 5 + objects[item][1]] = 12
        levels.append(level)
    return levels


def detected(levels):
    network = Yolo(build_backbone(ModelSpec(name="narrow:resnet"), 0), 2, ANCHORS, YoloOptions(width=8))
    network.forward = lambda images: levels
    return network.detect(torch.zeros(1, 3, SIZE, SIZE))


def test_a_perfect_prediction_scores_one_and_a_shifted_one_what_a_hand_says():
    objects = [(box_at(20, 36, 16, 16), 0), (box_at(50, 10, 9, 12), 1), (box_at(40, 44, 30, 24), 1)]
    truth = Truth(torch.tensor([box for box, _ in objects]), torch.tensor([0, 1, 1]), torch.zeros(3).bool())
    (found,) = detected(perfect(objects))
    assert len(found.boxes) == 3
    for rule in ("area", "11-point"):
        perfectly = scores.voc_scores([found], [truth], 2, rule=rule)
        assert (perfectly["AP"], perfectly["AP50"], perfectly["AP75"]) == pytest.approx((1, 1, 1))
    # each moved right by 3/13 of its width: 10 of 16 thirteenths are shared, an IoU of 0.625
    moved = [
        ([left + (right - left) * 3 / 13, top, right + (right - left) * 3 / 13, bottom], label)
        for (left, top, right, bottom), label in objects
    ]
    (off,) = detected(perfect(moved))
    shifted = scores.voc_scores([off], [truth], 2)
    # right at .50, .55 and .60, wrong at the other seven thresholds
    assert (shifted["AP"], shifted["AP50"], shifted["AP75"]) == pytest.approx((0.3, 1, 0))


def kept(least_score, most):
    return detectors.DetectorOptions(least_score=least_score, overlap=0.5, most=most)


def test_suppression_keeps_the_surest_of_each_class():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [30, 30, 40, 40], [70, 0, 80, 10], [-5, 20, 5, 30]])
    given = torch.tensor([[0.9, 0.0], [0.8, 0.7], [0.3, 0.2], [0.9, 0.9], [0.5, 0.0]])
    found = suppressed(boxes, given, SIZE, kept(0.25, 10))
    # [1…11] of class 0 overlaps a surer one, of class 1 nothing does; [70…80] lies outside; [−5…5] is cut
    assert list(zip(found.labels.tolist(), found.boxes.tolist(), strict=True)) == [
        (0, [0, 0, 10, 10]),
        (1, [1, 0, 11, 10]),
        (0, [0, 20, 5, 30]),
        (0, [30, 30, 40, 40]),
    ]
    torch.testing.assert_close(found.scores, torch.tensor([0.9, 0.7, 0.5, 0.3]))
    assert len(suppressed(boxes, given, SIZE, kept(0.25, 2)).boxes) == 2
    assert len(suppressed(boxes, given, SIZE, kept(0.95, 2)).boxes) == 0


@pytest.mark.parametrize("activation", ["leaky", "mish"])
def test_a_fresh_network_gives_three_grids_and_finds_next_to_nothing(activation):
    options = YoloOptions(width=16, activation=activation, least_score=0.5)
    network = Yolo(build_backbone(ModelSpec(name="resnet18"), 0), 3, ANCHORS, options).eval()
    images = torch.randn(2, 3, 96, 96)
    levels = [level.detach() for level in network(images)]
    assert [tuple(level.shape) for level in levels] == [(2, 3, side, side, 8) for side in (12, 6, 3)]
    assert [(grid.side, grid.stride) for grid in network.grids(levels, 96)] == [(12, 8), (6, 16), (3, 32)]
    objectness = torch.cat([level[..., 4].sigmoid().flatten() for level in levels])
    assert float(objectness.mean()) == pytest.approx(0.01, abs=0.005)
    assert all(len(found.boxes) == 0 for found in network.detect(images))


def test_the_neck_is_as_wide_as_it_is_told():
    neck = Neck([128, 256, 512], 32, torch.nn.ReLU)
    maps = neck([torch.randn(2, 128, 8, 8), torch.randn(2, 256, 4, 4), torch.randn(2, 512, 2, 2)])
    assert [tuple(each.shape[1:]) for each in maps] == [(8, 8, 8), (16, 4, 4), (32, 2, 2)]
    full = sum(parameter.numel() for parameter in Neck([512, 1024, 2048], 512, torch.nn.ReLU).parameters())
    assert math.isclose(full, 28e6, rel_tol=0.15)  # with CSPDarknet's maps it is 27.6 million


# --- all detectors --------------------------------------------------------------------------------------------

ALL = {
    "yolov4": {"width": 16},
    "faster-rcnn": {"width": 16, "regions": 32, "samples": 32},
    "faster-rcnn c4": {"form": "c4", "regions": 32, "samples": 32},
    "ssd": {"width": 32},
}


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small are many times slower on several where other work runs beside."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def scenes():
    """Six digits pasted on photographs, of which three are trained on."""
    path = data.DataSpec(name="pasted-digits", count=6, validation=0.5, test_share=0.01, size=SIZE)
    return data.load(path, load_catalog(), torch.device("cpu"))


def detector_of(name, scenes):
    context = detectors.DetectorContext(ModelSpec(name="narrow:resnet"), scenes, ALL[name] | {"least_score": 0.05}, 0)
    return detectors.make(name.split()[0], context)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("count", [0, 1, 200])
def test_every_detector_trains_on_any_number_of_objects(name, count, scenes):
    draw = torch.Generator().manual_seed(count)
    middles, extents = torch.rand(count, 2, generator=draw) * SIZE, torch.rand(count, 2, generator=draw) * 30 + 2
    boxes = torch.cat([middles - extents / 2, middles + extents / 2], 1).clamp(0, SIZE)
    # all of them in the second of two images
    batch = batch_of(boxes.tolist(), labels=[4] * count, image=[1] * count, images=2)
    batch = replace(batch, images=torch.randn(2, 3, SIZE, SIZE, generator=draw))
    network = detector_of(name, scenes).train()
    torch.manual_seed(0)  # of the sampled regions
    loss = network.loss(batch)
    loss.backward()
    assert loss.isfinite()
    assert all(each.grad is None or each.grad.isfinite().all() for each in network.parameters())


@pytest.mark.parametrize("name", ALL)
def test_every_detector_finds_what_it_was_shown(name, scenes):
    batch = next(data.training_scenes(scenes, SceneAugmentation(), batch_size=3, seed=0, epoch=0, device=CPU))
    network = detector_of(name, scenes).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(80):
            network.loss(batch).backward()
            optimizer.step()
            optimizer.zero_grad()
    network.eval()
    with torch.no_grad():
        found = network.detect(batch.images)
    truth = [
        Truth(batch.boxes[own], batch.labels[own], batch.difficult[own]) for own in (batch.image == n for n in range(3))
    ]
    assert scores.voc_scores(found, truth, 5)["AP50"] > 0.8


def test_torchvisions_detectors_are_not_told_of_difficult_objects():
    batch = batch_of([[1, 1, 5, 5], [2, 2, 9, 9], [3, 3, 7, 7]], [0, 1, 2], [0, 0, 2], [False, True, False], images=3)
    targets = targets_of(batch)
    assert [target["boxes"].tolist() for target in targets] == [[[1, 1, 5, 5]], [], [[3, 3, 7, 7]]]
    assert [target["labels"].tolist() for target in targets] == [[1], [], [3]]  # 0 is the background there


def test_detections_of_torchvision_are_ordered_and_counted_from_0():
    boxes = torch.tensor([[0.0, 0, 4, 4], [1, 1, 1, 5], [2, 2, 8, 8]])
    found = detections_of({"boxes": boxes, "scores": torch.tensor([0.2, 0.9, 0.6]), "labels": torch.tensor([1, 2, 3])})
    assert found.boxes.tolist() == [[2, 2, 8, 8], [0, 0, 4, 4]]  # the second is empty
    assert found.labels.tolist() == [2, 0]


def test_a_detector_is_found_by_name():
    assert detectors.names() == ("yolov4", "faster-rcnn", "ssd")
    with pytest.raises(LthkitError, match="there is no detector 'yolov5'; did you mean 'yolov4'"):
        detectors.make("yolov5", None)
