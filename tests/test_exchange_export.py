"""Tickets as plain files: read here by torch and safetensors alone."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from stacks import Stack, make_store, same, spec
from tiny import AUTOENCODER, tiny_config
from torch import nn
from torch.nn.utils import prune

from lthkit.errors import LthkitError
from lthkit.exchange import export, export_ticket, gather, write
from lthkit.models import build, prunable
from lthkit.search import find_ticket
from lthkit.store import start_file, trained_file


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    return find_ticket(tiny_config(), tmp_path_factory.mktemp("digits") / "a.zarr")


@pytest.fixture(scope="module")
def rewound(tmp_path_factory):
    config = tiny_config(AUTOENCODER, rewind={"to": "step", "step": 2}, pruning__rounds=1)
    return find_ticket(config, tmp_path_factory.mktemp("autoencoder") / "a.zarr")


def masked(path, store, round, prefix=""):
    """Kept weights under a mask by plain torch."""
    state = {name.removeprefix(prefix): tensor for name, tensor in load_file(path).items() if name.startswith(prefix)}
    for name, mask in store.masks(round).items():
        state[name] = torch.where(torch.from_numpy(mask), state[name], 0.0)
    return state


@pytest.mark.parametrize(("format", "name"), [("torch", "a.pt"), ("safetensors", "a.safetensors")])
def test_a_ticket_is_the_start_under_the_mask(searched, tmp_path, format, name):
    path = export_ticket(searched, 2, tmp_path / "deep" / name, format)
    read = load_file(path) if format == "safetensors" else torch.load(path, weights_only=True)
    same(dict(read), masked(start_file(searched.path), searched, 2))
    removed = ~torch.from_numpy(searched.masks(2)["layer3.0.conv1.weight"])
    assert removed.any()
    assert not torch.signbit(read["layer3.0.conv1.weight"][removed]).any()


@pytest.mark.parametrize("weights", ["best", "last"])
def test_trained_weights_are_those_kept(searched, tmp_path, weights):
    path = export_ticket(searched, 2, tmp_path / "a.pt", "torch", weights)
    same(dict(torch.load(path, weights_only=True)), load_file(trained_file(searched.path, 2, weights)))


def prepared(network, state):
    """As the module's docstring says."""
    for key in (key for key in state if key.endswith("_mask")):
        module, _, name = key.removesuffix("_mask").rpartition(".")
        prune.identity(network.get_submodule(module), name)
    network.load_state_dict(state)
    return network.eval()


def test_a_network_prepared_by_torch_prune_loads_the_pairs(searched, tmp_path):
    classes = load_file(start_file(searched.path))["fc.weight"].shape[0]
    model = build(tiny_config().model, classes, seed=9)
    state = torch.load(export_ticket(searched, 1, tmp_path / "a.pt", "prune"), weights_only=True)
    pruned = prepared(model, state)
    plain = build(tiny_config().model, classes, seed=8).eval()
    plain.load_state_dict(masked(start_file(searched.path), searched, 1))
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(pruned(images), plain(images))
    conv = pruned.get_submodule("layer1.0.conv1")
    assert torch.equal(conv.weight_mask, torch.from_numpy(searched.masks(1)["layer1.0.conv1.weight"]).float())
    prune.remove(conv, "weight")
    assert torch.equal(conv.weight, plain.get_submodule("layer1.0.conv1").weight)


def test_a_task_s_network_comes_out_by_its_own_names(rewound, tmp_path):
    ticket = gather(rewound, 1)
    assert ticket.facts["network"] == "network."
    same(ticket.tensors, masked(start_file(rewound.path), rewound, 1, "network."))
    later = gather(rewound, 1, "rewind")
    with safe_open(start_file(rewound.path).parent / "rewind.safetensors", framework="pt") as file:
        rewind = file.get_tensor("modules/network.3.weight")
    same(
        {"3.weight": later.tensors["3.weight"]},
        {"3.weight": torch.where(torch.from_numpy(rewound.masks(1)["3.weight"]), rewind, 0.0)},
    )
    assert not torch.equal(later.tensors["3.weight"], ticket.tensors["3.weight"])


def test_the_network_is_taken_from_where_it_lies(tmp_path):
    store = make_store(tmp_path / "a.zarr", spec(), prefix="towers.left.")
    assert gather(store, 1).facts["network"] == "towers.left."


def test_shared_weights_are_masked_under_all_their_names(tmp_path):
    model = spec(options={"shared": True})
    store = make_store(tmp_path / "a.zarr", model)
    assert "again.weight" not in store.parameters
    state = torch.load(export_ticket(store, 2, tmp_path / "a.pt"), weights_only=True)
    assert (state["1.weight"] == 0).any()
    same({"": state["again.weight"]}, {"": state["1.weight"]})
    network = Stack(2, shared=True)
    network.load_state_dict(state)
    assert torch.equal(network.again.weight, state["1.weight"])
    pairs = torch.load(export_ticket(store, 2, tmp_path / "b.pt", "prune"), weights_only=True)
    assert torch.equal(pairs["again.weight_mask"], pairs["1.weight_mask"])


def test_attention_projections_are_pairs_too(tmp_path):
    class Attention(nn.Module):
        head_names = ()

        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2)

        def forward(self, x):
            return self.attention(x, x, x)[0]

    weight = torch.ones(12, 4, dtype=torch.bool)
    weight[:5] = False
    network = Attention()
    assert "attention.in_proj_weight" in prunable(network, linear=True)
    masks = {"attention.in_proj_weight": weight}
    tensors = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    state = torch.load(write(export.Ticket(tensors, masks, {}), tmp_path / "a.pt", "prune"), weights_only=True)
    prepared(network, state)
    assert torch.equal(network.attention.in_proj_weight_mask, weight.float())


def test_the_file_says_where_it_comes_from(searched, tmp_path):
    expected = {
        "store": str(searched.path),
        "round": 1,
        "config_sha256": searched.config_sha256,
        "weights": "start",
        "network": "",
        "zero_but_left": 0,
    }
    total = sum(mask.size for mask in searched.masks(1).values())
    left = sum(int(mask.sum()) for mask in searched.masks(1).values())
    facts = torch.load(export_ticket(searched, 1, tmp_path / "a.pt"), weights_only=True).lthkit
    with safe_open(export_ticket(searched, 1, tmp_path / "a.safetensors", "safetensors"), framework="pt") as file:
        assert json.loads(file.metadata()["lthkit"]) == facts
    assert facts.pop("sparsity") == pytest.approx(1 - left / total)
    assert facts == expected


def test_weights_that_are_zero_by_themselves_are_counted_and_said(tmp_path):
    weight = torch.randn(3, 2, 3, 3)
    weight[0, 0] = 0
    ticket = gather(make_store(tmp_path / "a.zarr", spec(), weights={"0.weight": weight}), 0)
    assert ticket.facts["zero_but_left"] == 9
    assert "9 weights are zero though the mask keeps them" in str(ticket)


@pytest.mark.parametrize("format", ["torch", "safetensors", "prune"])
def test_same_ticket_same_bytes(searched, tmp_path, format):
    end = "safetensors" if format == "safetensors" else "pt"
    first, second = (export_ticket(searched, 1, tmp_path / f"{name}.{end}", format) for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [first.name, second.name]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"round": 3}, "has no round 3; choose one from 0 to 2"),
        ({"round": -1}, "has no round -1"),
        ({"weights": "best", "round": 1}, "keeps no weights 'best' of round 1; it keeps start, best of round 0, last"),
        ({"weights": "rewind"}, "keeps no weights 'rewind'; it keeps start, best of round 0"),
        ({"weights": "middle"}, "no weights 'middle'; choose one of start, best, last, rewind"),
        ({"format": "onnx"}, "no format 'onnx'; choose one of torch, safetensors, prune"),
        ({"format": "safetensors"}, "not named for the format 'safetensors'; end it in '.safetensors'"),
        ({"path": "a.safetensors"}, "not named for the format 'torch'; end it in '.pt'"),
        ({"path": "there.pt"}, "exists already; choose another name, or write over it by force"),
        ({"path": "there.pt/a.pt"}, "cannot be written"),
        ({"path": ""}, "is a folder"),
    ],
)
def test_what_cannot_be_exported_is_told(searched, tmp_path, changes, message):
    (tmp_path / "there.pt").write_text("mine")
    arguments = {"round": 1, "path": "a.pt", "format": "torch", "weights": "start"} | changes
    arguments["path"] = tmp_path / arguments["path"]
    with pytest.raises(LthkitError, match=message):
        export_ticket(searched, **arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["there.pt"]
    assert (tmp_path / "there.pt").read_text() == "mine"


def test_force_writes_over(searched, tmp_path):
    (tmp_path / "a.pt").write_text("mine")
    export_ticket(searched, 1, tmp_path / "a.pt", force=True)
    assert "conv1.weight" in torch.load(tmp_path / "a.pt", weights_only=True)


def test_weights_of_another_search_are_refused(tmp_path):
    store = make_store(tmp_path / "a.zarr", spec())
    other = make_store(tmp_path / "b.zarr", spec(), seed=1)
    start_file(other.path).replace(start_file(store.path))
    with pytest.raises(LthkitError, match="does not hold the weights of"):
        gather(store, 1)


def test_a_store_without_weights_says_so(tmp_path):
    store = make_store(tmp_path / "a.zarr", spec())
    start_file(store.path).unlink()
    with pytest.raises(LthkitError, match="keeps no weights 'start'; it keeps none"):
        gather(store, 1)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("PytorchStreamWriter failed")])
def test_a_disk_that_refuses_leaves_the_old_file(searched, tmp_path, monkeypatch, error):
    (tmp_path / "a.pt").write_text("mine")

    def fail(state, file):
        file.write(b"half")
        raise error

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(LthkitError, match=r"cannot be written \((No space|Pytorch)"):
        export_ticket(searched, 1, tmp_path / "a.pt", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]
    assert (tmp_path / "a.pt").read_text() == "mine"


def test_what_reads_back_differently_is_not_kept(searched, tmp_path, monkeypatch):
    read = export._read

    def one_bit_off(path, format):
        tensors = read(path, format)
        tensors["conv1.weight"].view(torch.uint8)[0, 0, 0, 0] ^= 1
        return tensors

    monkeypatch.setattr(export, "_read", one_bit_off)
    with pytest.raises(LthkitError, match="differs from what was written"):
        export_ticket(searched, 1, tmp_path / "a.pt")
    assert not list(tmp_path.iterdir())
