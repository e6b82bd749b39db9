"""Any torch optimiser: made by the plan, its whole state captured, restored, proven and resumed to the bit."""

import copy

import pytest
import torch
from tiny import AUTOENCODER, tiny_config
from torch import nn

from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError
from lthkit.search import make_task
from lthkit.train import (
    Keeping,
    Snapshot,
    copy_state,
    make_point,
    read_snapshot,
    train,
    write_snapshot,
)
from lthkit.train.optimizers import make_optimizer
from lthkit.train.state import capture, prove, restore

HERE = "test_optimizers"


class Own(torch.optim.Optimizer):
    """Sign descent that keeps a number, a text, a list, a tuple, an integer tensor and a state beside parameters'."""

    def __init__(self, params, lr, slack=0.5, bounds=(-1.0, 1.0)):
        super().__init__(params, {"lr": lr, "slack": slack, "bounds": bounds, "calls": 0})
        self.state["all"] = {"sum": torch.zeros(3, dtype=torch.float64), "seen": 0}

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            assert isinstance(group["bounds"], tuple)
            group["calls"] += 1
            for parameter in group["params"]:
                state = self.state[parameter]
                state["count"] = state.get("count", 0) + 1
                state["note"] = f"step {state['count']}"
                state["history"] = [*state.get("history", []), float(parameter.grad.double().norm())][-2:]
                state["range"] = (state["count"], -1)
                state["ticks"] = state.get("ticks", torch.zeros((), dtype=torch.int64)) + 1
                state["seen"] = state.get("seen", torch.zeros_like(parameter, dtype=torch.bool)) | (parameter.grad > 0)
                strength = group["lr"] * group["slack"] * state["history"][0] / state["ticks"] * group["calls"]
                parameter -= strength * parameter.grad.sign().clamp(*group["bounds"]) * state["seen"]
        self.state["all"]["sum"] += 1
        self.state["all"]["seen"] += 1


OPTIMIZERS = {
    "SGD": {},
    "SGD in two groups": {"groups": True},
    "Adam": {"optimizer": "Adam", "optimizer_options": {"betas": [0.8, 0.99]}},
    "AMSGrad": {"optimizer": "AdamW", "optimizer_options": {"amsgrad": True}},
    "Adagrad": {"optimizer": "Adagrad", "optimizer_options": {"initial_accumulator_value": 0.1}},
    "RMSprop": {"optimizer": "RMSprop", "optimizer_options": {"centered": True}},
    "own": {"optimizer": f"{HERE}:Own", "optimizer_options": {"bounds": [-0.5, 0.5]}},
}


def made(groups=False, **values):
    config = tiny_config(AUTOENCODER, **{f"plan__{key}": value for key, value in values.items()})
    task = make_task(config, load_catalog())
    if groups:
        head = [*task.modules["decoder"].parameters()]
        body = [*task.network.parameters()]
        task.parameter_groups = lambda: [{"params": body, "lr_scale": 0.1}, {"params": head, "weight_decay": 0.5}]
    return task, config.plan


def stepped(task, optimizer, epoch):
    task.modules.train()
    for batch in task.batches(0, epoch, 0):
        optimizer.zero_grad()
        task.loss(batch).backward()
        optimizer.step()


def plain(value):
    """A state dict with tensors as (dtype, shape, stride, values), for comparison by ``==``."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.stride(), value.tolist()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(inner) for inner in value)
    return value


def run(task, plan, begin, **options):
    return train(task, plan, {}, seed=5, begin=begin, **options)


def same(one, other):
    assert one.point.digests == other.point.digests
    rows = [[{k: str(v) for k, v in row.items() if k != "wall_time"} for row in each.rows] for each in (one, other)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_file_brings_back_the_very_state_dict(name, tmp_path):
    task, plan = made(**OPTIMIZERS[name])
    optimizer = make_optimizer(plan, task)
    stepped(task, optimizer, 0)
    before = copy.deepcopy(optimizer.state_dict())
    write_snapshot(tmp_path / "a.state", Snapshot(capture(4, task.modules, optimizer)), {})
    (point, _), other = read_snapshot(tmp_path / "a.state"), make_optimizer(plan, task)
    restore(point.point, task.modules, other)
    assert plain(other.state_dict()) == plain(before)
    stepped(task, other, 1)
    restore(point.point, task.modules, other)  # nothing stored was trained along
    assert plain(other.state_dict()) == plain(before)
    write_snapshot(tmp_path / "b.state", point, {})
    assert (tmp_path / "a.state").read_bytes() == (tmp_path / "b.state").read_bytes()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resumed_from_any_step_to_the_same_bits(name, tmp_path):
    task, plan = made(**OPTIMIZERS[name])
    start = make_point(0, copy_state(task.modules))
    paths = []

    def save(snapshot):
        paths.append(tmp_path / f"{len(paths)}.state")
        write_snapshot(paths[-1], snapshot, {})

    whole = run(task, plan, start, keeping=Keeping(save, seconds=0, best=True))
    assert len(paths) == 6
    assert any(not torch.equal(whole.point.modules[key], value) for key, value in start.modules.items())
    for path in paths:
        same(whole, run(task, plan, read_snapshot(path)[0], keeping=Keeping(best=True)))
    same(whole, run(task, plan, start))  # and a fresh optimiser is a fresh one


def kinds():
    """Each kind of state of each optimiser: the parts of a group, and what is kept for a parameter."""
    for name, values in OPTIMIZERS.items():
        task, plan = made(**values)
        optimizer = make_optimizer(plan, task)
        stepped(task, optimizer, 0)
        for number, group in enumerate(optimizer.param_groups):
            yield from ((name, "group", number, key) for key in group if key != "params")
        yield from ((name, "state", 0, key) for key in optimizer.state[optimizer.param_groups[0]["params"][0]])
        yield from ((name, "all", 0, key) for key in optimizer.state.get("all", {}))


def changed(value):
    match value:
        case torch.Tensor() if value.dtype == torch.bool:
            return ~value
        case torch.Tensor():
            return value + 1
        case None | str() | bool():
            return not value
        case list():
            return [*value, 1.0]
        case tuple():
            return list(value)
    return value + 1


@pytest.mark.parametrize("how", ["changed", "dropped"])
@pytest.mark.parametrize(("name", "part", "number", "key"), list(kinds()))
def test_each_kind_of_state_left_out_is_found(name, part, number, key, how):
    task, plan = made(**OPTIMIZERS[name])
    optimizer = make_optimizer(plan, task)
    stepped(task, optimizer, 0)
    point = capture(4, task.modules, optimizer)
    stepped(task, optimizer, 1)
    restore(point, task.modules, optimizer)
    prove(point, task.modules, optimizer, {})
    parameter = optimizer.param_groups[0]["params"][0]
    place = {"group": optimizer.param_groups[number], "state": optimizer.state[parameter]}.get(part)
    place = optimizer.state["all"] if place is None else place
    if how == "changed":
        place[key] = changed(place[key])
    else:
        del place[key]
    with pytest.raises(RuntimeError, match="rewinding did not restore 'optimizer/"):
        prove(point, task.modules, optimizer, {})


def test_adam_s_step_survives_as_a_tensor_and_names_are_the_modules(tmp_path):
    task, plan = made(**OPTIMIZERS["Adam"])
    optimizer = make_optimizer(plan, task)
    stepped(task, optimizer, 0)
    state = capture(4, task.modules, optimizer).optimizer
    assert {name for name in state.tensors if name.startswith("decoder.bias")} == {
        "decoder.bias/step",
        "decoder.bias/exp_avg",
        "decoder.bias/exp_avg_sq",
    }
    assert state.tensors["decoder.bias/step"] == 4
    assert state.facts["param_groups"][0]["initial_lr"] == plan.learning_rate
    assert state.facts["param_groups"][0]["params"][0] == "network.0.weight"


def test_the_parameters_memory_format_is_restored():
    network = nn.Conv2d(3, 8, 3).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, 0.9)
    network(torch.ones(1, 3, 4, 4)).sum().backward()
    optimizer.step()
    point = capture(1, network, optimizer)
    assert point.optimizer.tensors["weight/momentum_buffer"].is_contiguous()
    restore(point, network, optimizer)
    buffer = optimizer.state[network.weight]["momentum_buffer"]
    assert buffer.is_contiguous(memory_format=torch.channels_last)


def test_a_state_of_other_groups_is_refused():
    task, plan = made()
    point = capture(0, task.modules, make_optimizer(plan, task))
    task, plan = made(groups=True)
    with pytest.raises(LthkitError, match="other parameters or groups"):
        run(task, plan, point)
