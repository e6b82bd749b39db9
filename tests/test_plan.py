"""The plan of a training: schedules, evaluations, and what no plan may say."""

import math

import pytest
from tiny import AUTOENCODER, tiny_config

from lthkit.errors import LthkitError
from lthkit.train import Plan, check_machine, learning_rate

# schedules


def rates(steps_per_epoch=4, **values):
    plan = Plan.parse({"learning_rate": 0.1, **values}, "plan")
    return [learning_rate(plan, step, steps_per_epoch) for step in range(plan.total_steps(steps_per_epoch))]


def test_steps_schedule_by_epochs():
    assert rates(2, epochs=4, schedule="steps", milestones=[1, 3]) == pytest.approx(
        [0.1, 0.1, *[0.01] * 4, 0.001, 0.001]
    )


def test_steps_schedule_by_steps_with_warm_up():
    own = rates(steps=6, schedule="steps", milestones=[2, 4], gamma=[0.2, 0.1])
    assert own == pytest.approx([0.1, 0.1, 0.02, 0.02, 0.002, 0.002])
    values = rates(steps=6, schedule="steps", milestones=[4], warmup_steps=2)
    assert values == pytest.approx([0.05, 0.1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_ends_exactly_at_its_final_rate():
    values = rates(steps=5, schedule="cosine", final_learning_rate=1e-6)
    assert values[0] == 0.1
    assert values[2] == pytest.approx((0.1 + 1e-6) / 2)
    assert values[-1] == 1e-6


def test_polynomial_decays_by_its_power():
    values = rates(steps=11, schedule="polynomial")
    assert values == pytest.approx([0.1 * (1 - step / 10) ** 0.9 for step in range(11)])
    assert values[-1] == 0


def test_constant_is_constant():
    assert rates(3, epochs=2) == [0.1] * 6


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "either as epochs or as steps"),
        ({"epochs": 1, "steps": 1}, "either as epochs or as steps"),
        ({"epochs": 1, "milestones": [1]}, "milestones have no meaning"),
        ({"epochs": 1, "schedule": "steps", "milestones": [3, 2]}, "must increase"),
        (
            {"epochs": 9, "schedule": "steps", "milestones": [3], "gamma": [0.1, 0.1]},
            "2 gammas do not fit 1 milestones",
        ),
        ({"epochs": 1, "learning_rate": "1e-4"}, "'1e-4', not a number"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": 1, "nesterov": True}, "unknown key 'nesterov'"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(values, message):
    with pytest.raises(LthkitError, match=message):
        Plan.parse(values, "plan")


def test_evaluations_fall_on_their_steps_and_on_the_end():
    plan = Plan.parse({"steps": 7, "evaluate_every": 3}, "plan")
    assert [step for step in range(1, 8) if plan.evaluates_after(step, 100)] == [3, 6, 7]
    assert plan.evaluations(100) == 3
    plan = Plan.parse({"epochs": 3, "evaluate_every": 2}, "plan")
    assert [step for step in range(1, 13) if plan.evaluates_after(step, 4)] == [8, 12]
    assert plan.evaluations(4) == 2


def test_evaluations_are_once_per_pass_where_the_plan_does_not_say():
    for length in ({"steps": 9}, {"steps": 9, "evaluate_every": None}):
        plan = Plan.parse(length, "plan")
        assert [step for step in range(1, 10) if plan.evaluates_after(step, 4)] == [4, 8, 9]
        assert (plan.evaluations(4), plan.evaluations(100)) == (3, 1)
    plan = Plan.parse({"epochs": 3}, "plan")
    assert [step for step in range(1, 13) if plan.evaluates_after(step, 4)] == [4, 8, 12]
    assert plan.resolved().evaluate_every == 1
    assert Plan.parse({"epochs": 3, "evaluate_every": 1}, "plan").evaluate_every == 1
    assert Plan.parse({"steps": 3}, "plan").resolved().evaluate_every is None


@pytest.mark.parametrize(
    "key", ["learning_rate", "gamma", "power", "final_learning_rate", "momentum", "weight_decay", "epochs", "workers"]
)
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_no_number_of_a_plan_is_infinite(key, value):
    with pytest.raises(LthkitError, match=f"plan: '{key}' is"):
        Plan.parse({"steps": 1, key: value}, "plan")


def test_no_option_of_an_optimiser_or_a_task_is_infinite():
    for value in (math.inf, [0.9, math.nan]):
        with pytest.raises(LthkitError, match=r"optimizer_options\.eps.*finite"):
            Plan.parse({"steps": 1, "optimizer_options": {"eps": value}}, "plan")
    with pytest.raises(LthkitError, match=r"task\.options\.code.*finite"):
        tiny_config(AUTOENCODER, task__options={"code": math.inf})


@pytest.mark.parametrize(
    "values", [{"threads": 1_000_000}, {"workers": 100_000}, {"steps": 10**30}, {"batch_size": 10**400}]
)
def test_absurd_numbers_are_refused(values):
    with pytest.raises(LthkitError, match=f"plan: '{next(iter(values))}' is"):
        Plan.parse({**({} if "steps" in values else {"epochs": 1}), **values}, "plan")


# the machine


def test_an_absent_device_is_refused():
    with pytest.raises(LthkitError, match="device 'nonsense'"):
        check_machine(Plan.parse({"steps": 1, "device": "nonsense"}, "plan"))


def test_a_device_that_does_not_compute_is_refused():
    with pytest.raises(LthkitError, match="device 'meta' cannot be used"):
        check_machine(Plan.parse({"steps": 1, "device": "meta"}, "plan"))


@pytest.mark.parametrize(
    ("stated", "processes", "threads"),
    [("3", 1, 3), ("3,2", 1, 3), ("", 1, 8), (None, 1, 8), (None, 2, 4), ("1", 1, 1), ("1", 2, 4), ("3", 2, 3)],
)
def test_open_threads_are_those_of_omp_num_threads(monkeypatch, stated, processes, threads):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if stated is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", stated)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(8))
    assert Plan.parse({"steps": 1}, "plan").resolved().threads == threads
    assert Plan.parse({"steps": 1, "threads": 7}, "plan").resolved().threads == 7


@pytest.mark.parametrize("stated", ["0", "-1", "many", "1000000", "1.5"])
def test_an_absurd_omp_num_threads_is_refused(monkeypatch, stated):
    monkeypatch.setenv("OMP_NUM_THREADS", stated)
    with pytest.raises(LthkitError, match=f"OMP_NUM_THREADS is '{stated}'"):
        Plan.parse({"steps": 1}, "plan").resolved()


def test_compile_without_a_compiler_is_refused(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(LthkitError, match="needs a C\\+\\+ compiler"):
        check_machine(Plan.parse({"steps": 1, "device": "cpu", "compile": True}, "plan"))
