"""Segmentation by DeepLabv3+: its network, its loss, its scores, and tickets that go in and out of it."""

import numpy as np
import pytest
import torch
from tiny import tiny_config
from torch import nn
from voc_made import write_catalog, write_masks

from lthkit import models, search, tasks
from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec
from lthkit.progress import Silent
from lthkit.search.prepare import make_task
from lthkit.tasks.segmentation import pixel_loss
from lthkit.train import copy_state, make_point, train

SCENES = {
    "task": {"name": "segmentation", "options": {"width": 16, "dropout": 0.0}},
    "model": {"name": "narrow:resnet"},
    "data": {"name": "pasted-digits", "count": 12, "size": 32, "validation": 0.25, "test_share": 0.04},
    "plan": {
        "steps": 3,
        "batch_size": 4,
        "learning_rate": 0.05,
        "schedule": "polynomial",
        "evaluate_every": 3,
        "threads": 1,
        "device": "cpu",
    },
    "pruning": {"rounds": 1},
}


def config(**changes):
    return tiny_config(SCENES, **changes)


def task_of(**changes):
    given = config(**changes)
    return make_task(given.model_copy(update={"plan": given.plan.resolved()}), load_catalog())


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


@pytest.mark.parametrize(("name", "width"), [("resnet18", 512), ("resnet50", 2048)])
def test_the_last_stage_keeps_its_resolution_and_its_weights(name, width):
    network = models.build_deeplab(ModelSpec(name=name), 6, 0, width=16, dropout=0.0).eval()
    images = torch.randn(2, 3, 64, 64)
    maps = models.feature_maps(network.backbone, images)
    assert maps[-1].shape == (2, width, 4, 4)  # output stride 16
    assert network(images).shape == (2, 6, 64, 64)
    dilated = [module for module in network.backbone.modules() if getattr(module, "dilation", 1) == (2, 2)]
    assert {module.padding for module in dilated} == {(2, 2)}
    assert network.backbone.state_dict().keys() == models.build_backbone(ModelSpec(name=name), 0).state_dict().keys()


def test_a_network_without_four_stages_is_no_backbone():
    for name in ("resnet8", "vgg19"):
        with pytest.raises(LthkitError, match=f"model '{name}' cannot be a backbone"):
            models.build_backbone(ModelSpec(name=name), 0)


def test_the_loss_is_a_mean_over_pixels_that_are_not_void():
    logits = torch.randn(2, 3, 4, 5)
    masks = torch.randint(0, 3, (2, 4, 5))
    masks[0, :2] = 255
    log_p = logits.log_softmax(1)
    by_hand = [
        -log_p[image, masks[image, row, column], row, column]
        for image in range(2)
        for row in range(4)
        for column in range(5)
        if masks[image, row, column] != 255
    ]
    torch.testing.assert_close(pixel_loss(logits, masks), torch.stack(by_hand).mean())
    logits.requires_grad_()
    nothing = pixel_loss(logits, torch.full((2, 4, 5), 255))
    nothing.backward()
    assert nothing == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


class Constant(nn.Module):
    """One class everywhere."""

    def __init__(self, number, classes):
        super().__init__()
        self.number, self.classes = number, classes

    def forward(self, images):
        logits = torch.zeros(len(images), self.classes, *images.shape[-2:])
        logits[:, self.number] = 20.0
        return logits


def test_scores_are_of_the_published_masks_without_void(tmp_path):
    mask = np.zeros((40, 60), np.uint8)
    mask[:, 45:] = 1  # a quarter
    mask[:4] = 255
    root = write_masks(tmp_path / "voc", {"trainval": {"a": mask, "b": mask}, "test": {"c": mask}})
    catalog = write_catalog(tmp_path, "masks", root, classes="[floor, wall]")
    given = config(data={"name": "shapes", "size": 32, "validation": 0.0}, plan__batch_size=2)
    task = make_task(given.model_copy(update={"plan": given.plan.resolved()}), load_catalog(catalog))
    task.modules = Constant(0, 2)
    scores = task.evaluate("test")
    # floor: 3/4 of the pixels are right, none missed; wall: none found
    assert scores["pixel_accuracy"] == pytest.approx(0.75)
    assert scores["mean_iou"] == pytest.approx(0.75 / 2)
    assert scores["loss"] == pytest.approx(0.25 * 20, rel=1e-4)
    with pytest.raises(LthkitError, match="there is no validation split"):
        task.evaluate("validation")


def test_a_ticket_goes_from_a_classification_to_a_segmentation_and_back(tmp_path):
    labelled = {"model__name": "narrow:resnet", "model__options": {}, "data__size": 32, "data__pad": 0}
    ticket = search.find_ticket(tiny_config(**labelled, plan__epochs=1, pruning__rounds=1), tmp_path / "classes.zarr")
    found = search.find_ticket(config(mask=f"{ticket.path}@1", weights={"kind": "source"}), tmp_path / "pixels.zarr")
    assert found.parameters == ticket.parameters
    first, second = ticket.masks(1), found.masks(2)
    assert all((second[name] <= first[name]).all() for name in first)
    # it began at the classification's trained weights, at the address of the backbone
    start = search.kept_state(found, 1, "start").network
    trained = search.kept_state(ticket, 0, "best").network
    assert all(torch.equal(start[name], trained[name]) for name in start)

    back = tiny_config(**labelled, mask=f"{found.path}@2", weights={"kind": "source"}, pruning__rounds=0)
    again = search.find_ticket(back, tmp_path / "back.zarr")
    assert all((tensor == second[name]).all() for name, tensor in again.masks(2).items())
    segmented = search.kept_state(found, 1, "best").network
    start = search.kept_state(again, 2, "start").network
    assert all(torch.equal(start[name], tensor) for name, tensor in segmented.items())


def test_rewinding_restores_decoder_norms_counters_and_the_first_convolution(tmp_path):
    given = config(rewind__to="step", rewind__step=2, keep_weights="all")
    found = search.find_ticket(given, tmp_path / "a.zarr")
    task, plan = task_of(), given.plan.resolved()
    begin = make_point(0, copy_state(task.modules))
    expected = train(task, plan, {}, seed=given.seed, begin=begin, until=2).point.modules
    rewound = search.kept_state(found, 1, "rewind").state
    assert rewound.keys() == expected.keys()
    assert int(rewound["backbone.bn1.num_batches_tracked"]) == 2
    assert all(torch.equal(tensor, expected[name]) for name, tensor in rewound.items())
    for name in (
        "backbone.conv1.weight",
        "classifier.weight",
        "decoder.block2.1.bias",
        "decoder.block1.1.running_mean",
    ):
        assert not torch.equal(rewound[name], begin.modules[name]), name


def test_stopped_and_resumed_it_ends_in_the_same_bits(tmp_path):
    given = config(pruning__rounds=1)
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


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"data__name": "digits", "data__count": None}, "'digits' has one label per image"),
        ({"data__size": 40}, "set data.size to a multiple of 32"),
        ({"plan__batch_size": 1}, "raise plan.batch_size"),
        ({"task__options": {"width": 4}}, "task 'segmentation'.*width"),
        ({"task__options": {"smallest": 0}}, "task 'segmentation'.*smallest"),
        ({"task__options": {"wide": 4}}, "task 'segmentation'.*wide"),
        ({"model__name": "vgg11"}, "cannot be a backbone"),
    ],
)
def test_what_cannot_be_segmented_is_one_sentence(wrong, told):
    with pytest.raises(LthkitError, match=told):
        task_of(**wrong)


def test_it_is_a_task_by_name():
    assert "segmentation" in tasks.names()
