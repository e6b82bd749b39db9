"""Which weights are prunable: by the type of the module, never by its name."""

from typing import Any

import pytest
import torch
from test_models import new
from torch import nn

from lthkit.errors import LthkitError
from lthkit.models import first_convolution, head_names, prunable

HERE = __name__


class Misnamed(nn.Module):
    """A convolution called bn, a BatchNorm called conv, a convolution called fc."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.bn = nn.Conv2d(4, 5, 3)
        self.conv = nn.BatchNorm2d(5)
        self.fc = nn.Conv2d(5, 6, 1)
        self.trunk = nn.Linear(6, 7)
        self.classifier = nn.Linear(7, num_classes)


class Tied(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv1d(1, 3, 3)
        self.one = nn.Conv1d(3, 3, 3)
        self.two = nn.Conv1d(3, 3, 3)
        self.two.weight = self.one.weight
        self.again = self.one
        self.three = nn.ConvTranspose1d(3, 2, 5)


class ConvHead(nn.Module):
    head_names = ("out",)

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.body = nn.Conv2d(4, 4, 3)
        self.embed = nn.Linear(4, 4)
        self.out = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, num_classes, 1))


def perceptron(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, num_classes))


def test_type_decides_not_the_name() -> None:
    model = new(f"{HERE}:Misnamed", 3)
    assert prunable(model) == {"bn.weight": (5, 4, 3, 3), "fc.weight": (6, 5, 1, 1)}
    assert list(prunable(model, first=True, linear=True)) == [
        "stem.weight",
        "bn.weight",
        "fc.weight",
        "trunk.weight",
    ]
    assert head_names(model) == ("classifier",)


def test_shared_weight_counts_once_under_its_first_name() -> None:
    model = new(f"{HERE}:Tied")
    assert prunable(model) == {"one.weight": (3, 3, 3), "three.weight": (3, 2, 5)}


def test_weight_shared_with_the_first_convolution_is_spared_too() -> None:
    convs = [nn.Conv2d(3, 3, 1) for _ in range(3)]
    convs[1].weight = convs[0].weight
    assert list(prunable(nn.Sequential(*convs))) == ["2.weight"]


def test_network_without_convolutions_spares_only_its_head() -> None:
    model = new(f"{HERE}:perceptron", 3)
    assert prunable(model, linear=True) == {"0.weight": (5, 4)}
    with pytest.raises(LthkitError, match=r"nothing to prune in Sequential.*prune_linear"):
        prunable(model)


def test_model_names_its_own_head() -> None:
    model = new(f"{HERE}:ConvHead")
    assert head_names(model) == ("out",)
    assert list(prunable(model, linear=True)) == ["body.weight", "embed.weight"]
    model.__dict__["head_names"] = ()
    assert len(prunable(model, linear=True)) == 4


@pytest.mark.parametrize("listed", [("nose",), "out"])
def test_wrong_head_names_are_refused(listed: Any) -> None:
    model = new(f"{HERE}:ConvHead")
    model.__dict__["head_names"] = listed
    with pytest.raises(LthkitError, match=r"head_names of ConvHead is .* tuple of names"):
        prunable(model)


def test_names_are_those_of_the_plain_model() -> None:
    model = new("resnet8", options={"width": 1})
    names = prunable(model)
    wrapped: list[Any] = [torch.compile(model), nn.DataParallel(model), torch.compile(nn.DataParallel(model))]
    for wrapper in wrapped:
        assert list(prunable(wrapper).items()) == list(names.items())
        assert head_names(wrapper) == ("fc",)
    for child in ("layer1", "fc"):
        setattr(model, child, torch.compile(model.get_submodule(child)))
    assert list(prunable(model).items()) == list(names.items())
    assert (head_names(model), first_convolution(model)) == (("fc",), "conv1")


def test_a_users_child_called_module_keeps_its_name() -> None:
    outer = nn.Module()
    outer.module = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1))
    assert list(prunable(outer)) == ["module.1.weight"]


def test_vision_transformer_prunes_linear_layers_and_attention_but_not_its_head() -> None:
    options = {"image_size": 32, "patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 12}
    model = new("torchvision.models:VisionTransformer", 5, options=options)
    assert head_names(model) == ("heads.head",)
    layer = {
        "self_attention.in_proj_weight": (24, 8),
        "self_attention.out_proj.weight": (8, 8),
        "mlp.0.weight": (12, 8),
        "mlp.3.weight": (8, 12),
    }
    blocks = [f"encoder.layers.encoder_layer_{index}" for index in (0, 1)]
    assert prunable(model, linear=True) == {f"{b}.{key}": shape for b in blocks for key, shape in layer.items()}
    assert next(iter(prunable(model, first=True))) == "conv_proj.weight"
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 5)


def test_attention_with_separate_projections_lists_each() -> None:
    attention = nn.MultiheadAttention(4, 2, kdim=3, vdim=5)
    assert prunable(attention, linear=True) == {
        "q_proj_weight": (4, 4),
        "k_proj_weight": (4, 3),
        "v_proj_weight": (4, 5),
        "out_proj.weight": (4, 4),
    }


def test_parametrized_and_lazy_weights_are_refused() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1))
    nn.utils.parametrizations.weight_norm(model[1])
    with pytest.raises(LthkitError, match=r"'1\.weight' is not a plain parameter"):
        prunable(model)
    with pytest.raises(LthkitError, match=r"'1\.weight' has no shape yet"):
        prunable(nn.Sequential(nn.Conv2d(1, 1, 1), nn.LazyConv2d(1, 1)))
