"""VGGs, fully connected networks and transformers: counts by hand, heads by name, and searches through them."""

import math
from typing import Any

import pytest
import torch
import torchvision
from test_models import count, new, size
from test_models_checkpoint import load, saved
from tiny import tiny_config
from torch import nn

from lthkit import find_ticket
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec, build, head_names, prunable, prunable_of, try_out

VIT: dict[str, Any] = {
    "name": "torchvision.models:VisionTransformer",
    "options": {"image_size": 8, "patch_size": 4, "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 12},
}


class TwoHeads(nn.Module):
    """As timm's distilled transformers: two heads, neither of them last."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, num_classes)
        self.head_dist = nn.Sequential(nn.Linear(4, num_classes))
        self.neck = nn.Linear(4, 4)


class Noise(nn.Module):
    """Draws in evaluation mode too."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


def passes_whatever(num_classes: int) -> nn.Module:
    return nn.Identity()


# --- VGG ------------------------------------------------------------------------------------------------------


def test_vgg19_has_16_convolutions_and_mehtas_counts() -> None:
    model = new("vgg19")
    stages = [
        (3 * 64 + 64 * 64) * 9,
        (64 * 128 + 128 * 128) * 9,
        (128 * 256 + 3 * 256 * 256) * 9,
        (256 * 512 + 3 * 512 * 512) * 9,
        (4 * 512 * 512) * 9,
    ]
    assert count(model, first=True) == (16, sum(stages)) == (16, 20_018_880)  # the paper's 20.02 M
    assert count(model) == (15, 20_018_880 - 3 * 64 * 9) == (15, 20_017_152)
    channels = 2 * 64 + 2 * 128 + 4 * 256 + 8 * 512
    weights = {name: weight for name, weight in model.named_parameters() if name.endswith("weight")}
    assert sum(map(torch.numel, weights.values())) == 20_018_880 + channels + 5_120 == 20_029_504  # its 20.03 M
    assert size(model) == 20_029_504 + 2 * channels + 10 == 20_040_522
    assert next(iter(prunable(model))) == "features.3.weight"
    assert head_names(model) == ("classifier",)
    assert count(model, first=True, head=True) == (17, 20_018_880 + 5_120)


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_vggs_have_torchvisions_names_and_shapes(depth: int) -> None:
    with torch.device("meta"):
        theirs = getattr(torchvision.models, f"vgg{depth}_bn")().features.state_dict()
    ours = new(f"vgg{depth}").get_submodule("features").state_dict()
    assert {name: t.shape for name, t in ours.items()} == {name: t.shape for name, t in theirs.items()}
    assert len(prunable(new(f"vgg{depth}", options={"width": 1}), first=True)) == depth - 3


def test_vgg_halves_four_times_and_pools_the_rest() -> None:
    model = new("vgg11", 7, options={"width": 2}).eval()
    features = model.get_submodule("features")
    for pixels in (16, 32, 45):
        assert features(torch.zeros(1, 3, pixels, pixels)).shape == (1, 16, pixels // 16, pixels // 16)
        assert model(torch.zeros(2, 3, pixels, pixels)).shape == (2, 7)
    with pytest.raises(LthkitError, match=r"8×20 pixels are too few; set data.size to 16"):
        model(torch.zeros(1, 3, 8, 20))


def test_vgg_starts_from_hes_normal_draw() -> None:
    conv = new("vgg11", options={"width": 16}).get_submodule("features.18")
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    assert math.isclose(conv.weight.std().item(), math.sqrt(2 / (128 * 9)), rel_tol=0.02)
    assert not conv.bias.any()


def test_torchvisions_vgg_checkpoint_gives_the_body(tmp_path: Any) -> None:
    state = new("vgg11", 5, seed=3, options={"width": 2}).state_dict()
    theirs = {name: tensor for name, tensor in state.items() if name.startswith("features.")}
    theirs |= {"classifier.0.weight": torch.ones(9, 9), "classifier.6.bias": torch.ones(5)}
    _, report = load(saved(tmp_path, theirs), classes=5, name="vgg11", options={"width": 2})
    assert report.new == ("classifier.weight", "classifier.bias")
    assert report.unused == ("classifier.0.weight", "classifier.6.bias")


# --- fully connected ------------------------------------------------------------------------------------------


def test_784_300_100_10_has_266200_weights() -> None:
    spec = ModelSpec(name="mlp", options={"inputs": 784, "widths": [300, 100]}, prune_linear=True)
    model = build(spec, 10, 0)
    hidden = {"hidden.0.weight": (300, 784), "hidden.2.weight": (100, 300)}
    assert prunable_of(model, spec) == hidden
    assert count(model, linear=True) == (2, 784 * 300 + 300 * 100) == (2, 235_200 + 30_000)
    whole = spec.model_copy(update={"prune_head": True})
    assert prunable_of(model, whole) == hidden | {"classifier.weight": (10, 100)}
    assert count(model, linear=True, head=True) == (3, 266_200)
    assert size(model) == 266_200 + 300 + 100 + 10
    with pytest.raises(LthkitError, match=r"nothing to prune in Mlp.*prune_linear or prune_head"):
        prunable(model, first=True)


def test_logistic_regression_is_its_head() -> None:
    model = new("logistic", 10, options={"inputs": 1024})
    assert [name for name, _ in model.named_parameters()] == ["classifier.weight", "classifier.bias"]
    assert count(model, head=True) == (1, 10_240)  # Mehta 2019, Table 1
    images = torch.randn(3, 1, 32, 32)
    weight, bias = model.get_parameter("classifier.weight"), model.get_parameter("classifier.bias")
    assert torch.allclose(model(images), images.reshape(3, 1024) @ weight.T + bias, atol=1e-5)


def test_mlp_alternates_linear_and_relu_on_flattened_images() -> None:
    model = new("mlp", 4, options={"inputs": 12, "widths": [5]})
    images = torch.randn(2, 3, 2, 2)
    w, v = model.get_parameter("hidden.0.weight"), model.get_parameter("classifier.weight")
    expected = (images.reshape(2, 12) @ w.T).clamp(min=0) @ v.T
    assert torch.allclose(model(images), expected, atol=1e-6)
    assert torch.allclose(model(images.to(memory_format=torch.channels_last)), expected, atol=1e-6)
    with pytest.raises(LthkitError, match=r"'inputs' is 12, but the images have 3×8×8 = 192 values"):
        model(torch.zeros(2, 3, 8, 8))


def test_mlp_starts_from_glorots_normal_draw() -> None:
    model = new("mlp", options={"inputs": 784, "widths": [300, 100]})
    std = model.get_parameter("hidden.0.weight").std().item()
    assert math.isclose(std, math.sqrt(2 / (784 + 300)), rel_tol=0.02)
    assert not model.get_parameter("hidden.2.bias").any()


# --- heads ----------------------------------------------------------------------------------------------------


def test_the_user_names_the_heads_of_any_factory() -> None:
    name = f"{__name__}:TwoHeads"
    assert head_names(new(name)) == ("neck",)  # the rule: the last linear layer
    model = new(name, 3, heads=("head", "head_dist"))
    assert head_names(model) == ("head", "head_dist")
    assert prunable(model, linear=True) == {"neck.weight": (4, 4)}
    assert prunable(model, head=True) == {"head.weight": (3, 4), "head_dist.0.weight": (3, 4)}
    five = new(name, 5, heads=("head", "head_dist"))
    assert torch.equal(model.get_parameter("neck.weight"), five.get_parameter("neck.weight"))
    assert head_names(new("resnet8", heads=())) == ()


def test_named_heads_may_be_missing_from_a_checkpoint(tmp_path: Any) -> None:
    name, heads = f"{__name__}:TwoHeads", ("head", "head_dist")
    state = {key: t for key, t in new(name, 5).state_dict().items() if "head" not in key}
    _, report = load(saved(tmp_path, state), classes=3, name=name, heads=heads, options={})
    assert set(report.matched) == state.keys()
    assert {key.split(".")[0] for key in report.new} == set(heads)


def test_head_alone_can_be_pruned_in_a_transformer() -> None:
    assert prunable(new(VIT["name"], 5, options=VIT["options"]), head=True) == {"heads.head.weight": (5, 8)}


# --- tried out, and searched ----------------------------------------------------------------------------------


def test_trying_out_leaves_network_and_random_state_alone() -> None:
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), Noise(), nn.Linear(4, 2))
    model[1].eval()
    image = torch.rand(1, 1, 2, 2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    try_out(model, "mine", image, 2)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert [module.training for module in model] == [True, False, True, True]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ({"name": "mlp", "options": {"inputs": 64}, "prune_head": True}, r"'mlp': option 'inputs' is 64.*3×8×8 = 192"),
        ({"name": "vgg11", "options": {"width": 1}}, r"'vgg11': a VGG halves images four times"),
        ({**VIT, "options": {**VIT["options"], "image_size": 16}}, r"fails on an image of 3×8×8 \(Assert.*options"),
        ({"name": f"{__name__}:passes_whatever", "prune_head": True}, r"gives shape \(1, 3, 8, 8\) .*\(1, 10\)"),
    ],
)
def test_a_network_that_does_not_fit_the_images_is_refused_before_training(
    model: dict[str, Any], sentence: str, tmp_path: Any
) -> None:
    with pytest.raises(LthkitError, match=sentence) as caught:
        find_ticket(tiny_config(model=model), tmp_path / "x.zarr")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ({"name": "mlp", "options": {"inputs": 64, "widths": [6]}, "prune_linear": True}, {"channels": 1}),
        ({"name": "logistic", "options": {"inputs": 64}, "prune_head": True}, {"channels": 1}),
        ({"name": "vgg11", "options": {"width": 1}, "prune_first": True}, {"size": 16}),
        ({**VIT, "prune_linear": True, "heads": ["heads"]}, {}),
    ],
)
def test_every_kind_of_network_is_searched(model: dict[str, Any], data: dict[str, Any], tmp_path: Any) -> None:
    config = tiny_config(model=model, data={"name": "digits", "count": 40, "validation": 0.25, **data}, plan__epochs=1)
    store = find_ticket(config, tmp_path / "x.zarr")
    assert (store.rounds, store.scored) == (2, 3)
    total = sum(math.prod(shape) for shape in store.parameters.values())
    assert sum(store.counts.values()) == math.floor(total * 0.64 + 0.5)


@pytest.mark.parametrize(("name", "expansion"), [("resnet18", 1), ("resnet50", 4)])
def test_torchvisions_resnets_come_in_any_width(name: str, expansion: int) -> None:
    usual, narrow = (build(ModelSpec(name=name, options=options), 5, 0) for options in ({}, {"width": 16}))
    own = {key: tuple(tensor.shape) for key, tensor in narrow.state_dict().items()}
    for key, tensor in usual.state_dict().items():
        shape = tuple(tensor.shape)
        # every number of channels is a quarter, but the image's and the classes'
        quarter = [number if number in (3, 5) else number // 4 for number in shape[:2]]
        assert own[key] == (*quarter, *shape[2:]), key
    assert narrow(torch.zeros(2, 3, 64, 64)).shape == (2, 5)
    assert narrow.fc.in_features == 128 * expansion
    strides = [module.stride for module in usual.modules() if isinstance(module, nn.Conv2d)]
    assert strides == [module.stride for module in narrow.modules() if isinstance(module, nn.Conv2d)]


def test_the_usual_width_is_torchvisions_own_draw() -> None:
    usual, said = (build(ModelSpec(name="resnet18", options=options), 5, 3) for options in ({}, {"width": 64}))
    assert all(torch.equal(tensor, said.state_dict()[key]) for key, tensor in usual.state_dict().items())


@pytest.mark.parametrize("width", [0, -3, 1.5, "wide"])
def test_a_width_that_is_none_is_refused(width: Any) -> None:
    with pytest.raises(LthkitError, match="model 'resnet18': option 'width' is"):
        build(ModelSpec(name="resnet18", options={"width": width}), 5, 0)
