import pytest
import torch

from lthkit import scales
from lthkit.cli import parameters
from lthkit.errors import LthkitError
from lthkit.search import kept_state
from lthkit.store import trained_file


@pytest.mark.parametrize("scale", scales.scale_names())
def test_every_scale_has_a_source_and_a_target(scale):
    source, target = scales.configure(scale, "source"), scales.configure(scale)
    assert source.pruning.rounds == 0
    assert target.pruning.rounds > 0
    assert source.model.name == target.model.name


def test_the_paper_scale_is_table_1_of_chen():
    config = scales.configure("paper")
    plan = config.plan
    assert (plan.epochs, plan.batch_size, plan.learning_rate, plan.weight_decay) == (182, 256, 0.1, 2e-4)
    assert (plan.schedule, plan.milestones, plan.gamma, plan.momentum) == ("steps", (91, 136), 0.1, 0.9)
    assert (config.model.name, config.pruning.rate, config.pruning.rounds) == ("resnet50", 0.2, 18)
    assert not config.model.prune_first


@pytest.mark.parametrize(
    ("task", "rate", "checkpoint"), [("simclr", 1e-4, "simclr-resnet50"), ("moco", 3e-4, "moco-v2-resnet50")]
)
def test_the_paper_scale_of_contrastive_tasks_is_table_1_of_chen(task, rate, checkpoint):
    config = scales.configure("paper", changes={"task.name": task})
    plan = config.plan
    assert (plan.epochs, plan.batch_size, plan.learning_rate, plan.weight_decay) == (10, 256, rate, 1e-4)
    assert (plan.schedule, plan.momentum) == ("constant", 0.9)
    assert (config.model.checkpoint, config.data.name, config.task.options["size"]) == (checkpoint, "imagenet", 224)


@pytest.mark.parametrize("scale", scales.scale_names())
@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_every_scale_has_a_backbone_for_detection_and_segmentation(scale, task):
    source = scales.configure(scale, "backbone")
    target = scales.configure(scale, changes={"task.name": task})
    assert source.task.name == "classification"
    assert (source.model.name, source.model.options) == (target.model.name, target.model.options)
    assert source.model.small_stem == target.model.small_stem is False
    assert min(source.pruning.rounds, target.pruning.rounds) >= 3
    assert target.plan.total_steps(100) > 0


def test_the_paper_scale_of_detection_and_segmentation_is_table_1_of_chen():
    detection, segmentation = (
        scales.configure("paper", changes={"task.name": task}) for task in ("detection", "segmentation")
    )
    plan = detection.plan
    assert (plan.epochs, plan.batch_size, plan.schedule, plan.weight_decay) == (50, 8, "cosine", 5e-4)
    assert (plan.learning_rate, plan.final_learning_rate) == (1e-4, 1e-6)
    plan = segmentation.plan
    assert (plan.steps, plan.batch_size, plan.learning_rate, plan.warmup_steps) == (30_000, 4, 0.01, 100)
    assert (plan.milestones, plan.gamma, plan.weight_decay) == ((18_000, 22_000), 0.1, 1e-4)
    for config in (detection, segmentation):
        assert (config.model.name, config.model.checkpoint) == ("resnet50", "resnet50-imagenet-v1")
        assert (config.plan.optimizer, config.plan.momentum, config.plan.selection) == ("SGD", 0.9, "last")


def test_the_paper_scale_of_the_appendix_has_its_own_schedules():
    faster, ssd = (
        scales.configure("paper", changes={"task.name": "detection", "task.options.detector": name})
        for name in ("faster-rcnn", "ssd")
    )
    plan = faster.plan
    assert (plan.steps, plan.batch_size, plan.schedule, plan.power) == (24_000, 4, "polynomial", 0.9)
    assert (plan.learning_rate, plan.final_learning_rate, plan.weight_decay) == (0.005, 0, 1e-4)
    plan = ssd.plan
    assert (plan.steps, plan.batch_size, plan.learning_rate, plan.weight_decay) == (120_000, 32, 1e-3, 5e-4)
    assert (plan.schedule, plan.milestones, plan.gamma) == ("steps", (80_000, 110_000), 0.1)


@pytest.mark.parametrize("scale", scales.scale_names())
@pytest.mark.parametrize("detector", ["yolov4", "faster-rcnn", "ssd"])
def test_a_detector_has_its_own_options_at_every_scale(scale, detector):
    given = {"task.name": "detection", "task.options.detector": detector}
    options = scales.configure(scale, changes=given).task.options
    assert ("anchors" in options) == (detector == "yolov4" and scale != "paper")
    assert ("regions" in options) == (detector == "faster-rcnn" and scale != "paper")
    assert scales.configure(scale, changes=given).task_label.startswith(f"detection by {detector} on ")


def test_the_command_line_knows_all_stages():
    assert parameters.STAGES == scales.STAGES


def test_a_length_in_epochs_takes_the_place_of_one_in_steps():
    plan = scales.configure("paper", changes={"task.name": "segmentation", "plan.epochs": 3}).plan
    assert (plan.epochs, plan.steps, plan.schedule) == (3, None, "cosine")


@pytest.mark.parametrize("scale", scales.scale_names())
@pytest.mark.parametrize("task", ["simclr", "moco"])
def test_every_scale_has_settings_for_every_built_in_task(scale, task):
    own = scales.find_scale(scale).tasks[task]
    config = scales.configure(scale, "source", {"task.name": task, "task.options.temperature": 0.7})
    assert config.task.options["temperature"] == 0.7  # one option changed leaves the others
    kept = {key.removeprefix("task.options."): value for key, value in own.items() if key.startswith("task.options.")}
    assert config.task.options == kept | {"temperature": 0.7}


def test_a_schedule_that_is_changed_drops_the_milestones_of_another():
    assert scales.configure("demo", changes={"plan.schedule": "cosine"}).plan.milestones == ()


def test_a_source_from_a_checkpoint_is_not_trained_first(tmp_path):
    first = scales.source_ticket("smoke", tmp_path / "first")
    trained = str(trained_file(tmp_path / "first" / "pretrain.zarr", 0))
    again = scales.source_ticket("smoke", tmp_path / "again", changes={"model.checkpoint": trained})
    assert not (tmp_path / "again" / "pretrain.zarr").exists()
    assert all((again.masks(2)[name] == mask).all() for name, mask in first.masks(2).items())


def body(store, round):
    state = kept_state(store, round, "start").network
    return {name: tensor for name, tensor in state.items() if "fc" not in name}


def test_each_temperature_begins_with_the_same_mask_and_weights(tmp_path):
    changes = {"task.name": "simclr"}
    source = scales.source_ticket("smoke", tmp_path / "source", changes=changes)
    found = scales.temperature_tickets(source, [0.1, 5], tmp_path, round=1)
    assert list(found) == [0.1, 5]
    start = body(source, 0)
    for temperature, ticket in found.items():
        assert ticket.config["task"]["options"]["temperature"] == temperature
        assert ticket.rounds == 2
        assert all((ticket.masks(1)[name] == mask).all() for name, mask in source.masks(1).items())
        assert all(torch.equal(tensor, start[name]) for name, tensor in body(ticket, 1).items())
    same = [(found[0.1].masks(2)[name] == found[5].masks(2)[name]).all() for name in source.parameters]
    assert not all(same)
    with pytest.raises(LthkitError, match=r"has no round 9; choose one of 0…2"):
        scales.temperature_tickets(source, [1], tmp_path, round=9)
    plain = scales.source_ticket("smoke", tmp_path / "plain")
    with pytest.raises(LthkitError, match="'classification' has no option 'temperature'"):
        scales.temperature_tickets(plain, [1], tmp_path / "none", round=1)


def test_changes_win_and_none_changes_nothing():
    changed = scales.configure("demo", changes={"plan.learning_rate": 0.01, "plan.batch_size": None, "rewind.to": None})
    assert changed.plan.learning_rate == 0.01
    assert changed == scales.configure("demo", changes={"plan.learning_rate": 0.01})
    assert scales.configure("demo") == scales.configure("demo", changes={"seed": 0})


def test_a_length_in_steps_replaces_that_in_epochs():
    plan = scales.configure("demo", changes={"plan.steps": 30}).plan
    assert (plan.steps, plan.epochs, plan.milestones) == (30, None, ())


def test_a_short_length_drops_milestones_beyond_it():
    assert scales.configure("paper", changes={"plan.epochs": 3}).plan.milestones == ()


@pytest.mark.parametrize(
    ("scale", "changes", "message"),
    [
        ("tiny", {}, "there is no scale 'tiny'"),
        ("demo", {"plan.lr": 0.1}, "unknown key 'plan.lr'"),
        ("demo", {"plan.learning_rate": "1e-4"}, "is the text '1e-4'"),
        ("demo", {"pruning.rate": 2.0}, "'pruning.rate' is 2.0"),
    ],
)
def test_what_does_not_fit_is_refused(scale, changes, message):
    with pytest.raises(LthkitError, match=message):
        scales.configure(scale, changes=changes)


def test_another_data_set_has_all_its_classes_unless_told_otherwise():
    assert scales.configure("demo").data.classes == (5, 6, 7, 8, 9)
    assert scales.configure("smoke", changes={"data.name": "digits"}).data.count == 160
    other = scales.configure("smoke", changes={"data.name": "mnist"}).data
    assert (other.classes, other.count, other.pad) == (None, None, 1)
    assert scales.configure("demo", changes={"data.name": "mnist", "data.classes": [1, 2]}).data.classes == (1, 2)


def test_a_scale_extends_another_part_by_part():
    demo, smoke = scales.find_scale("demo"), scales.find_scale("smoke")
    assert smoke.stage("target") == demo.stage("target") | smoke.shared | smoke.target
    assert scales.find_scale("paper").transfer.beside == demo.transfer.beside


def test_one_key_inside_anothers_value():
    assert scales.configure("demo", changes={"model.options.width": 4}).model.options == {"width": 4}
    with pytest.raises(LthkitError, match="lies inside 'model'"):
        scales.configure("demo", changes={"model": "resnet20", "model.options.width": 4})
