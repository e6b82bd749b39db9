import pytest

from lthkit import scales
from lthkit.errors import LthkitError


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
