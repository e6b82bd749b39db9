"""The published self-supervised checkpoints, rebuilt in exactly their layouts with random weights."""

import shutil

import pytest
import torch
import torchvision
from tiny import DIGITS, tiny_config
from torch import nn
from torch.nn.functional import normalize, relu

from lthkit import models
from lthkit.catalog import load_catalog
from lthkit.data import load
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec, build, load_checkpoint
from lthkit.models.layouts import in_torchvision_names
from lthkit.search import evaluate, find_ticket, kept_state, make_task
from lthkit.store import trained_file
from lthkit.transfer import transfer_many

DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def convolution(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def norm(channels, active=True):
    return nn.Sequential(nn.BatchNorm2d(channels, eps=1e-5), nn.ReLU() if active else nn.Identity())


class Shortcut(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.shortcut, self.bn = convolution(inputs, outputs, 1, stride), norm(outputs, active=False)

    def forward(self, images):
        return self.bn(self.shortcut(images))


class Block(nn.Module):
    def __init__(self, inputs, width, stride, first):
        super().__init__()
        self.projection = Shortcut(inputs, 4 * width, stride) if first else nn.Identity()
        steps = convolution(inputs, width, 1), norm(width), convolution(width, width, 3, stride), norm(width)
        self.net = nn.Sequential(*steps, convolution(width, 4 * width, 1), norm(4 * width, active=False))

    def forward(self, images):
        return relu(self.projection(images) + self.net(images))


class Stage(nn.Module):
    def __init__(self, count, inputs, width, stride):
        super().__init__()
        later = [Block(4 * width, width, 1, first=False) for _ in range(count - 1)]
        self.blocks = nn.ModuleList([Block(inputs, width, stride, first=True), *later])

    def forward(self, images):
        for block in self.blocks:
            images = block(images)
        return images


class SimclrV2(nn.Module):
    """The network of a simCLR v2 conversion: width 1, no selective kernels."""

    def __init__(self, depth, width=1):
        super().__init__()
        base = 64 * width
        stages = [nn.Sequential(convolution(3, base, 7, 2), norm(base), nn.MaxPool2d(3, 2, 1))]
        inputs = base
        for number, count in enumerate(DEPTHS[depth]):
            stages.append(Stage(count, inputs, base * 2**number, 1 if number == 0 else 2))
            inputs = 4 * base * 2**number
        self.net, self.fc = nn.Sequential(*stages), nn.Linear(inputs, 1000)

    def forward(self, images):
        return self.net(images).mean((2, 3))


def head(width):
    """The contrastive head that lies beside it."""
    layers = nn.ModuleList()
    for outputs in (width, width, 128):
        layers.extend([nn.Linear(width, outputs, bias=False), nn.BatchNorm1d(outputs)])
    return nn.ModuleDict({"layers": layers})


def random_statistics(module):
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.1)
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 1.5)
    return module.eval()


def test_a_simclr_v2_conversion_computes_the_same_in_torchvisions_network(tmp_path):
    torch.manual_seed(0)
    theirs = random_statistics(SimclrV2(50))
    torch.save({"resnet": theirs.state_dict(), "head": head(2048).state_dict()}, tmp_path / "r50_1x_sk0.pth")
    spec = ModelSpec(name="resnet50", checkpoint=str(tmp_path / "r50_1x_sk0.pth"), head="new")
    ours = build(spec, 10, 0)
    report = load_checkpoint(ours, spec)
    assert report.prefix == "resnet."
    assert len(report.matched) == 318
    assert all(name.startswith(("head.", "resnet.fc.")) for name in report.unused)
    ours.eval().fc = nn.Identity()
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("depth", DEPTHS)
def test_all_depths_of_the_family_have_torchvisions_names_and_shapes(depth):
    with torch.device("meta"):
        theirs, ours = SimclrV2(depth).state_dict(), torchvision.models.get_model(f"resnet{depth}").state_dict()
    renamed = in_torchvision_names({f"resnet.{name}": tensor for name, tensor in theirs.items()}, "it")
    assert {name.removeprefix("resnet."): each.shape for name, each in renamed.items()} == {
        name: tensor.shape for name, tensor in ours.items()
    }


def test_names_of_other_networks_stay_as_they_are():
    names = {"net.0.weight": 1, "state_dict.module.encoder_q.conv1.weight": 2, "net.1.blocks.0.net.1.0.weight": 3}
    assert in_torchvision_names(names, "it") == names


def test_selective_kernels_and_other_widths_are_refused_by_name(tmp_path):
    with torch.device("meta"):
        state = SimclrV2(50).state_dict()
    selective = {**state, "net.1.blocks.0.net.2.main_conv.0.weight": state["net.1.blocks.0.net.2.weight"]}
    with pytest.raises(LthkitError, match=r"'r50_1x_sk1' is a simCLR v2 network with selective kernels"):
        in_torchvision_names(selective, "r50_1x_sk1")
    wide = {f"resnet.{name}": torch.zeros(each.shape) for name, each in SimclrV2(50, width=2).state_dict().items()}
    torch.save(wide, tmp_path / "wide.pth")
    spec = ModelSpec(name="resnet50", checkpoint=str(tmp_path / "wide.pth"))
    with pytest.raises(LthkitError, match=r"does not fit the model: .* instead of .*; name the model"):
        load_checkpoint(build(spec, 10, 0), spec)


# MoCo v2 as published


def published_moco(seed=0, size=64, name="resnet18", width=512):
    """The content of a published file, and both encoders."""
    torch.manual_seed(seed)
    encoders = {}
    for which in ("encoder_q", "encoder_k"):
        network = random_statistics(torchvision.models.get_model(name))
        network.fc = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 128))
        encoders[which] = network.state_dict()
    state = {f"module.{which}.{key}": each for which, own in encoders.items() for key, each in own.items()}
    state["module.queue"] = normalize(torch.randn(128, size), dim=0)
    state["module.queue_ptr"] = torch.tensor([32])
    content = {"epoch": 800, "arch": name, "state_dict": state, "optimizer": {"state": {}, "param_groups": []}}
    return content, encoders


@pytest.fixture(scope="module")
def moco_file(tmp_path_factory):
    content, encoders = published_moco()
    path = tmp_path_factory.mktemp("moco") / "moco_v2_800ep_pretrain.pth.tar"
    torch.save(content, path)
    return path, encoders, content["state_dict"]


def test_a_classification_starts_from_mocos_query_encoder(moco_file):
    path, encoders, _ = moco_file
    spec = ModelSpec(name="resnet18", checkpoint=str(path))
    model = build(spec, 5, 0)
    report = load_checkpoint(model, spec)
    assert report.prefix == "state_dict.module.encoder_q."
    for name, tensor in model.state_dict().items():
        if not name.startswith("fc."):
            assert torch.equal(tensor, encoders["encoder_q"][name]), name
    assert report.new == ("fc.weight", "fc.bias")


def moco_task(path, queue, **changes):
    options = {"queue": queue, "flip": 0.0, "blur": 0.0}
    settings = {"task": {"name": "moco", "options": options}, "model": {"name": "resnet18", "checkpoint": str(path)}}
    return make_task(tiny_config(DIGITS, **settings, **changes), load_catalog())


def test_a_moco_search_goes_on_from_both_encoders_heads_and_queue(moco_file):
    path, encoders, state = moco_file
    task = moco_task(path, 64)
    for which, own in encoders.items():
        kept = getattr(task.encoders, which).state_dict()
        assert all(torch.equal(kept[name], tensor) for name, tensor in own.items())
    assert torch.equal(task.encoders.queue, state["module.queue"].T)
    assert int(task.encoders.queued) % 64 == 32  # the oldest is replaced next
    assert int(task.encoders.queued) >= 64
    assert task.start.endswith("key encoder from it, too, and 64 keys of its queue")


def test_a_queue_of_another_size_begins_empty(moco_file):
    task = moco_task(moco_file[0], 96)
    assert int(task.encoders.queued) == 0
    assert task.start.endswith("; the queue begins empty")


def test_mocos_own_search_is_gone_on_from_with_its_queue(tmp_path):
    options = {"queue": 64, "flip": 0.0, "blur": 0.0}
    first = find_ticket(
        tiny_config(DIGITS, task={"name": "moco", "options": options}, pruning__rounds=0), tmp_path / "first.zarr"
    )
    checkpoint = str(trained_file(first, 0, "last"))
    model = {**DIGITS["model"], "checkpoint": checkpoint}
    task = make_task(tiny_config(DIGITS, task={"name": "moco", "options": options}, model=model), load_catalog())
    kept = kept_state(first, 0, "last").state
    assert all(torch.equal(tensor, kept[name]) for name, tensor in task.modules.state_dict().items())


@pytest.mark.parametrize("name", ["resnet34", "vgg19", "resnet20"])
def test_a_checkpoint_of_another_family_is_refused_in_one_sentence(moco_file, name):
    spec = ModelSpec(name=name, checkpoint=str(moco_file[0]))
    with pytest.raises(
        LthkitError, match=r"checkpoint '.*moco_v2_800ep_pretrain.pth.tar' (does not fit|holds no)"
    ) as said:
        load_checkpoint(build(spec, 5, 0), spec)
    assert "\n" not in str(said.value)


# normalisation


CATALOG = """
datasets: {}
checkpoints:
  plain: {type: file, root: ., file: it.pt, licence: unknown, get: make it, normalisation: none}
  scaled:
    type: file
    root: .
    file: it.pt
    licence: unknown
    get: make it
    normalisation: {mean: [0.5, 0.25, 0.125], std: [0.5, 0.25, 2.0]}
  silent: {type: file, root: ., file: it.pt, licence: unknown, get: make it}
"""


@pytest.fixture
def catalog(tmp_path):
    torch.save(models.build(ModelSpec(**DIGITS["model"]), 10, 3).state_dict(), tmp_path / "it.pt")
    (tmp_path / "data_catalog.yaml").write_text(CATALOG)
    return load_catalog(tmp_path / "data_catalog.yaml")


def start_from(checkpoint, **changes):
    model = {**DIGITS["model"], "checkpoint": checkpoint}
    return tiny_config(DIGITS, **({"model": model, "data__pad": 0, "pruning__rounds": 1} | changes))


def first_images(config, catalog):
    return next(iter(make_task(config, catalog).batches(0, 0, 0)))[0]


def in_0_1(catalog):
    return first_images(start_from(None, data__normalise=False), catalog)


def expected(which, catalog):
    images = in_0_1(catalog)
    own = load(start_from(None).data, catalog, torch.device("cpu")).normalisation
    mean, std = {
        "none": ((0.0,) * 3, (1.0,) * 3),
        "scaled": ((0.5, 0.25, 0.125), (0.5, 0.25, 2.0)),
        "data": (own.mean, own.std),
    }[which]
    return (images - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("checkpoint", "which"), [("plain", "none"), ("scaled", "scaled"), ("silent", "data"), (None, "data")]
)
def test_a_checkpoints_normalisation_wins_over_the_data_sets(catalog, checkpoint, which):
    torch.testing.assert_close(
        first_images(start_from(checkpoint), catalog), expected(which, catalog), atol=1e-5, rtol=0
    )


def test_a_path_has_the_data_sets_normalisation(catalog, tmp_path):
    config = start_from(str(tmp_path / "it.pt"))
    torch.testing.assert_close(first_images(config, catalog), expected("data", catalog), atol=1e-5, rtol=0)


def test_images_asked_for_in_0_1_stay_so(catalog):
    config = start_from("scaled", data__normalise=False)
    torch.testing.assert_close(first_images(config, catalog), in_0_1(catalog))


def test_all_trainings_from_its_search_are_normalised_alike(catalog, tmp_path):
    source = find_ticket(start_from("scaled"), tmp_path / "source.zarr", catalog=catalog)
    assert source.provenance["normalisation"] == {"mean": [0.5, 0.25, 0.125], "std": [0.5, 0.25, 2.0]}
    transfers = {}
    for kind in ("pretrained", "source", "random"):
        moved = {"mask": f"{source.path}@1", "weights": {"kind": kind}, "pruning__rounds": 0}
        transfers[kind] = start_from(None, **moved, keep_weights="none")
        found = first_images(transfers[kind], catalog)
        torch.testing.assert_close(found, expected("scaled", catalog), atol=1e-5, rtol=0)
    results = transfer_many(list(transfers.values()), tmp_path / "results", catalog=catalog, processes=1)
    assert len(results) == 3


def test_a_search_is_not_resumed_under_another_normalisation(catalog, tmp_path):
    first = make_task(start_from("scaled"), catalog).data_sha256
    (tmp_path / "data_catalog.yaml").write_text(CATALOG.replace("2.0]", "3.0]"))
    changed = load_catalog(tmp_path / "data_catalog.yaml")
    assert make_task(start_from("scaled"), changed).data_sha256 != first
    assert make_task(start_from("silent"), catalog).data_sha256 == make_task(start_from(None), catalog).data_sha256


def test_what_is_finished_is_scored_when_its_source_is_gone(tmp_path):
    source = find_ticket(tiny_config(DIGITS, pruning__rounds=1), tmp_path / "source.zarr")
    moved = {"mask": f"{source.path}@1", "weights": {"kind": "random"}, "pruning__rounds": 0}
    target = find_ticket(tiny_config(DIGITS, **moved), tmp_path / "target.zarr")
    before = evaluate(target, weights="last")
    shutil.rmtree(source.path)
    assert evaluate(target, weights="last") == before
