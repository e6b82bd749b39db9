"""What a ticket gains: variants that are one function, measured in turns, told as a table."""

import itertools
import json

import pytest
import torch
from torch import nn

import lthkit
from lthkit import timing
from lthkit.cli import REFUSED, main
from lthkit.errors import LthkitError
from lthkit.exchange.quiet import quiet
from lthkit.plots import score_against_latency
from lthkit.progress import Silent
from lthkit.timing import sparse, variants
from lthkit.timing.table import named, time_network

SPARSE = {"plan.epochs": None, "plan.steps": 2, "pruning.rate": 0.7, "pruning.rounds": 3, "keep_weights": "ends"}
FAST = ("dense", "masked", "cut", "sparse rows")


@pytest.fixture(scope="module")
def ticket(tmp_path_factory):
    config = lthkit.configure("smoke", changes=SPARSE)
    return lthkit.find_ticket(config, tmp_path_factory.mktemp("a") / "a.zarr", progress=Silent())


def small():
    """Two convolutions; the first filter of the first is dead, and gives 0 behind its ReLU."""
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(4, 2, 3, bias=False))
    mask = torch.ones(4, 1, 3, 3, dtype=torch.bool)
    mask[0] = False
    return timing.made_up(network, {"0.weight": mask}, (1, 6, 6))


# --- measuring ------------------------------------------------------------------------------------------------


def test_all_have_their_turn_and_none_always_follows_the_same(monkeypatch):
    clock, called = itertools.count(), []
    monkeypatch.setattr("lthkit.timing.latency.time.perf_counter", lambda: next(clock))
    calls = {name: (lambda name=name: called.append(name)) for name in "abc"}
    seconds = timing.interleaved(calls, 4)
    assert {name: values.tolist() for name, values in seconds.items()} == {name: [1.0] * 4 for name in "abc"}
    assert "".join(called[9:]) == "abcbcacababc"


def test_what_is_fast_is_called_several_times_in_one_measurement(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("lthkit.timing.latency.time.perf_counter", lambda: now[0])
    called = []

    def call():
        called.append(None)
        now[0] += 0.0005

    seconds = timing.interleaved({"a": call}, 2)
    assert len(called) == 3 + 2 * 4  # warmed up, then 4 times 0.5 ms each
    assert seconds["a"] == pytest.approx([0.0005, 0.0005])


# --- sparse kernels -------------------------------------------------------------------------------------------


def rows(matrix):
    with quiet():
        return matrix.to_sparse_csr()


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2), ((2, 1), (0, 1), 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_sparse_convolution_is_the_convolution(size, stride, padding, dilation, bias):
    layer = nn.Conv2d(3, 5, size, stride, padding, dilation, bias=bias).double()
    layer.weight.data[torch.rand_like(layer.weight) < 0.7] = 0
    images = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    torch.testing.assert_close(sparse.SparseConv2d(layer, rows)(images), layer(images))


@pytest.mark.parametrize("shape", [(4, 6), (2, 3, 6)])
def test_a_sparse_linear_layer_is_the_layer(shape):
    layer = nn.Linear(6, 5).double()
    layer.weight.data[:, ::2] = 0
    values = torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(sparse.SparseLinear(layer, rows)(values), layer(values))


def test_what_is_no_plain_layer_stays():
    network = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 4, 3, padding="same"), nn.Conv2d(4, 4, 1))
    masks = {f"{place}.weight": torch.zeros_like(network[place].weight, dtype=torch.bool) for place in range(3)}
    made = sparse.with_sparse_rows(network, masks)
    assert [type(each).__name__ for each in made] == ["Conv2d", "Conv2d", "SparseConv2d"]
    assert type(network[2]).__name__ == "Conv2d"


def test_the_pattern_of_2_of_4_is_told():
    mask = torch.tensor([[1, 1, 0, 0, 0, 1, 0, 0]]).bool()
    assert sparse.has_2_of_4(mask)
    assert not sparse.has_2_of_4(torch.tensor([[1, 1, 1, 0]]).bool())
    assert not sparse.has_2_of_4(mask[:, :6])
    assert sparse.with_2_of_4(small().network, {}) is None  # no GPU, or no layer


# --- variants -------------------------------------------------------------------------------------------------


def test_sizes_by_hand():
    made = timing.make_variants(small(), names=FAST)
    places, inner = 6 * 6, 4 * 4
    assert made["dense"].parameters == made["masked"].parameters == 4 * 9 + 2 * 4 * 9
    assert made["dense"].multiply_adds == made["masked"].multiply_adds == 4 * 9 * places + 2 * 4 * 9 * inner
    assert made["cut"].parameters == 3 * 9 + 2 * 3 * 9
    assert made["cut"].multiply_adds == 3 * 9 * places + 2 * 3 * 9 * inner
    assert made["sparse rows"].parameters == 3 * 9 + 2 * 4 * 9
    assert made["sparse rows"].multiply_adds == 3 * 9 * places + 2 * 4 * 9 * inner
    assert made["cut"].bytes < made["masked"].bytes == made["dense"].bytes


def test_all_but_the_dense_one_are_the_masked_function():
    found = small()
    made = timing.make_variants(found)
    assert made.keys() >= {"dense", "masked", "cut", "sparse rows", "masked, onnxruntime", "cut, onnxruntime"}
    images = torch.randn(3, 1, 6, 6)
    with torch.no_grad():
        wanted = made["masked"].run(images)
        for name, each in made.items():
            given = each.run(images)
            same = torch.allclose(given[0] if isinstance(given, list) else given, wanted, atol=1e-5)
            assert same == (name != "dense"), name


def test_a_variant_that_there_is_not_and_one_that_is_not_here(monkeypatch):
    with pytest.raises(LthkitError, match=r"no variant 'faster'; choose of dense; masked; cut;"):
        time_network(small(), names=("faster",))
    monkeypatch.setattr(variants, "_has_onnx", lambda: False)
    assert list(timing.make_variants(small())) == ["dense", "masked", "cut", "sparse rows"]


# --- tickets --------------------------------------------------------------------------------------------------


def test_a_table_of_tickets(ticket):
    found = timing.time_tickets(ticket, batch_sizes=[2], names=FAST, repetitions=3)
    assert found["round"].unique().tolist() == [1, 2, 3]
    assert found["variant"].tolist() == [*FAST] * 3
    assert found.groupby("round")["weights"].first().tolist() == ["start", "start", "trained"]
    scores = lthkit.curve(ticket)["score"].values
    told = found.pivot(index="round", columns="variant", values="score")
    assert told["cut"].tolist() == scores[1:].tolist()
    assert set(told["dense"]) == {scores[0]}
    assert (found["low"] <= found["latency"]).all()
    assert (found["latency"] <= found["high"]).all()
    assert (found.loc[found["variant"] == "dense", "ratio"] == 1).all()
    drawn = score_against_latency(found)
    assert {trace.name for trace in drawn.data if trace.name} == {*FAST}


def test_names_of_stores_and_those_of_the_same_name(tmp_path):
    assert list(named(["x/a.zarr", "x/b.zarr"])) == ["a", "b"]
    assert list(named(["x/a.zarr", "y/a.zarr"])) == ["x/a", "y/a"]
    with pytest.raises(LthkitError, match=r"'x/a.zarr' is given twice"):
        named(["x/a.zarr", "x/a.zarr"])


def test_the_command(ticket, tmp_path, capsys):
    command = ["time", str(ticket.path), "--rounds", "3", "--batch-sizes", "1", "--repetitions", "2"]
    command += ["--variants", "masked", "cut", "--threads", "1"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "97.30 %" in said
    assert "medians of 2 measurements in turns, cpu, 1 thread\n" in said
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"latency.csv", "latency.png"}
    assert main([*command, "--json"]) == 0
    assert [row["variant"] for row in json.loads(capsys.readouterr().out)] == ["dense", "masked", "cut"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rounds", "9"], "has no round 9; choose of 0 to 3"),
        (["--batch-sizes", "0"], "from 1 on"),
        (["--repetitions", "0"], "from 1 on"),
        (["--threads", "0"], "0 threads cannot work"),
        (["--variants", "fast"], "no variant 'fast'"),
        (["--device", "tpu"], "device 'tpu' cannot be used"),
        (["--weights", "best", "--rounds", "1"], "keeps no weights 'best' of round 1"),
    ],
)
def test_bad_input_is_one_sentence(ticket, capsys, arguments, said):
    assert main(["time", str(ticket.path), *arguments]) == REFUSED
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_timings_without_scores_are_not_drawn():
    found = time_network(small(), [1], names=("masked",), repetitions=2).assign(score=float("nan"), metric=None)
    found = found.assign(ticket="a", round=1, sparsity=0.1)
    with pytest.raises(LthkitError, match="no scores"):
        score_against_latency(found)
    with pytest.raises(LthkitError, match="no column 'ticket'"):
        score_against_latency(found.drop(columns="ticket"))
