"""Networks as programs and files that run without lthkit: masked and cut, of each task."""

import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

import lthkit
from lthkit.cli import REFUSED, main
from lthkit.cutting import masked_network, ticket_network
from lthkit.errors import LthkitError
from lthkit.exchange import export_network, network, program
from lthkit.progress import Silent

SPARSE = {"plan.epochs": None, "plan.steps": 2, "pruning.rate": 0.9, "pruning.rounds": 2, "keep_weights": "all"}
DETECTION = {"task.name": "detection", "data.count": 40, "data.validation": 0.2}
TASKS = {
    "classification": {},
    "simclr": {"task.name": "simclr"},
    "yolov4": DETECTION | {"task.options.detector": "yolov4"},
    "faster-rcnn": DETECTION | {"task.options.detector": "faster-rcnn"},
    "ssd": DETECTION | {"task.options.detector": "ssd"},
    "segmentation": {"task.name": "segmentation", "data.count": 40, "data.validation": 0.2},
}


QUICK = ("classification", "segmentation")
PARAMS = [pytest.param(TASKS[name], id=name, marks=[] if name in QUICK else pytest.mark.slow) for name in TASKS]


@pytest.fixture(scope="module", params=PARAMS)
def ticket(request, tmp_path_factory):
    config = lthkit.configure("smoke", changes=SPARSE | request.param)
    return lthkit.find_ticket(config, tmp_path_factory.mktemp("a") / "a.zarr", progress=Silent())


@pytest.fixture(scope="module")
def classifying(tmp_path_factory):
    config = lthkit.configure("smoke", changes=SPARSE)
    return lthkit.find_ticket(config, tmp_path_factory.mktemp("b") / "b.zarr", progress=Silent())


def outputs(value):
    return [tensor for tensor in torch.utils._pytree.tree_flatten(value)[0] if isinstance(tensor, torch.Tensor)]


def expected(ticket, count):
    """The masked network's outputs on random images, by plain torch."""
    found = ticket_network(ticket, 2)
    images = torch.randn(count, *found.image_shape, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        return images, outputs(masked_network(found.network, found.masks)[0](images))


@pytest.mark.parametrize("cut", [False, True])
def test_onnx_gives_what_torch_gives_for_any_batch(ticket, tmp_path, cut):
    written = export_network(ticket, 2, tmp_path / "a.onnx", "onnx", cut=cut)
    assert written.facts["written_difference"] <= 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    for count in (1, 5):
        images, wanted = expected(ticket, count)
        found = session.run(None, {"images": images.numpy()})
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other.numpy(), rtol=1e-5, atol=1e-5 * max(1, float(other.abs().max())))
    facts = {entry.key: entry.value for entry in onnx.load(tmp_path / "a.onnx").metadata_props}["lthkit"]
    assert json.loads(facts)["round"] == 2
    assert ("channels_cut" in json.loads(facts)) == cut


def test_a_pt2_program_runs_without_lthkit(ticket, tmp_path):
    export_network(ticket, 2, tmp_path / "a.pt2", "pt2", cut=True)
    images, wanted = expected(ticket, 3)
    torch.save((images, wanted), tmp_path / "seen.pt")
    script = (
        "import sys; sys.modules['lthkit'] = None\n"
        "import torch\n"
        "images, wanted = torch.load('seen.pt')\n"
        "files = {'lthkit.json': ''}\n"
        "found = torch.export.load('a.pt2', extra_files=files).module()(images)\n"
        "found = torch.utils._pytree.tree_flatten(found)[0]\n"
        "for one, other in zip(found, wanted, strict=True):\n"
        "    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5 * max(1, float(other.abs().max())))\n"
        "assert '\"round\": 2' in files['lthkit.json']\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)


def test_the_state_of_a_cut_network(classifying, tmp_path):
    export_network(classifying, 2, tmp_path / "a.safetensors", "safetensors", cut=True)
    small = lthkit.cut(classifying, 2)
    state = load_file(tmp_path / "a.safetensors")
    assert {name: tuple(each.shape) for name, each in state.items()} == {
        name: tuple(each.shape) for name, each in small.state_dict().items()
    }
    small.load_state_dict(state)


def test_compressed_rows_are_smaller_and_the_same(classifying, tmp_path):
    dense = lthkit.export_ticket(classifying, 2, tmp_path / "a.pt")
    rows = lthkit.export_ticket(classifying, 2, tmp_path / "b.pt", "csr")
    assert rows.stat().st_size < dense.stat().st_size
    state, wanted = torch.load(rows, weights_only=True), torch.load(dense, weights_only=True)
    shapes = state.lthkit["shapes"]
    assert shapes.keys() == set(classifying.parameters)
    for name, shape in shapes.items():
        state[name] = state[name].to_dense().view(shape)
    assert all(torch.equal(state[name], wanted[name]) for name in wanted)
    whole = lthkit.export_ticket(classifying, 0, tmp_path / "c.pt", "csr")  # where it would be larger
    assert torch.load(whole, weights_only=True).lthkit["shapes"] == {}


def test_the_command_says_what_it_wrote(classifying, tmp_path, capsys):
    store = str(classifying.path)
    assert main(["export", store, "--round", "2", "--cut", "--format", "onnx", "--out", f"{tmp_path}/a.onnx"]) == 0
    said = capsys.readouterr().out
    assert "cut network, weights 'trained' under the mask of round 2 of b.zarr, sparsity 99.00 %" in said
    assert "channels cut" in said
    assert "read back, its outputs differ by" in said
    assert main(["export", store, "--round", "2", "--format", "csr", "--out", f"{tmp_path}/a.pt"]) == 0
    again = ["export", store, "--round", "2", "--format", "pt2", "--out", f"{tmp_path}/a.onnx"]
    assert main(again) == REFUSED
    assert "end it in '.pt2'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "format", "cut", "said"),
    [
        ("a.onnx", "prune", True, "no format 'prune' for a network; choose one of pt2, onnx, safetensors, torch"),
        ("a.pt", "torch", False, "use export_ticket"),
        ("a.onnx", "pt2", True, "end it in '.pt2'"),
    ],
)
def test_what_cannot_be_written_is_refused_first(classifying, tmp_path, name, format, cut, said):
    with pytest.raises(LthkitError, match=said):
        export_network(classifying, 2, tmp_path / name, format, cut=cut)
    assert not list(tmp_path.iterdir())


def test_without_the_packages_it_says_what_to_install(classifying, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(LthkitError, match=r"'onnxscript' is missing; install it with pip install 'lthkit\[onnx\]'"):
        export_network(classifying, 2, tmp_path / "a.onnx", "onnx")


def test_a_program_that_is_another_function_is_refused(classifying, tmp_path, monkeypatch):
    wrong = (program.write_pt2, lambda path: lambda images: program.read_pt2(path)(images) + 1)
    monkeypatch.setitem(network._PROGRAMS, "pt2", wrong)
    with pytest.raises(LthkitError, match=r"'pt2' differs from the network by .*; write it in another format"):
        export_network(classifying, 2, tmp_path / "a.pt2", "pt2")
    assert not (tmp_path / "a.pt2").exists()


class Counting(torch.nn.Module):
    def forward(self, x):
        return x * len([value for value in x.flatten().tolist() if value > 0])


def test_what_torch_cannot_follow_is_one_sentence(tmp_path):
    with pytest.raises(LthkitError, match=r"^torch.export cannot follow Counting .*export its weights as safetensors"):
        program.write_pt2(Counting(), torch.randn(2, 3), tmp_path / "a.pt2", {})
