"""Networks by name and their random start."""

import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lthkit.errors import LthkitError
from lthkit.models import NAMES, ModelSpec, build, prunable
from lthkit.seeds import derive

HERE = __name__


def count(model: nn.Module, **options: bool) -> tuple[int, int]:
    shapes = prunable(model, **options).values()
    return len(shapes), sum(math.prod(shape) for shape in shapes)


def size(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def new(name: str, classes: int = 10, seed: int = 0, **settings: Any) -> nn.Module:
    return build(ModelSpec(name=name, **settings), classes, seed)


class Everywhere(nn.Module):
    """Its middle layer's size hangs on the number of classes; the head comes first in drawing order."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        head = nn.Linear(num_classes, num_classes)
        self.conv = nn.Conv2d(3, 4, 3)
        self.middle = nn.Linear(4, num_classes)
        self.norm = nn.BatchNorm2d(4)
        self.head = head


def perceptron(num_classes: int, hidden: int = 5) -> nn.Module:
    return nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))


def not_a_module(num_classes: int) -> str:
    return "network"


def failing(num_classes: int) -> nn.Module:
    raise KeyError("no such block")


def accepts_all(num_classes: int, **options: Any) -> nn.Module:
    return perceptron(num_classes, **options)


# --- counts ---------------------------------------------------------------------------------------------------


def test_resnet50_has_the_papers_52_tensors_and_weights() -> None:
    model = new("resnet50", 1000)
    assert count(model) == (52, 23_445_504)
    assert count(model, first=True) == (53, 23_445_504 + 64 * 3 * 49)
    kernels = {shape: math.prod(shape[:2]) for shape in prunable(model).values()}
    assert all(shape[2:] in {(1, 1), (3, 3)} for shape in kernels)
    by_size = [0, 0]
    for shape in prunable(model).values():
        by_size[shape[2] == 3] += math.prod(shape[:2])
    assert by_size == [12_128_256, 1_257_472]
    assert size(model) == 25_557_032


def test_resnet20_counts_by_hand() -> None:
    model = new("resnet20")
    stages = [6 * 16 * 16 * 9, 16 * 32 * 9 + 5 * 32 * 32 * 9 + 16 * 32, 32 * 64 * 9 + 5 * 64 * 64 * 9 + 32 * 64]
    assert count(model) == (20, sum(stages)) == (20, 269_824)
    assert count(model, first=True) == (21, 269_824 + 3 * 16 * 9)
    norms = 2 * (7 * 16 + 7 * 32 + 7 * 64)
    assert size(model) == 269_824 + 432 + norms + 64 * 10 + 10 == 272_474


def test_width_scales_all_stages() -> None:
    assert count(new("resnet8", options={"width": 2})) == (
        8,
        2 * (2 * 2 * 9) + (2 * 4 + 4 * 4) * 9 + 2 * 4 + (4 * 8 + 8 * 8) * 9 + 4 * 8,
    )


def test_small_stem_resnet18_is_the_known_11_2_million() -> None:
    large, small = new("resnet18", 1000), new("resnet18", small_stem=True)
    assert size(large) == 11_689_512
    assert size(small) == 11_689_512 - 64 * 3 * 49 + 64 * 3 * 9 - 513_000 + 5_130 == 11_173_962
    assert isinstance(small.get_submodule("maxpool"), nn.Identity)
    stem = small.get_submodule("conv1")
    assert isinstance(stem, nn.Conv2d)
    assert (stem.kernel_size, stem.stride, stem.padding, stem.bias) == ((3, 3), (1, 1), (1, 1), None)
    std = stem.weight.std().item()
    assert math.isclose(std, math.sqrt(2 / (64 * 9)), rel_tol=0.1)  # He's draw over the fan-out
    assert torch.equal(large.get_parameter("layer1.0.conv1.weight"), small.get_parameter("layer1.0.conv1.weight"))


@pytest.mark.parametrize("name", [*(name for name in NAMES if name.startswith("resnet")), "resnet110"])
def test_every_name_builds_and_counts_its_layers(name: str) -> None:
    if name in {"resnet101", "resnet152"}:
        with torch.device("meta"):
            import torchvision

            model = getattr(torchvision.models, name)(weights=None)
    else:
        model = new(name)
    main = [key for key in prunable(model) if "downsample" not in key]
    assert len(main) == int(name.removeprefix("resnet")) - 2


def test_cifar_resnet_maps_images_to_classes_at_8_and_32_pixels() -> None:
    model = new("resnet8", 7, options={"width": 2}).eval()
    for pixels in (8, 32):
        out = model(torch.zeros(2, 3, pixels, pixels))
        assert out.shape == (2, 7)
    last = model.get_submodule("layer3")(torch.zeros(1, 4, 16, 16))
    assert last.shape == (1, 8, 8, 8)


def test_cifar_resnet_starts_from_hes_normal_draw() -> None:
    weight = new("resnet8").get_parameter("layer3.0.conv2.weight")
    assert math.isclose(weight.std().item(), math.sqrt(2 / (64 * 9)), rel_tol=0.02)


# --- θ0 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet8", "resnet18", f"{HERE}:Everywhere"])
def test_body_is_the_same_for_every_number_of_classes(name: str) -> None:
    five, twelve = new(name, 5).state_dict(), new(name, 12).state_dict()
    heads = {key for key in five if key.startswith(("fc.", "head.", "middle."))}
    assert heads
    for key in five.keys() - heads:
        assert torch.equal(five[key], twelve[key]), key
    assert all(len(twelve[key]) == 12 for key in heads)


def test_body_and_head_come_from_their_own_streams() -> None:
    model = new(f"{HERE}:Everywhere", 4, seed=5)
    with torch.random.fork_rng():
        torch.manual_seed(derive(5, "body"))
        body = Everywhere(10)
        torch.manual_seed(derive(5, "head"))
        head = Everywhere(4)
    assert torch.equal(model.get_parameter("conv.weight"), body.conv.weight)
    assert torch.equal(model.get_parameter("head.weight"), head.head.weight)


def test_seed_decides_every_bit() -> None:
    one, same, other = new("resnet8", seed=3), new("resnet8", seed=3), new("resnet8", seed=4)
    for key, weight in one.named_parameters():
        assert torch.equal(weight, same.get_parameter(key))
        if "conv" in key or "fc" in key:
            assert not torch.equal(weight, other.get_parameter(key)), key


def test_start_does_not_hang_on_the_global_state_and_leaves_it_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one = new("resnet8").get_parameter("conv1.weight")
    assert torch.equal(torch.rand(3), expected)
    two = new("resnet8").get_parameter("conv1.weight")
    assert torch.equal(one, two)


def test_start_is_drawn_on_the_cpu_whatever_the_default_device() -> None:
    with torch.device("meta"):
        model = new("resnet8", options={"width": 1})
    assert torch.equal(
        model.get_parameter("fc.weight"), new("resnet8", options={"width": 1}).get_parameter("fc.weight")
    )


def test_models_do_not_share_memory() -> None:
    one, two = new("resnet8"), new("resnet8")
    with torch.no_grad():
        one.get_parameter("conv1.weight").zero_()
    assert two.get_parameter("conv1.weight").abs().sum() > 0


# --- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": "resnet5O"}, r"unknown model 'resnet5O'; near names: .*resnet50"),
        ({"name": "vgg17"}, r"unknown model 'vgg17'; near names: .*vgg16"),
        ({"name": "vgg11", "options": {"width": 1.5}}, r"'vgg11': option 'width' is 1.5; give a whole number"),
        ({"name": "vgg11", "small_stem": True}, r"'vgg11' has no large stem"),
        ({"name": "mlp"}, r"'mlp': option 'inputs' is missing; give channels × height × width"),
        ({"name": "mlp", "options": {"inputs": 4, "widths": 3}}, r"option 'widths' is 3; give a list"),
        ({"name": "mlp", "options": {"inputs": 4, "widths": [3, 0]}}, r"option 'widths' holds 0; give whole"),
        ({"name": "mlp", "options": {"inputs": "4"}}, r"option 'inputs' holds '4'; give whole numbers"),
        ({"name": "logistic", "options": {"inputs": 4, "widths": [3]}}, r"'logistic' has no option 'widths'"),
        ({"name": "resnet8", "heads": ("fd",)}, r"'resnet8' has no module 'fd' to be its head; near names: .*fc"),
        ({"name": "resnet8", "heads": ("fc", "")}, r"'resnet8' has no module '' to be its head"),
        ({"name": "resnet21"}, r"unknown model 'resnet21'; near names"),
        ({"name": "no_such_package.nets:net"}, r"importing 'no_such_package.nets' failed \(ModuleNotFoundError"),
        ({"name": ":net"}, r"importing '' failed"),
        ({"name": f"{HERE}:perceptro"}, r"has no 'perceptro'; near names: perceptron"),
        ({"name": f"{HERE}:HERE"}, r"'HERE' is not callable"),
        ({"name": f"{HERE}:not_a_module"}, r"gave a str; let it return a torch.nn.Module"),
        ({"name": f"{HERE}:failing"}, r"failed for num_classes=10 \(KeyError: 'no such block'\)"),
        ({"name": f"{HERE}:perceptron", "options": {"hiden": 3}}, r"perceptron' has no option 'hiden'"),
        ({"name": f"{HERE}:accepts_all", "options": {"hiden": 3}}, r"accepts_all' has no option 'hiden'"),
        ({"name": "resnet50", "options": {"depth": 3}}, r"'resnet50' has no option 'depth'"),
        ({"name": "resnet50", "options": {"weights": "DEFAULT"}}, r"no option 'weights'; use 'checkpoint'"),
        ({"name": "resnet20", "options": {"num_classes": 3}}, r"no option 'num_classes'; remove it"),
        ({"name": "resnet20", "options": {"width": 0}}, r"option 'width' is 0; give a whole number"),
        ({"name": "resnet20", "small_stem": True}, r"'resnet20' has no large stem"),
        ({"name": f"{HERE}:perceptron", "small_stem": True}, r"has no large stem"),
    ],
)
def test_bad_specs_get_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(LthkitError, match=sentence) as caught:
        build(ModelSpec(**settings), 4, 0)
    assert "\n" not in str(caught.value)


def test_number_of_classes_must_be_a_number() -> None:
    with pytest.raises(LthkitError, match="num_classes is 0"):
        new("resnet20", 0)


def test_users_broken_module_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_broken_nets.py").write_text("def net(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LthkitError, match=r"importing 'my_broken_nets' failed \(SyntaxError"):
        new("my_broken_nets:net")
    assert "my_broken_nets" not in sys.modules
