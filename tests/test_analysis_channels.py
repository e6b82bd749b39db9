import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from lthkit.analysis import removable_channels
from lthkit.analysis.channels.trace import trace
from lthkit.errors import LthkitError

SIZE = (2, 6, 6)


def conv(cin, cout, kernel=3, **options):
    return nn.Conv2d(cin, cout, kernel, padding=kernel // 2, **options)


class Chain(nn.Module):
    """Convolutions in a row, with BatchNorm, pooling and a flattened head."""

    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = conv(2, 4, bias=False), nn.BatchNorm2d(4), conv(4, 3)
        self.pool, self.hidden, self.head = nn.AvgPool2d(3), nn.Linear(12, 5), nn.Linear(5, 2)

    def forward(self, x):
        x = self.pool(torch.tanh(self.b(functional.softplus(self.norm(self.a(x))))))
        return self.head(torch.tanh(self.hidden(x.flatten(1))))


class Residual(nn.Module):
    """Two blocks on one trunk: what the additions tie together is cut together."""

    def __init__(self):
        super().__init__()
        self.stem = conv(2, 4)
        self.a1, self.a2, self.b1, self.b2 = conv(4, 3), conv(3, 4), conv(4, 3), conv(3, 4)
        self.norm, self.head = nn.BatchNorm2d(4), nn.Linear(4, 2)

    def forward(self, x):
        x = torch.tanh(self.stem(x))
        x = x + self.norm(self.a2(torch.tanh(self.a1(x))))
        x = torch.tanh(x + self.b2(torch.tanh(self.b1(x))))
        return self.head(x.mean((2, 3)))


class Branches(nn.Module):
    """A concatenation, a gate and a depthwise convolution."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.gate = conv(2, 3), conv(2, 2, 1), conv(5, 5, 1)
        self.deep, self.c, self.head = conv(5, 5, groups=5), conv(5, 3, 1), nn.Linear(3, 2)

    def forward(self, x):
        x = torch.cat([self.a(x), self.b(x)], 1)
        x = x * torch.sigmoid(self.gate(functional.adaptive_avg_pool2d(x, 1)))
        x = torch.tanh(self.c(torch.tanh(self.deep(x))))
        return self.head(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


NETWORKS = (Chain, Residual, Branches)


def built(kind, seed):
    torch.manual_seed(seed)
    network = kind().double().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias)
    return network


def drawn(network, seed, density):
    """Masks that leave few kernels, and some outputs and inputs none."""
    dice = np.random.RandomState(seed)
    masks = {}
    for name, weight in network.named_parameters():
        if weight.ndim > 1 and name != "head.weight":
            kernels = dice.rand(*weight.shape[:2], *[1] * (weight.ndim - 2)) < density
            masks[name] = np.broadcast_to(kernels, weight.shape) & (dice.rand(*weight.shape) < 0.8)
    return masks


def masked(network, masks):
    with torch.no_grad():
        for name, mask in masks.items():
            network.get_parameter(name).mul_(torch.from_numpy(mask))
    return network


def cut(network, masks):
    """Removed output channels of each layer, as a bool array by module name."""
    kernels = {name.removesuffix(".weight"): mask.reshape(*mask.shape[:2], -1).any(2) for name, mask in masks.items()}
    dependencies = trace(network, kernels, SIZE).dependencies
    kept = dependencies.kept()
    return {layer.name: ~kept[layer.outputs.ids] for layer in dependencies.layers}


def run(network, images, change):
    """Outputs of the network where ``change(name, output)`` replaces what a module gives."""
    hooks = [
        module.register_forward_hook(lambda _m, _i, output, name=name: change(name, output))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    with torch.no_grad():
        outputs = network(images)
    for hook in hooks:
        hook.remove()
    return outputs


def channels(network, images):
    """What every convolution and linear layer gives."""
    seen = {}
    run(network, images, lambda name, output: seen.update({name: output.clone()}))
    return seen


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.sampled_from(NETWORKS), st.integers(0, 10**6), st.sampled_from([0.15, 0.3, 0.5, 0.8]))
def test_what_is_cut_is_constant_or_without_effect(kind, seed, density):
    network = built(kind, seed)
    masks = drawn(network, seed, density)
    masked(network, masks)
    removed = cut(network, masks)
    images = torch.randn(2, *SIZE, dtype=torch.float64)
    seen = channels(network, images)

    def disturb(name, output):
        constant = (
            torch.isclose(seen[name][0], seen[name][1], rtol=0, atol=1e-14).flatten(1).all(1)
            if output.ndim > 2
            else (torch.isclose(seen[name][0], seen[name][1], rtol=0, atol=1e-14))
        )
        free = torch.from_numpy(removed[name]) & ~constant
        noise = torch.randn_like(output)
        return torch.where(free.view(1, -1, *[1] * (output.ndim - 2)), noise, output)

    torch.testing.assert_close(run(network, images, disturb), run(network, images, lambda _n, output: output))


@settings(derandomize=True, max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.15, 0.3, 0.5, 0.8]))
def test_in_a_chain_all_that_is_constant_or_without_effect_is_cut(seed, density):
    network = built(Chain, seed)
    masks = drawn(network, seed, density)
    masked(network, masks)
    removed = cut(network, masks)
    images = torch.randn(2, *SIZE, dtype=torch.float64)
    seen, before = channels(network, images), network(images)
    assert not removed.pop("head").any()  # the network's own outputs stay, whatever they are
    for name, marks in removed.items():
        for channel, is_cut in enumerate(marks):
            constant = torch.allclose(seen[name][0, channel], seen[name][1, channel], rtol=0, atol=1e-14)

            def disturb(where, output, name=name, channel=channel):
                changed = output.clone()
                if where == name:
                    changed[:, channel] += torch.randn_like(changed[:, channel])
                return changed

            idle = torch.equal(run(network, images, disturb), before)
            assert is_cut == (constant or idle), (name, channel)


def whole(network):
    return {n: np.ones(tuple(w.shape), bool) for n, w in network.named_parameters() if w.ndim > 1}


def test_a_dead_filter_takes_its_consumers_inputs_and_what_only_feeds_it_along():
    network = nn.Sequential(conv(2, 4), nn.ReLU(), conv(4, 3), nn.ReLU(), conv(3, 2))
    masks = whole(network)
    masks["2.weight"][1] = False  # a dead filter
    masks["2.weight"][[0, 2], 3] = False  # input 3 fed only it
    counts = removable_channels(network, masks, SIZE)
    assert counts["layer"].values.tolist() == ["0.weight", "2.weight", "4.weight"]
    assert counts["outputs_dead"].values.tolist() == [0, 1, 0]
    assert counts["outputs_removed"].values.tolist() == [1, 1, 0]
    assert counts["inputs_removed"].values.tolist() == [0, 1, 1]
    assert counts["weights"].values.tolist() == [72, 108, 54]
    left = counts["weights"] - counts["weights_removed"]
    assert left.values.tolist() == [2 * 3 * 9, 3 * 2 * 9, 2 * 2 * 9]
    np.testing.assert_array_equal(counts["multiply_adds"], 36 * counts["weights"])
    assert counts.attrs["multiply_adds_removed"] == 36 * int(counts["weights_removed"].sum())


def test_an_addition_keeps_a_channel_that_one_summand_still_needs():
    network = built(Residual, 0)
    masks = whole(network)
    masks["a2.weight"][2] = False
    counts = removable_channels(network, masks, SIZE).sel(layer="a2.weight")
    assert (counts["outputs_dead"], counts["outputs_removed"]) == (1, 0)
    for name in ("stem.weight", "b2.weight"):
        masks[name][2] = False
    counts = removable_channels(network, masks, SIZE)
    trunk = counts.sel(layer=["stem.weight", "a2.weight", "b2.weight"])
    assert trunk["outputs_removed"].values.tolist() == [1, 1, 1]
    assert counts["inputs_removed"].sel(layer=["a1.weight", "b1.weight", "head.weight"]).values.tolist() == [1, 1, 1]


def test_depthwise_channels_go_with_what_feeds_them():
    network = built(Branches, 0)
    masks = whole(network)
    masks["deep.weight"][1] = False
    masks["gate.weight"][:, 1] = False
    counts = removable_channels(network, masks, SIZE)
    assert counts["outputs_removed"].values.tolist() == [1, 0, 1, 1, 0, 0]
    assert counts["weights"].sel(layer="deep.weight") == 45
    assert counts["weights_removed"].sel(layer="deep.weight") == 9


def test_nothing_masked_nothing_removed_and_the_network_is_not_touched():
    network = built(Residual, 0).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    counts = removable_channels(network, {}, SIZE)
    assert all(value == 0 for name, value in counts.attrs.items() if name.endswith("removed"))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_all_masked_leaves_only_the_input_and_the_networks_outputs():
    network = built(Chain, 0)
    counts = removable_channels(network, {name: ~mask for name, mask in whole(network).items()}, SIZE)
    assert (counts["weights"] - counts["weights_removed"]).values.tolist() == [0, 0, 0, 0]
    assert counts["outputs_removed"].sel(layer="head.weight") == 0


def test_published_multiply_adds_of_resnet50():
    import torchvision

    counts = removable_channels(torchvision.models.resnet50(), {}, (3, 224, 224))
    assert counts.attrs["multiply_adds"] == 4_089_184_256  # torchvision's own table: 4.09 GFLOPS
    assert counts.attrs["weights"] == 25_502_912


class Reshaping(nn.Module):
    def __init__(self, split):
        super().__init__()
        self.split, self.a, self.head = split, conv(2, 4), nn.Linear(144, 2)

    def forward(self, x):
        x = self.a(x)
        batch, count, height, width = x.size()
        x = torch.cat(torch.split(x, 2, dim=1), 1) if self.split else x
        return self.head(x.view(batch, count * height * width))


@pytest.mark.parametrize(("split", "cut"), [(False, [1, 36]), (True, [0, 0])])
def test_reading_a_shape_keeps_nothing_and_a_split_keeps_all(split, cut):
    network = Reshaping(split)
    masks = whole(network)
    masks["a.weight"][1] = False
    counts = removable_channels(network, masks, SIZE)
    assert [counts["outputs_removed"].values[0], counts["inputs_removed"].values[1]] == cut


class Grouped(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = conv(2, 4), conv(4, 4, groups=2), conv(4, 2)
        self.scale = nn.GroupNorm(2, 4)

    def forward(self, x):
        return self.c(self.scale(self.b(self.a(x))))


def test_a_step_that_is_not_known_to_work_by_channel_keeps_all():
    network = Grouped()
    masks = whole(network)
    masks["a.weight"][0] = masks["b.weight"][1] = False
    masks["c.weight"][:, 3] = False
    counts = removable_channels(network, masks, SIZE)
    assert counts["weights_removed"].sum() == 0
    assert counts["weights"].sel(layer="b.weight") == 4 * 2 * 9


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = conv(2, 2), conv(2, 2)

    def forward(self, x):
        return self.b(self.a(torch.tanh(self.a(x))))


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = conv(2, 3), conv(2, 3), conv(3, 2)

    def forward(self, x):
        dead = self.a(x)
        dead += self.b(x)
        return self.c(dead)


def test_what_a_step_in_place_changed_is_no_longer_dead():
    network = InPlace()
    masks = whole(network)
    masks["a.weight"][:] = False
    counts = removable_channels(network, masks, SIZE)
    assert counts["outputs_dead"].values.tolist() == [3, 0, 0]
    assert counts.attrs["outputs_removed"] == 0


def test_a_layer_used_twice_is_kept_whole():
    masks = whole(Shared())
    masks["a.weight"][0] = False
    assert removable_channels(Shared(), masks, SIZE)["weights_removed"].sum() == 0


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = conv(2, 2)

    def forward(self, x):
        return self.a(x) if x.sum() > 0 else x


def test_what_cannot_be_followed_is_one_sentence():
    with pytest.raises(LthkitError, match=r"^torch.fx cannot follow Branching \(.*\), so what could be cut out"):
        removable_channels(Branching(), {}, SIZE)
    with pytest.raises(LthkitError, match=r"^Chain does not take an input of shape \(3, 6, 6\)"):
        removable_channels(Chain(), {}, (3, 6, 6))
    with pytest.raises(LthkitError, match=r"the mask of 'a.weight' has shape"):
        removable_channels(Chain(), {"a.weight": np.ones((1, 2), bool)}, SIZE)
    with pytest.raises(LthkitError, match="the mask names 'nonsense'"):
        removable_channels(Chain(), {"nonsense": np.ones((1, 2), bool)}, SIZE)
