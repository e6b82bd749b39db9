"""A cut network is the masked one, smaller: on networks of all shapes, by their outputs and by hand."""

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_analysis_channels import (
    NETWORKS,
    SIZE,
    Branching,
    Grouped,
    Residual,
    Shared,
    built,
    conv,
    drawn,
    masked,
    whole,
)
from torch import nn

import lthkit
from lthkit.analysis import removable_channels
from lthkit.cutting import cut_network
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec, build
from lthkit.progress import Silent
from lthkit.search import find_trained, loaded_task


def images(count=3, shape=SIZE, dtype=torch.float32):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(5), dtype=dtype)


def facts(small):
    return small.meta["lthkit"]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.sampled_from(NETWORKS),
    st.integers(0, 10**6),
    st.sampled_from([0.1, 0.3, 0.5, 0.8]),
    st.sampled_from(["term", "keep"]),
)
def test_it_is_the_same_function_with_the_channels_that_were_counted(kind, seed, density, borders):
    network = built(kind, seed)
    masks = drawn(network, seed, density)
    small = cut_network(network, masks, SIZE, borders=borders)
    masked(network, masks)
    given = images(dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(small(given), network(given), rtol=0, atol=1e-12)
    counted = removable_channels(network, masks, SIZE).attrs["outputs_removed"]
    assert facts(small)["channels_cut"] == counted or (borders == "keep" and facts(small)["channels_cut"] < counted)
    assert borders == "term" or facts(small)["terms"] == 0


def far(network, dice):
    """BatchNorm as after a long training: statistics far from 0 and 1, biases of both signs."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.5, generator=dice)
            module.running_var.uniform_(0.3, 2, generator=dice)
            module.weight.data.uniform_(0.5, 1.5, generator=dice)
            module.bias.data.normal_(0, 0.7, generator=dice)


def thinned(network, sparsity, filters, dice):
    """Convolutions with whole filters masked, or single weights."""
    masks = {}
    for name, weight in network.named_parameters():
        if weight.ndim == 4:
            drawn = (
                torch.rand(len(weight), 1, 1, 1, generator=dice)
                if filters
                else torch.rand(weight.shape, generator=dice)
            )
            masks[name] = (drawn > sparsity).expand(weight.shape)
    return masks


BUILT_IN = [
    ("resnet8", 8),
    ("resnet20", 4),
    ("resnet18", 4),
    ("resnet34", 4),
    ("resnet50", 4),
    ("vgg11", 4),
    ("vgg16", 4),
]


@pytest.mark.parametrize(("name", "width"), BUILT_IN)
@pytest.mark.parametrize(("sparsity", "filters"), [(0.5, True), (0.9, True), (0.98, False)])
def test_built_in_networks(name, width, sparsity, filters):
    dice = torch.Generator().manual_seed(1)
    network = build(ModelSpec(name=name, options={"width": width}), 10, seed=0).eval()
    far(network, dice)
    masks = thinned(network, sparsity, filters, dice)
    shape = (3, 32, 32)
    small = cut_network(network, masks, shape)
    assert facts(small)["channels_cut"] == removable_channels(network, masks, shape).attrs["outputs_removed"] > 0
    assert facts(small)["largest_difference"] <= 1e-5
    assert sum(each.numel() for each in small.parameters()) < sum(each.numel() for each in network.parameters())


def two_convolutions(constant, padding=1):
    """A filter without weights, whose bias goes through ReLU into a convolution of ones."""
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 3, padding=padding, bias=False))
    with torch.no_grad():
        network[0].bias.copy_(torch.tensor([0.0, constant]))
        network[2].weight.fill_(1.0)
    masks = {"0.weight": np.array([True, False]).reshape(2, 1, 1, 1)}
    return network, masks


def test_a_constant_at_a_padded_border_is_a_value_for_each_place():
    network, masks = two_convolutions(2.0)
    small = cut_network(network, masks, (1, 4, 4))
    assert (facts(small)["channels"], facts(small)["channels_cut"], facts(small)["terms"]) == (3, 1, 1)
    (term,) = small.buffers()
    assert term[0, 0].tolist() == [[8, 12, 12, 8], [12, 18, 18, 12], [12, 18, 18, 12], [8, 12, 12, 8]]


def test_or_the_channel_stays_and_images_may_have_any_size():
    network, masks = two_convolutions(2.0)
    small = cut_network(network, masks, (1, 4, 4), borders="keep")
    assert (facts(small)["channels_cut"], facts(small)["terms"]) == (0, 0)
    wide = images(2, (1, 9, 7))
    network[0].weight.data[1] = 0
    torch.testing.assert_close(small(wide), network(wide))


@pytest.mark.parametrize(("constant", "padding", "bias"), [(-2.0, 1, None), (2.0, 0, 18.0)])
def test_what_is_nothing_or_the_same_everywhere_needs_no_term(constant, padding, bias):
    network, masks = two_convolutions(constant, padding)
    small = cut_network(network, masks, (1, 4, 4))
    assert (facts(small)["channels_cut"], facts(small)["terms"]) == (1, 0)
    last = list(small.children())[-1]
    assert (last.bias if bias is None else last.bias.item()) == bias


class InPlace(nn.Module):
    """A branch that holds the same for every input, changed in place by what follows."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.head = conv(2, 4), conv(4, 4), nn.Linear(144, 2)

    def forward(self, x):
        x = torch.relu(self.a(x))
        branch = self.b(x)
        branch += x
        branch.mul_(x)
        return self.head(nn.functional.relu(branch, inplace=True).flatten(1))


def test_what_is_held_is_not_changed_by_steps_in_place():
    network = InPlace()
    masks = whole(network)
    masks["b.weight"][:] = False
    small = cut_network(network, masks, SIZE)
    assert not any(name == "b" for name, _ in small.named_children())
    masked(network, masks)
    for _ in range(2):
        torch.testing.assert_close(small(images()), network(images()))


def test_a_dead_network_gives_its_constant_for_each_image():
    network = built(Residual, 0).float()
    masks = {name: np.zeros_like(mask) for name, mask in whole(network).items()}
    small = cut_network(network, masks, SIZE)
    given = small(images(5))
    assert given.shape == (5, 2)
    torch.testing.assert_close(given, network.head.bias.expand(5, 2))


def test_the_network_is_not_changed_and_given_images_are_compared():
    network = built(Residual, 0).train()
    before = copy.deepcopy(network.state_dict())
    seen = []
    network.stem.register_forward_hook(lambda module, given, output: seen.append(given[0].shape))
    cut_network(network, drawn(network, 0, 0.3), SIZE, images=images(7, dtype=torch.float64))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert (7, *SIZE) in seen


def test_it_is_loaded_where_there_is_no_lthkit(tmp_path):
    network = build(ModelSpec(name="vgg11", options={"width": 4}), 10, seed=0)
    small = cut_network(network, thinned(network, 0.5, True, torch.Generator().manual_seed(1)), (3, 32, 32))
    torch.save(small, tmp_path / "small.pt")
    given = images(2, (3, 32, 32))
    torch.save((given, small(given)), tmp_path / "seen.pt")
    script = (
        "import sys; sys.modules['lthkit'] = None\n"
        "import torch\n"
        "given, said = torch.load('seen.pt')\n"
        "assert torch.equal(torch.load('small.pt', weights_only=False)(given), said)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = conv(2, 2)

    def forward(self, x):
        return self.a(x) + torch.rand_like(x)


def test_what_cannot_be_cut_is_one_sentence():
    with pytest.raises(LthkitError, match=r"^torch.fx cannot follow Branching"):
        cut_network(Branching(), {}, SIZE)
    with pytest.raises(
        LthkitError, match=r"^the cut network differs from the masked one by .* use the masked network$"
    ):
        cut_network(Noisy(), {}, SIZE)
    with pytest.raises(LthkitError, match="differs from the masked one by nan of its largest output"):
        cut_network(built(Residual, 0), {}, SIZE, images=torch.full((1, *SIZE), torch.nan))
    with pytest.raises(LthkitError, match="there is no choice 'drop' for borders"):
        cut_network(Shared(), {}, SIZE, borders="drop")
    with pytest.raises(LthkitError, match="the mask names 'nonsense'"):
        cut_network(Shared(), {"nonsense": np.ones((1, 2), bool)}, SIZE)


@pytest.mark.parametrize("kind", [Shared, Grouped])
def test_what_is_not_known_to_work_by_channel_stays_whole(kind):
    network = kind()
    masks = whole(network)
    masks["a.weight"][0] = False
    small = cut_network(network, masks, SIZE)
    assert facts(small)["channels_cut"] == 0
    assert facts(small)["kept_whole"] == {"Shared": "2 Conv2d", "Grouped": "Conv2d, GroupNorm"}[kind.__name__]


# --- tickets --------------------------------------------------------------------------------------------------

DETECTION = {"task.name": "detection", "data.count": 40, "data.validation": 0.2}
TASKS = {
    "classification": {},
    "simclr": {"task.name": "simclr"},
    "moco": {"task.name": "moco"},
    "yolov4": DETECTION | {"task.options.detector": "yolov4"},
    "faster-rcnn": DETECTION | {"task.options.detector": "faster-rcnn"},
    "ssd": DETECTION | {"task.options.detector": "ssd"},
    "segmentation": {"task.name": "segmentation", "data.count": 40, "data.validation": 0.2},
}
SPARSE = {"plan.epochs": None, "plan.steps": 2, "pruning.rate": 0.9, "pruning.rounds": 2, "keep_weights": "all"}


@pytest.mark.parametrize("changes", TASKS.values(), ids=TASKS)
def test_a_ticket_of_each_task(changes, tmp_path):
    ticket = lthkit.find_ticket(
        lthkit.configure("smoke", changes=SPARSE | changes), tmp_path / "a.zarr", progress=Silent()
    )
    small = lthkit.cut(ticket, 2)
    assert facts(small)["channels_cut"] > 0
    assert (facts(small)["round"], facts(small)["store"]) == (2, "a.zarr")
    task = loaded_task(find_trained(ticket, 2))
    network = getattr(task, "inference", task.network).eval()
    given = task.images("validation", 3)
    with torch.no_grad():
        torch.testing.assert_close(small(given), network(given), rtol=1e-5, atol=1e-5)


def test_a_ticket_from_its_starting_weights_and_one_that_is_not_kept(tmp_path):
    config = lthkit.configure("smoke", changes=SPARSE | {"keep_weights": "ends"})
    ticket = lthkit.find_ticket(config, tmp_path / "a.zarr", progress=Silent())
    assert facts(lthkit.cut(ticket, 1, "start"))["weights"] == "start"
    with pytest.raises(LthkitError, match="keeps no weights 'best' of round 1"):
        lthkit.cut(ticket, 1)
    with pytest.raises(LthkitError, match="round"):
        lthkit.cut(ticket, 3)
