"""Vision transformers, ConvNeXt, MobileNet and timm's names: built, pruned, searched, cut and looked at."""

import sys

import pytest
import torch
import torchvision
from test_cutting import far, thinned
from tiny import tiny_config
from torch import nn

import lthkit
from lthkit import analysis
from lthkit.analysis import removable_channels
from lthkit.cutting import cut_network
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec, build, head_names, load_checkpoint, prunable
from lthkit.plots.ticks import short
from lthkit.progress import Silent
from lthkit.search import find_ticket

VIT = {"image_size": 8, "patch_size": 2, "num_layers": 2, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}


def vit(classes=5, seed=0, **options):
    return build(ModelSpec(name="vit", options=VIT | options), classes, seed=seed)


@pytest.mark.parametrize(
    ("name", "options", "size", "head"),
    [
        ("vit", {"image_size": 16}, 16, "heads.head"),
        ("convnext_tiny", {}, 32, "classifier.2"),
        ("mobilenet_v3_small", {}, 32, "classifier.3"),
        ("timm:vit_tiny_patch16_224", {"img_size": 32}, 32, "head"),
        ("timm:resnet10t", {}, 32, "fc"),
        pytest.param("vit_b_16", {"image_size": 32}, 32, "heads.head", marks=pytest.mark.slow),
        pytest.param("mobilenet_v3_large", {}, 32, "classifier.3", marks=pytest.mark.slow),
    ],
)
def test_each_is_built_and_only_its_head_knows_the_classes(name, options, size, head):
    spec = ModelSpec(name=name, options=options)
    network, other = (build(spec, classes, seed=1).eval() for classes in (5, 7))
    assert head_names(network) == (head,)
    assert network(torch.zeros(2, 3, size, size)).shape == (2, 5)
    one, two = network.state_dict(), other.state_dict()
    assert {key for key in one if not torch.equal(one[key], two[key])} <= {f"{head}.weight", f"{head}.bias"}
    names = prunable(network, linear=True)
    linears = {key for key, module in network.named_modules() if type(module) is nn.Linear}
    assert names.keys() >= {f"{key}.weight" for key in linears - {head}}
    assert not any(key.startswith(f"{head}.") for key in names)


def test_projections_of_attention_are_prunable():
    names = prunable(vit(), linear=True)
    block = "encoder.layers.encoder_layer_1"
    assert names[f"{block}.self_attention.in_proj_weight"] == (48, 16)
    assert names[f"{block}.self_attention.out_proj.weight"] == (16, 16)
    assert names[f"{block}.mlp.0.weight"] == (32, 16)
    assert "conv_proj.weight" not in names
    assert "conv_proj.weight" in prunable(vit(), linear=True, first=True)


def test_a_published_checkpoint_fits(tmp_path):
    published = torchvision.models.convnext_tiny(num_classes=9)
    torch.save(published.state_dict(), tmp_path / "a.pth")
    spec = ModelSpec(name="convnext_tiny", checkpoint=str(tmp_path / "a.pth"), head="new")
    network = build(spec, 5, seed=0)
    report = load_checkpoint(network, spec)
    assert report.new == ("classifier.2.weight", "classifier.2.bias")
    assert torch.equal(network.features[1][0].block[0].weight, published.features[1][0].block[0].weight)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("vit", VIT | {"patch_size": 3}, "image_size 8 is no multiple of patch_size 3"),
        ("vit", VIT | {"num_heads": 3}, "hidden_dim 16 is no multiple of num_heads 3"),
        ("vit_b_16", {"weights": "DEFAULT"}, "takes no option 'weights'"),
        ("timm:vit_nonsense", {}, "timm has no 'vit_nonsense'; near names:"),
        ("convnext", {}, "unknown model 'convnext'; near names: convnext_tiny"),
    ],
)
def test_what_there_is_not(name, options, said):
    with pytest.raises(LthkitError, match=said):
        build(ModelSpec(name=name, options=options), 5, seed=0)


def test_without_timm_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(LthkitError, match=r"pip install 'lthkit\[timm\]'"):
        build(ModelSpec(name="timm:vit_tiny_patch16_224"), 5, seed=0)


# --- from pre-training to ticket ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ticket(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vit")
    model = {"name": "vit", "options": VIT, "prune_linear": True}
    pretrained = find_ticket(tiny_config(model=model, pruning__rounds=0), folder / "p.zarr", progress=Silent())
    checkpoint = str(lthkit.trained_file(pretrained, 0, "last"))
    config = tiny_config(model=model | {"checkpoint": checkpoint}, pruning__rate=0.7, pruning__rounds=2)
    return find_ticket(config, folder / "a.zarr", progress=Silent())


def test_a_ticket_of_a_vit_is_stored_and_looked_at(ticket):
    assert len(ticket.parameters) == 2 * 4
    kept = analysis.layer_density(ticket)
    assert kept.sizes["layer"] == 8
    zeros = analysis.zero_kernels(ticket)
    assert set(zeros["kind"].values.tolist()) == {"1×1"}
    for view in ("kernels", "zero", "density"):
        assert lthkit.explore(ticket, view=view, scope=next(iter(ticket.parameters))).figure().data
    assert "each is a single weight here" in lthkit.explore(ticket, view="zero").figure().layout.title.subtitle.text
    pair = lthkit.overlap(ticket, ticket)
    assert pair.sizes["layer"] == 8


def test_long_names_of_layers_leave_room_for_the_figure(ticket):
    said = short(list(ticket.parameters))
    assert said[:3] == ["0…in_proj_weight", "0.self_attention.out_proj", "0.mlp.0"]
    assert len(set(said)) == len(said)
    assert short(["layer1.0.conv1.weight", "layer1.1.conv1.weight"]) == ["layer1.0.conv1", "layer1.1.conv1"]


def test_what_is_not_known_to_work_by_channel_keeps_its_channels(ticket):
    """Attention mixes channels in ways that nothing follows, so nothing is cut out of a ViT."""
    network = vit()
    masks = {name: torch.from_numpy(mask) for name, mask in ticket.masks(2).items()}
    counted = removable_channels(network, masks, (3, 8, 8))
    assert counted.attrs["outputs_removed"] == 0
    assert "2 MultiheadAttention" in counted.attrs["kept_whole"]
    small = cut_network(network, masks, (3, 8, 8))
    assert small.meta["lthkit"]["channels_cut"] == 0


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        ("vit", VIT, 8),
        ("mobilenet_v3_small", {}, 32),
        ("convnext_tiny", {}, 32),
        pytest.param("mobilenet_v3_large", {}, 32, marks=pytest.mark.slow),
        pytest.param("vit_b_16", {"image_size": 32}, 32, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(("sparsity", "filters"), [(0.5, True), (0.9, True), (0.98, False)])
def test_what_is_cut_out_of_them_is_the_same_function(name, options, size, sparsity, filters):
    """Depthwise convolutions, squeeze and excitation, hard swish; layer norm and attention keep their channels."""
    dice = torch.Generator().manual_seed(1)
    network = build(ModelSpec(name=name, options=options), 5, seed=0).eval()
    far(network, dice)
    masks = thinned(network, sparsity, filters, dice)
    small = cut_network(network, masks, (3, size, size))
    facts = small.meta["lthkit"]
    assert facts["channels_cut"] == removable_channels(network, masks, (3, size, size)).attrs["outputs_removed"]
    assert facts["largest_difference"] <= 1e-5
    assert (facts["channels_cut"] > 0) == name.startswith("mobilenet")
    assert ("LayerNorm" in facts["kept_whole"]) == (not name.startswith("mobilenet"))
