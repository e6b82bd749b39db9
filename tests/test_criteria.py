"""Criteria against hand-worked cases and autograd on small networks; as controls and in searches."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import tiny_config
from torch import nn
from torch.nn.functional import cross_entropy

import lthkit
from lthkit import controls, criteria
from lthkit import masks as masking
from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError
from lthkit.progress import Silent
from lthkit.search import find_ticket, make_task, train_once


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(1, 3, 2, bias=False)
        self.norm = nn.BatchNorm2d(3)
        self.b = nn.Linear(3 * 4, 2)

    def forward(self, x):
        return self.b(torch.tanh(self.norm(self.a(x))).flatten(1))


class Toy:
    """A task of two batches."""

    image_shape = (1, 3, 3)

    def __init__(self):
        torch.manual_seed(3)
        self.network = self.modules = Net().double()
        self.network.norm.running_mean.normal_()
        self.given = [(torch.randn(5, 1, 3, 3).double(), torch.randint(0, 2, (5,))) for _ in range(2)]

    def batches(self, seed, epoch, start):
        return iter(self.given[start:])

    def loss(self, batch):
        return cross_entropy(self.network(batch[0]), batch[1])


NAMES = ["a.weight", "b.weight"]


def whole(task):
    return {name: torch.ones_like(task.network.get_parameter(name), dtype=torch.bool) for name in NAMES}


def scored(name, task, masks=None, batches=2):
    return criteria.scores(criteria.find_criterion(name), task, masks or whole(task), seed=0, batches=batches)


# --- each criterion -------------------------------------------------------------------------------------------


def test_snip_is_weight_times_gradient():
    task = Toy()
    found = scored("snip", task)
    (sum(task.loss(batch) for batch in task.given) / 2).backward()
    for name in NAMES:
        weight = task.network.get_parameter(name)
        torch.testing.assert_close(found[name], (weight * weight.grad).abs().detach())


def test_grasp_orders_by_weight_times_hessian_times_gradient():
    """The Hessian by brute force, column by column."""
    task = Toy()
    weights = [task.network.get_parameter(name) for name in NAMES]
    loss = sum(task.loss(batch) for batch in task.given) / 2
    gradient = torch.cat([each.flatten() for each in torch.autograd.grad(loss, weights, create_graph=True)])
    rows = [
        torch.cat([part.flatten() for part in torch.autograd.grad(one, weights, retain_graph=True)]) for one in gradient
    ]
    flat = torch.cat([weight.flatten() for weight in weights])
    kept = (flat * (torch.stack(rows) @ gradient)).detach()
    found = torch.cat([each.flatten() for each in scored("grasp", task).values()])
    assert found.argsort().tolist() == kept.argsort().tolist()
    assert sorted(found.tolist()) == list(range(1, len(flat) + 1))


def test_synflow_is_the_flow_through_magnitudes():
    """A network of two linear layers by hand: R = 1ᵀ|B||A|1."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False))
    network[1].weight.data = torch.tensor([[1.0, -2.0], [3.0, 0.5]])
    network[2].weight.data = torch.tensor([[-1.0, 4.0]])
    flow = criteria.flow_gradients(network, (1, 1, 2), ["1.weight", "2.weight"])
    found = criteria.synflow(dict(network.named_parameters()), flow)
    assert found["1.weight"].tolist() == [[1.0, 2.0], [12.0, 2.0]]  # |w| · what follows
    assert found["2.weight"].tolist() == [[3.0, 14.0]]  # |w| · what comes


def test_the_means_of_normalisation_do_not_count_in_the_flow():
    task = Toy()
    one = scored("synflow", task)
    task.network.norm.running_mean.zero_()
    assert all(torch.equal(one[name], other) for name, other in scored("synflow", task).items())
    assert all((each >= 0).all() for each in one.values())


@pytest.mark.parametrize("name", ["magnitude", "snip", "grasp", "synflow"])
def test_scoring_leaves_the_task_as_it_was(name):
    task = Toy()
    before = {key: value.clone() for key, value in task.network.state_dict().items()}
    masks = whole(task)
    masks["a.weight"][0] = False
    found = scored(name, task, masks)
    assert all(torch.equal(value, before[key]) for key, value in task.network.state_dict().items())
    assert task.network.training
    if name in ("snip", "synflow"):
        assert not found["a.weight"][0].any()


def test_one_of_ones_own_may_take_gradients(monkeypatch):
    import tiny

    monkeypatch.setattr(tiny, "by_gradient", lambda weights, gradients: gradients, raising=False)
    task = Toy()
    found = scored("tiny:by_gradient", task, batches=1)
    task.loss(task.given[0]).backward()
    torch.testing.assert_close(found["b.weight"], task.network.b.weight.grad)


def test_an_argument_that_can_be_left_out_is_no_gradient(monkeypatch):
    import tiny

    monkeypatch.setattr(tiny, "by_power", lambda weights, power=1: weights, raising=False)
    assert criteria.find_criterion("tiny:by_power").needs == "nothing"


@pytest.mark.parametrize("name", ["snip", "grasp", "synflow"])
def test_frozen_weights_are_scored_too_with_the_statistics_that_they_keep(name):
    task, same = Toy(), Toy()
    task.network.requires_grad_(False)
    task.network.norm.statistics_kept = same.network.norm.statistics_kept = True
    task.network.norm.eval()
    found, wanted = scored(name, task), scored(name, same)
    assert all(torch.equal(found[key], wanted[key]) for key in NAMES)
    assert not any(parameter.requires_grad for parameter in task.network.parameters())
    assert not task.network.norm.training
    assert task.network.training


def test_without_batches_it_is_refused():
    task = Toy()
    with pytest.raises(LthkitError, match="there are no batches"):
        criteria.loss_gradients(task, [], NAMES)
    del Toy.image_shape
    try:
        with pytest.raises(LthkitError, match="give the task an image_shape"):
            scored("synflow", task)
    finally:
        Toy.image_shape = (1, 3, 3)


# --- pruning in steps -----------------------------------------------------------------------------------------


def test_synflow_in_steps_never_empties_a_layer_before_the_others_as_the_naive_one_does():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Flatten(), *[nn.Linear(30, 30, bias=False) for _ in range(3)], nn.Linear(30, 900, bias=False)
    )
    names = [f"{place}.weight" for place in range(1, 5)]
    masks = {name: torch.ones_like(network.get_parameter(name), dtype=torch.bool) for name in names}

    def score(left):
        masked = {name: network.get_parameter(name).detach() * mask for name, mask in left.items()}
        copied = nn.Sequential(*network)
        state = dict(copied.state_dict()) | masked
        held = {name: value.clone() for name, value in copied.state_dict().items()}
        copied.load_state_dict(state)
        flow = criteria.flow_gradients(copied, (1, 1, 30), names)
        copied.load_state_dict(held)
        return criteria.synflow(masked, flow)

    keep = 40
    naive = controls.pruned_in_steps(score, masks, keep, 1)
    steady = controls.pruned_in_steps(score, masks, keep, 100)
    assert masking.left(naive) == masking.left(steady) == keep
    assert min(masking.counts_left(naive).values()) == 0
    assert min(masking.counts_left(steady).values()) > 0


def test_steps_take_equal_shares_and_end_exactly():
    seen = []
    weights = {"a": torch.arange(1.0, 1001.0)}

    def score(left):
        seen.append(masking.left(left))
        return weights

    masks = controls.pruned_in_steps(score, {"a": torch.ones(1000, dtype=torch.bool)}, 10, 2)
    assert seen == [1000, 100]
    assert masks["a"].nonzero().flatten().tolist() == list(range(990, 1000))


# --- Erdős–Rényi-kernel ---------------------------------------------------------------------------------------


def test_densities_by_hand():
    """Densities ∝ (out + in + k + k) / (out · in · k · k), so counts ∝ the sums of sides."""
    shapes = {"a": (10, 10, 3, 3), "b": (20, 10, 1, 1), "c": (100, 100)}
    counts = controls.erk_counts(shapes, 129)
    assert counts == {"a": 13, "b": 16, "c": 100}  # 258 sides: 26, 32, 200
    assert controls.erk_counts({"a": (2, 2), "b": (100, 100)}, 1004) == {"a": 4, "b": 1000}  # a layer can't be fuller


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6), st.floats(0.01, 1))
def test_counts_are_exact_to_one_weight(sides, density):
    shapes = {f"{place}": shape for place, shape in enumerate(sides)}
    size = sum(math.prod(shape) for shape in sides)
    keep = max(1, round(density * size))
    counts = controls.erk_counts(shapes, keep)
    assert sum(counts.values()) == keep
    assert all(0 <= counts[name] <= math.prod(shape) for name, shape in shapes.items())
    part = [name for name, shape in shapes.items() if counts[name] < math.prod(shape)]
    each = [counts[name] / sum(shapes[name]) for name in part]
    for name, per_side in zip(part, each, strict=True):
        assert abs(per_side - each[0]) * sum(shapes[name]) <= 1 + sum(shapes[name]) / sum(shapes[part[0]])


# --- in searches and as controls ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ticket(tmp_path_factory):
    return find_ticket(tiny_config(), tmp_path_factory.mktemp("a") / "a.zarr", progress=Silent())


@pytest.mark.parametrize("kind", ["snip", "grasp", "synflow", "erk"])
def test_a_control_has_the_tickets_count_and_can_be_trained(ticket, tmp_path, kind):
    mask = controls.read_recipe(kind, source=ticket.path, round=2)
    config = tiny_config(mask=mask.plain(), weights={"kind": "random"}, pruning__rounds=0)
    result = train_once(config, tmp_path / "a.result.json", progress=Silent())
    assert result["summary"]["sparsity"] == masking.sparsity(masking.as_tensors(ticket.masks(2)))
    assert result["labels"]["mask"] == kind
    again = train_once(config, tmp_path / "b.result.json", progress=Silent())
    assert again["rows"][-1]["train_loss"] == result["rows"][-1]["train_loss"]
    assert lthkit.evaluate(config)["sparsity"] == result["summary"]["sparsity"]


def test_the_control_is_the_criterion_at_the_starting_weights(ticket, tmp_path):
    mask = controls.read_recipe("snip", source=ticket.path, round=2)
    config = tiny_config(mask=mask.plain(), weights={"kind": "random"}, pruning__rounds=0)
    store = find_ticket(config, tmp_path / "b.zarr", progress=Silent())
    task = make_task(config, load_catalog())
    task.modules.load_state_dict(lthkit.search.kept_state(store, store.first_round).state)
    dense = masking.dense(task.prunable)
    batch = next(task.batches(config.seed, 0, 0))
    task.modules.train()
    task.loss(batch).backward()
    scores = {name: task.network.get_parameter(name) * task.network.get_parameter(name).grad for name in dense}
    wanted = masking.prune(scores, dense, masking.left(masking.as_tensors(ticket.masks(2))))
    found = store.masks(store.first_round)
    assert all((wanted[name].numpy() == found[name]).all() for name in wanted)
    assert find_ticket(config, tmp_path / "b.zarr", progress=Silent()).path == store.path  # finished: nothing to do


@pytest.mark.parametrize("criterion", ["snip", "grasp", "synflow"])
def test_a_search_goes_by_any_of_them(tmp_path, criterion):
    config = tiny_config(pruning__criterion=criterion, pruning__batches=2, pruning__rounds=1)
    store = find_ticket(config, tmp_path / "a.zarr", progress=Silent())
    masks = masking.as_tensors(store.masks(1))
    assert masking.left(masks) == masking.weights_left(masking.size(masks), 0.2, 1)
    other = find_ticket(tiny_config(pruning__rounds=1), tmp_path / "b.zarr", progress=Silent())
    assert masking.masks_sha256(masks) != masking.masks_sha256(masking.as_tensors(other.masks(1)))


def test_a_mask_that_needs_a_training_is_refused_without_one(ticket):
    with pytest.raises(LthkitError, match="'grasp' is made where a training starts"):
        controls.realise(controls.read_recipe("grasp", source=ticket.path, round=1))
