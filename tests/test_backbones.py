"""Detection and segmentation on one backbone: names, tickets that go in and out, rewinding, resuming, predictions."""

import json
import math
import re

import numpy as np
import pytest
import torch
from scenes_made import OPTIONS, few_digits, scenes_config, task_from
from tiny import tiny_config
from voc_made import annotation, write_boxes, write_catalog

from lthkit import models, scales, scores, search, tasks, transfer
from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec
from lthkit.progress import Lines, Silent
from lthkit.tasks import masked_networks
from lthkit.train import check_task, copy_state, learning_rate, make_point, train

CASES = tuple(OPTIONS)
LABELLED = {"model__name": "narrow:resnet", "model__options": {}, "data__size": 32, "data__pad": 0}


@pytest.fixture(autouse=True)
def few_scenes(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHKIT_CATALOG", str(few_digits(tmp_path)))


@pytest.fixture(scope="module")
def classified(tmp_path_factory):
    """A ticket of one round from a classification."""
    path = tmp_path_factory.mktemp("classified") / "classes.zarr"
    return search.find_ticket(tiny_config(**LABELLED, plan__epochs=1, pruning__rounds=1), path)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet152"])
def test_what_is_pruned_are_the_backbones_convolutions_but_the_first_under_the_classifiers_names(name):
    spec = ModelSpec(name=name)
    backbone = models.build_backbone(spec, seed=3)
    classifier = models.build(spec, 7, seed=3)
    assert models.prunable_of(backbone, spec) == models.prunable_of(classifier, spec)
    own = backbone.state_dict()
    assert own.keys() == {key for key in classifier.state_dict() if not key.startswith("fc.")}
    assert all(torch.equal(tensor, classifier.state_dict()[key]) for key, tensor in own.items())


@pytest.mark.parametrize(("small", "strides"), [(False, (4, 8, 16, 32)), (True, (1, 2, 4, 8))])
def test_feature_maps_are_those_of_the_classification_network(small, strides):
    spec = ModelSpec(name="resnet18", small_stem=small)
    backbone, classifier = models.build_backbone(spec, 0).eval(), models.build(spec, 5, 0).eval()
    images = torch.randn(2, 3, 64, 64)
    maps = models.feature_maps(backbone, images)
    assert [64 // each.shape[-1] for each in maps] == list(strides)
    assert [each.shape[1] for each in maps] == models.stage_widths(backbone) == [64, 128, 256, 512]
    torch.testing.assert_close(classifier.fc(maps[-1].mean((2, 3))), classifier(images))


def test_a_network_without_four_stages_is_no_backbone():
    for name in ("resnet8", "vgg19"):
        with pytest.raises(LthkitError, match=f"model '{name}' cannot be a backbone"):
            models.build_backbone(ModelSpec(name=name), 0)


@pytest.mark.parametrize("task", CASES)
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_masks_of_a_classification_fit_the_tasks_network_by_name(task, name):
    made = task_from(scenes_config(task, model__name=name))
    classifier = models.build(ModelSpec(name=name), 7, seed=0)
    assert made.prunable == models.prunable_of(classifier, ModelSpec(name=name))
    assert list(masked_networks(made)) == ["backbone."]
    assert all(parameter.requires_grad for parameter in made.modules.parameters())
    # torchvision's own detectors freeze layers and have norms whose scales are no parameters
    norms = [module for module in made.modules.modules() if hasattr(module, "running_mean")]
    assert {type(norm) for norm in norms} == {torch.nn.BatchNorm2d}


@pytest.mark.parametrize("task", CASES)
def test_a_ticket_goes_from_a_classification_to_a_task_and_back(classified, task, tmp_path):
    changes = {"mask": f"{classified.path}@1", "weights": {"kind": "source"}}
    found = search.find_ticket(scenes_config(task, **changes), tmp_path / "scenes.zarr")
    assert found.parameters == classified.parameters
    first, second = classified.masks(1), found.masks(2)
    assert all((second[name] <= first[name]).all() for name in first)
    # it began at the classification's trained weights, at the address of the backbone
    start = search.kept_state(found, 1, "start").network
    trained = search.kept_state(classified, 0, "best").network
    assert all(torch.equal(start[name], trained[name]) for name in start)

    back = tiny_config(**LABELLED, mask=f"{found.path}@2", weights={"kind": "source"}, pruning__rounds=0)
    again = search.find_ticket(back, tmp_path / "back.zarr")
    assert all((tensor == second[name]).all() for name, tensor in again.masks(2).items())
    of_task = search.kept_state(found, 1, "best").network
    start = search.kept_state(again, 2, "start").network
    assert all(torch.equal(start[name], tensor) for name, tensor in of_task.items())


ELSEWHERE = {
    "segmentation": ("classifier.weight", "decoder.block2.1.bias", "decoder.block1.1.running_mean"),
    "detection": ("heads.0.1.weight", "neck.after.1.0.weight", "neck.up_fine.0.1.running_var"),
    "detection fpn": ("pyramid.inner_blocks.0.0.weight", "proposals.head.cls_logits.bias", "regions.box_head.fc6.bias"),
    "detection c4": ("proposals.head.bbox_pred.weight", "regions.box_predictor.cls_score.weight"),
    "detection ssd": ("extra.0.1.running_mean", "ssd.head.classification_head.module_list.0.weight"),
}


@pytest.mark.parametrize("task", CASES)
def test_rewinding_restores_heads_norms_counters_and_the_first_convolution(task, tmp_path):
    given = scenes_config(task, rewind__to="step", rewind__step=2, keep_weights="all")
    found = search.find_ticket(given, tmp_path / "a.zarr")
    made, plan = task_from(given), given.plan.resolved()
    begin = make_point(0, copy_state(made.modules))
    expected = train(made, plan, {}, seed=given.seed, begin=begin, until=2).point.modules
    rewound = search.kept_state(found, 1, "rewind").state
    assert rewound.keys() == expected.keys()
    assert int(rewound["backbone.bn1.num_batches_tracked"]) == 2
    assert all(torch.equal(tensor, expected[name]) for name, tensor in rewound.items())
    for name in ("backbone.conv1.weight", *ELSEWHERE[task]):
        assert not torch.equal(rewound[name], begin.modules[name]), name


@pytest.mark.parametrize("task", CASES)
def test_stopped_and_resumed_it_ends_in_the_same_bits(task, tmp_path):
    given = scenes_config(task)
    whole = search.find_ticket(given, tmp_path / "whole.zarr")

    class Stop(Silent):
        steps = 0

        def advance(self):
            self.steps += 1
            if self.steps == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.find_ticket(given, tmp_path / "cut.zarr", save_every=0, progress=Stop())
    cut = search.find_ticket(given, tmp_path / "cut.zarr")
    assert all((tensor == whole.masks(1)[name]).all() for name, tensor in cut.masks(1).items())
    one, other = (search.kept_state(store, 1, "best").state for store in (whole, cut))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_the_last_learning_rate_of_published_detection_is_the_one_promised():
    plan = scales.configure("paper", changes={"task.name": "detection"}).plan
    total, per_epoch = plan.total_steps(2069), 2069  # 16,551 images in batches of 8
    assert math.isclose(learning_rate(plan, 0, per_epoch), 1e-4)
    assert math.isclose(learning_rate(plan, total - 1, per_epoch), 1e-6)
    assert total == 103_450  # Table 1: 103 k iterations


def test_the_schedule_of_published_segmentation_warms_up_and_falls_twice():
    plan = scales.configure("paper", changes={"task.name": "segmentation"}).plan
    at = [learning_rate(plan, step, 366) for step in (0, 99, 17_999, 18_000, 22_000, 29_999)]
    np.testing.assert_allclose(at, [1e-4, 0.01, 0.01, 1e-3, 1e-4, 1e-4])
    assert (plan.steps, plan.batch_size, plan.weight_decay) == (30_000, 4, 1e-4)


def test_predictions_of_a_search_and_of_a_single_training_are_those_of_its_task(classified, tmp_path):
    given = scenes_config("detection", mask=f"{classified.path}@1", weights={"kind": "source"}, pruning__rounds=0)
    stored = search.find_ticket(given, tmp_path / "scenes.zarr")
    search.train_once(given, tmp_path / "one.result.json")
    of_store, of_file = search.predict(stored), search.predict(str(tmp_path / "one.result.json"))
    assert of_store.drop_attrs().identical(of_file.drop_attrs())
    assert (of_store.attrs["round"], of_file.attrs["round"]) == (1, 1)
    assert of_store.attrs["sparsity"] == pytest.approx(0.2, abs=1e-3)
    assert (of_store.sizes["scene"], of_store.attrs["classes"]) == (4, ["0", "1", "2", "3", "4"])

    task = task_from(given)
    task.modules.load_state_dict(search.kept_state(stored, 1, "best").state)
    task.modules.eval()
    with torch.no_grad():
        batch = next(iter(task.evaluation_batches(task.first("test", 4))))
        (first, *_) = task.modules.detect(batch.images)
        expected = task.evaluate("test")
    torch.testing.assert_close(torch.from_numpy(of_store.box.values[0, : len(first.boxes)]), first.boxes)
    assert np.isnan(of_store.box.values[0, len(first.boxes) :]).all()
    assert torch.equal(torch.from_numpy(of_store.truth_box.values[0]).nan_to_num(-1)[:1], batch.boxes[:1])
    each = search.score_per_class(stored)
    assert each.name == "AP50"
    assert np.nanmean(each.values) == pytest.approx(expected["AP50"])


def test_predictions_of_segmentation_are_its_classes_per_pixel(tmp_path):
    given = scenes_config("segmentation", pruning__rounds=0)
    stored = search.find_ticket(given, tmp_path / "pixels.zarr")
    shown = search.predict(stored, split="validation", count=100)
    assert shown.sizes["scene"] == 3  # a quarter of twelve
    assert shown.attrs["background"]
    each = search.score_per_class(stored, split="validation")
    counts = scores.confusion(
        torch.from_numpy(shown.predicted_mask.values).long(), torch.from_numpy(shown.truth_mask.values).long(), 6, 255
    )
    np.testing.assert_allclose(each.values, scores.iou_per_class(counts).numpy())  # published at this very size


def test_what_has_no_predictions_or_kept_none_says_so(classified, tmp_path):
    with pytest.raises(LthkitError, match="task 'classification' has no predictions to draw"):
        search.predict(classified)
    with pytest.raises(LthkitError, match="task 'classification' has no score for each class"):
        search.score_per_class(classified)
    given = scenes_config("segmentation", pruning__rounds=0, keep_weights="none")
    search.train_once(given, tmp_path / "one.result.json")
    with pytest.raises(LthkitError, match="trained without keeping its weights; train it again with keep_weights"):
        search.predict(str(tmp_path / "one.result.json"))


def test_a_comparison_keeps_weights_of_one_round_and_the_dense_network_alone(classified, tmp_path):
    changes = {"task.name": "detection", "data.name": "few-digits", "data.size": 32, "plan.batch_size": 4}
    trainings = scales.transfer_configs(
        "smoke", classified.path, rounds=[1], weights=["source", "random"], seeds=[0, 1], changes=changes, keep=1
    )
    kept = [(each.mask.label, each.weights.label, each.seed) for each in trainings if each.keep_weights == "ends"]
    assert kept == [("dense", "source", 0), ("ticket", "source", 0), ("layer random", "source", 0)]
    table = transfer.transfer_many(trainings[:1] + trainings[2:3], tmp_path / "results")
    shown = {row.mask: search.predict(row.file) for row in table.itertuples()}
    assert list(shown) == ["dense", "ticket"]
    assert shown["dense"].image.identical(shown["ticket"].image)


class Few(Lines):
    """Tells everything."""

    def __init__(self):
        super().__init__(patience=-1.0)


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_an_evaluation_tells_how_far_it_is(task, tmp_path, capsys):
    given = scenes_config(task, pruning__rounds=0)
    search.find_ticket(given, tmp_path / "a.zarr", progress=Few())
    told = capsys.readouterr().out
    assert re.search(r"round 0/0 · step 3/3 · validation 3/3", told)
    assert "· test 8/8" in told


SHAPES = {"name": "shapes", "size": 32, "validation": 0.0}


def test_every_detector_is_scored_alike(tmp_path):
    """The same boxes score the same, whichever network gave them."""
    found = []
    for case in CASES:
        if not case.startswith("detection"):
            continue
        task = task_from(scenes_config(case))
        draw = torch.Generator().manual_seed(5)

        def detect(images, draw=draw):
            corners = 16 * torch.rand(len(images), 300, 2, generator=draw)
            boxes = torch.cat([corners, corners + 2 + 14 * torch.rand(len(images), 300, 2, generator=draw)], 2)
            sure = torch.rand(len(images), 300, generator=draw)
            labels = torch.randint(5, (len(images), 300), generator=draw)
            return [scores.Detections(*each) for each in zip(boxes, sure, labels, strict=True)]

        task.modules.detect = detect
        found.append(task.evaluate("test"))
    assert found[0]["AP50"] > 0
    assert found == [found[0]] * 4


def shapes(tmp_path, train, test):
    root = write_boxes(tmp_path / "voc", {"trainval": train, "test": test})
    return load_catalog(write_catalog(tmp_path, "boxes", root, classes="[ball, box]"))


def test_difficult_objects_neither_help_nor_hurt_a_score(tmp_path):
    ball, odd = ("ball", 3, 5, 10, 12), ("ball", 21, 4, 36, 18)
    train = {"one": annotation(ball), "two": annotation(ball)}
    given = scenes_config("detection", data=SHAPES, task__options={"width": 8})
    found = []
    for number, objects in enumerate(([ball], [ball, (*odd, 1)], [ball, odd])):
        folder = tmp_path / str(number)
        folder.mkdir()
        task = task_from(given, shapes(folder, train, {"three": annotation(*objects)}))
        # sees the first ball, and surer than it the second one
        boxes = torch.tensor([[2.0, 4, 10, 12], [20, 3, 36, 18]]) * torch.tensor([32 / 40, 32 / 20] * 2)
        task.modules.detect = lambda images, boxes=boxes: [
            scores.Detections(boxes, torch.tensor([0.5, 0.9]), torch.tensor([0, 0]))
        ]
        found.append(task.evaluate("test")["AP50"])
    # without the second it is a mistake that comes first; marked difficult it is nothing; else it is right
    assert found == pytest.approx([0.5, 1.0, 1.0])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"data__name": "digits"}, "'digits' has one label per image"),
        ({"data__size": 40}, "set data.size to a multiple of 32"),
        ({"task__options": {"width": 6}}, "detector 'yolov4'.*width"),
        ({"task__options": {"mosaic": 2}}, "task 'detection'.*mosaic"),
        ({"task__options": {"wide": 4}}, "detector 'yolov4'.*wide"),
        ({"task__options": {"detector": "yolo"}}, "there is no detector 'yolo'"),
        ({"task__options": {"detector": "ssd", "anchors": "data"}}, "detector 'ssd'.*anchors"),
        ({"task__options": {"detector": "faster-rcnn", "form": "c5"}}, "detector 'faster-rcnn'.*form"),
        ({"task__options": {"detector": "ssd", "mixup": 0.5}}, "detector 'ssd' cannot count objects by their weight"),
        ({"model__name": "vgg11"}, "cannot be a backbone"),
    ],
)
def test_what_cannot_be_detected_is_one_sentence(wrong, told):
    with pytest.raises(LthkitError, match=told):
        task_from(scenes_config("detection", **wrong))


def test_a_split_without_an_object_is_refused(tmp_path):
    ball, hard = ("ball", 3, 5, 10, 12), ("ball", 3, 5, 10, 12, 1)
    given = scenes_config("detection", data=SHAPES, task__options={"width": 8})
    with pytest.raises(LthkitError, match="the test split of 'shapes' has no object that counts"):
        task_from(given, shapes(tmp_path, {"one": annotation(ball)}, {"two": annotation(hard)}))


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_compiling_what_is_called_in_parts_is_refused(task, tmp_path):
    with pytest.raises(LthkitError, match="nothing is compiled; turn compile off"):
        check_task(task_from(scenes_config(task)), scenes_config(task, plan__compile=True).plan)


def test_they_are_tasks_by_name():
    assert {"detection", "segmentation"} <= set(tasks.names())


def test_a_damaged_result_does_not_predict(tmp_path):
    given = scenes_config("segmentation", pruning__rounds=0)
    path = tmp_path / "one.result.json"
    search.train_once(given, path)
    search.train_once(scenes_config("segmentation", pruning__rounds=0, seed=3), tmp_path / "two.result.json")
    for kept in (tmp_path / "two.result.weights").iterdir():
        kept.replace(tmp_path / "one.result.weights" / kept.name)
    with pytest.raises(LthkitError, match="does not hold the weights of"):
        search.predict(str(path))
    path.write_text(json.dumps({"schema": 2}))
    with pytest.raises(LthkitError, match="is not a result of this version"):
        search.predict(str(path))
