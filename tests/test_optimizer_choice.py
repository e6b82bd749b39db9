"""Which optimiser a plan and a task ask for, in which groups; what cannot be used is refused before training."""

import math

import pytest
import torch
from test_optimizers import made, run
from torch import nn

from lthkit.errors import LthkitError
from lthkit.seeds import derive
from lthkit.train import Plan, check_machine, check_task, copy_state, make_point
from lthkit.train.optimizers import make_optimizer, set_rates

HERE = "test_optimizer_choice"


class Keeps:
    """Made by a factory that hides its arguments; keeps what cannot be stored."""


def unstorable(params, **options):
    optimizer = torch.optim.SGD(params, **options)
    optimizer.param_groups[0]["thing"] = Keeps()
    return optimizer


def not_one(params, lr):
    return "optimiser"


# groups under one schedule


def test_one_schedule_multiplies_each_group_s_own_rate():
    task, plan = made(groups=True, schedule="cosine", learning_rate=0.05)
    optimizer = make_optimizer(plan, task)
    for step in range(6):
        set_rates(optimizer, plan, step, 4)
        rate = 0.05 * (1 + math.cos(math.pi * step / 5)) / 2
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([rate * 0.1, rate])
    assert [group["weight_decay"] for group in optimizer.param_groups] == [plan.weight_decay, 0.5]


def test_two_groups_equal_hand_written_steps():
    task, plan = made(groups=True, schedule="constant", weight_decay=0.0, evaluate_every=6)
    start = make_point(0, copy_state(task.modules))
    end = run(task, plan, start, until=1).point.modules
    other, _ = made()
    torch.manual_seed(derive(5, "step", 0))
    other.modules.train()
    other.loss(next(other.batches(5, 0, 0))).backward()
    for name, parameter in other.modules.named_parameters():
        head = name.startswith("decoder")
        gradient = parameter.grad + (0.5 * parameter if head else 0)
        expected = parameter - (0.05 if head else 0.005) * gradient
        torch.testing.assert_close(end[name], expected.detach(), rtol=1e-5, atol=1e-7)


def test_frozen_parameters_are_in_no_group():
    task, plan = made(groups=True)
    for parameter in task.network.parameters():
        parameter.requires_grad_(False)
    assert [len(group["params"]) for group in make_optimizer(plan, task).param_groups] == [2]
    for parameter in task.modules.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(LthkitError, match="nothing is left to train"):
        make_optimizer(plan, task)


def head_of(task):
    return list(task.modules["decoder"].parameters())


def body_of(task):
    return list(task.network.parameters())


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (lambda task: [{"params": head_of(task)}], r"hold 'network\.0\.weight' nowhere"),
        (lambda task: [{"params": body_of(task) + head_of(task) * 2}], r"hold 'decoder\.weight' 2 times"),
        (lambda task: [{"params": [*task.modules.parameters(), nn.Parameter(torch.ones(1))]}], "its modules do not"),
        (lambda task: [{"params": task.modules.parameters(), "lr": 1, "lr_scale": 1}], "at most one of"),
        (lambda task: [{"lr": 1}], "each needs 'params'"),
        (lambda task: [{"params": task.modules.parameters(), "nestrov": 1}], "'nestrov'; near names: nesterov"),
        (lambda task: [{"params": task.modules.parameters(), "lr": -1.0}], r"rate -1\.0 is no number from 0 on"),
    ],
)
def test_groups_that_do_not_fit_are_refused(groups, message):
    task, plan = made()
    task.parameter_groups = lambda: groups(task)
    with pytest.raises(LthkitError, match=message):
        check_task(task, plan)


# the plan's word


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": "Adan"}, "no optimizer 'Adan' in torch.optim; near names: .*Adam"),
        ({"optimizer": "Optimizer"}, "no optimizer 'Optimizer'"),
        ({"optimizer": "lr_scheduler"}, "no optimizer 'lr_scheduler'"),
        ({"optimizer": f"{HERE}:not_ome"}, "near names:"),
        ({"optimizer": "no_such_module:make"}, "importing 'no_such_module' failed"),
        ({"optimizer": f"{HERE}:not_one"}, "gives a str, not a torch optimiser"),
        ({"optimizer": f"{HERE}:unstorable"}, r"keeps a Keeps as 'param_groups/0/thing'"),
        ({"optimizer_options": {"nestrov": True}}, "no option 'nestrov'; near names: nesterov"),
        ({"optimizer_options": {"lr": 1.0}}, r"give 'lr' as plan\.learning_rate"),
        ({"optimizer_options": {"params": 1}}, "no option 'params'"),
        ({"optimizer": "Adam", "optimizer_options": {"betas": [2.0, 0.9]}}, "cannot be made .*beta"),
        ({"optimizer": "Adam", "momentum": 0.5}, r"plan\.momentum is 0\.5, but optimizer 'Adam' takes none"),
        ({"optimizer": "Rprop", "weight_decay": 0.1}, r"plan\.weight_decay is 0\.1"),
        ({"optimizer": "LBFGS", "weight_decay": 0.0}, "cannot take a step .*closure"),
        ({"optimizer": "SparseAdam", "momentum": 0.0}, "cannot take a step .*dense gradients"),
    ],
)
def test_an_optimiser_that_cannot_be_used_is_refused_before_training(values, message):
    plan = Plan.parse({"steps": 1, "device": "cpu", **values}, "plan")
    with pytest.raises(LthkitError, match=message) as raised:
        check_machine(plan)
    assert "\n" not in str(raised.value)


def test_looking_at_an_optimiser_draws_nothing():
    state = torch.get_rng_state()
    check_machine(Plan.parse({"steps": 1, "device": "cpu", "optimizer": "test_optimizers:Own"}, "plan"))
    assert torch.equal(torch.get_rng_state(), state)


def test_what_the_plan_says_reaches_the_optimiser():
    task, plan = made(momentum=0.8, weight_decay=0.03, optimizer_options={"nesterov": True})
    assert make_optimizer(plan, task).defaults.items() >= {"lr": 0.05, "momentum": 0.8, "nesterov": True}.items()
    task, plan = made(optimizer="Adam", weight_decay=0.03, optimizer_options={"betas": [0.8, 0.9], "eps": 1e-6})
    defaults = make_optimizer(plan, task).defaults
    assert (defaults["betas"], defaults["eps"], defaults["weight_decay"]) == ((0.8, 0.9), 1e-6, 0.03)
    assert Plan.parse(plan.plain(), "again") == plan
