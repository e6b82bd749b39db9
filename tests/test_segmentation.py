"""Segmentation by DeepLabv3+: its network, its loss, its scores, and tickets that go in and out of it."""

import numpy as np
import pytest
import torch
from scenes_made import few_digits, scenes_config, task_from
from torch import nn
from voc_made import write_catalog, write_masks

from lthkit import models
from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec
from lthkit.tasks.segmentation import pixel_loss


@pytest.fixture(autouse=True)
def few_scenes(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHKIT_CATALOG", str(few_digits(tmp_path)))


def config(**changes):
    return scenes_config("segmentation", **changes)


def task_of(**changes):
    return task_from(config(**changes))


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
    task = task_from(given, load_catalog(catalog))
    task.modules = Constant(0, 2)
    scores = task.evaluate("test")
    assert not task.predictions("test", 1).attrs["background"]  # class 0 is a floor, to be seen as such
    # floor: 3/4 of the pixels are right, none missed; wall: none found
    assert scores["pixel_accuracy"] == pytest.approx(0.75)
    assert scores["mean_iou"] == pytest.approx(0.75 / 2)
    assert scores["loss"] == pytest.approx(0.25 * 20, rel=1e-4)
    with pytest.raises(LthkitError, match="there is no validation split"):
        task.evaluate("validation")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"data__name": "digits"}, "'digits' has one label per image"),
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
