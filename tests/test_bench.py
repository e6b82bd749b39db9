import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

import bench.__main__ as command
from bench import importing, measure, pruning, storing, training
from bench import masks as bench_masks
from bench.measure import Measured, Row
from lthkit import analysis, masks, models


def side(name, times, log):
    values = iter(times)

    def call():
        log.append(name)
        return next(values)

    return call


def test_a_ratio_is_the_median_of_ratios_within_interleaved_pairs():
    log = []
    # the first of each is the warm-up; the machine slows down, and one pair is disturbed
    subject = side("s", [99, 1, 20, 4, 10, 6], log)
    reference = side("r", [1, 2, 4, 4, 10, 5], log)
    measured = measure.ratio(subject, reference, pairs=5)
    assert "".join(log) == "sr" + "sr" + "rs" + "sr" + "rs" + "sr"
    assert measured.value == 1.0  # of 0.5, 5, 1, 1, 1.2; the medians' ratio is 6 / 4
    assert measured.pairs == 5


def test_the_spread_is_the_range_from_10_to_90_percent():
    assert measure.summary([float(value) for value in range(11, 0, -1)]) == Measured(6.0, (2.0, 10.0), 11)


def test_seconds_leave_out_the_warm_up():
    assert measure.seconds(side("s", [100, 1, 2, 3], []), times=3).value == 2


def test_a_row_that_cannot_be_measured_here_is_skipped_and_said(monkeypatch, tmp_path, capsys):
    def lacking():
        raise measure.Skipped("there is no chromium")

    rows = (Row("there", 2, "", "", lambda: Measured(1.0)), Row("lacking", 2, "", "", lacking))
    monkeypatch.setattr(command, "ROWS", rows)
    assert command.main(["--out", str(tmp_path / "bench.json")]) == 0
    said = capsys.readouterr().out
    assert "| lacking | skipped | | | | | there is no chromium |" in said
    assert "All 1 goals hold." in said
    assert [row["name"] for row in json.loads((tmp_path / "bench.json").read_text())] == ["there"]


def test_restoring_is_outside_the_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def spend(seconds):
        now[0] += seconds

    assert measure.timed(lambda: spend(2), restore=lambda: spend(30))() == 2
    assert now[0] == 32


def row(name="a", value=1.0, goal=1.0, **others):
    return Row(name, goal, "subject", "reference", lambda: Measured(value, **others))


@pytest.mark.parametrize(("value", "holds"), [(0.9, True), (1.0, True), (1.0001, False), (float("nan"), False)])
def test_a_goal_holds_up_to_and_with_its_value(value, holds):
    assert measure.carry_out(row(value=value)).holds is holds


def test_a_line_shows_value_spread_and_goal():
    timed = measure.carry_out(row(value=1.23456, spread=(1.1, 1.5), pairs=20))
    assert command.line(timed) == "| a | 1.235 | 1.100–1.500 | ≤ 1 | NO | 20 | subject ÷ reference |"
    counted = measure.carry_out(Row("b", 0.2, "load", "", lambda: Measured(0.1), "s"))
    assert command.line(counted) == "| b | 0.100 s | exact | ≤ 0.2 s | yes | 1 | load |"
    assert command.line(timed).count("|") == command.HEADER.splitlines()[0].count("|")


def test_the_run_names_what_does_not_hold_and_still_succeeds(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "ROWS", (row("good"), row("bad", value=2.0, spread=(1.5, 2.5), pairs=3)))
    out = tmp_path / "new" / "bench.json"
    assert command.main(["--out", str(out)]) == 0
    assert "1 of 2 goals do NOT hold: bad (2.000 > 1)." in capsys.readouterr().out
    good, bad = json.loads(out.read_text())
    assert (good["name"], good["value"], good["goal"], good["holds"]) == ("good", 1.0, 1.0, True)
    assert (bad["holds"], bad["spread"], bad["pairs"], bad["reference"]) == (False, [1.5, 2.5], 3, "reference")
    assert [path.name for path in out.parent.iterdir()] == ["bench.json"]


def test_only_the_rows_asked_for_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "ROWS", (row("first"), Row("never", 1.0, "", "", lambda: 1 / 0), row("last")))
    out = tmp_path / "bench.json"
    assert command.main(["last", "first", "--out", str(out)]) == 0
    assert [entry["name"] for entry in json.loads(out.read_text())] == ["first", "last"]
    assert "All 2 goals hold." in capsys.readouterr().out


def test_an_unknown_row_is_refused_before_any_runs(tmp_path, capsys):
    out = tmp_path / "bench.json"
    assert command.main(["epoch", "epok", "--out", str(out)]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("there is no row 'epok'; choose from masked-step, epoch,")
    assert printed.err.count("\n") == 1
    assert not out.exists()


def test_the_goals_are_those_agreed():
    assert {row.name: row.goal for row in command.ROWS} == {
        "masked-step": 1.03,
        "epoch": 1.10,
        "views": 1.3,
        "prune": 0.15,
        "cut-filters": 0.4,
        "store-independent": 1.05,
        "store-structured": 1.05,
        "load-round": 0.2,
        "overlap": 0.5,
        "overlap-loop": 0.05,
        "zero-kernels": 0.5,
        "kernel-map": 1.0,
        "explorer-open": 1.0,
        "slider-redraw": 0.15,
        "slider-redraw-difference": 0.15,
        "slider-page": 0.15,
        "import": 1.2,
        "show": 2.0,
    }


def test_entropy_by_hand():
    codes = {
        "even": np.array([1, 1, 255, 255], np.uint8),  # 4 · 1 bit
        "four": np.array([[1, 2], [3, 255]], np.uint8),  # 4 · 2 bits
        "constant": np.full(100, 255, np.uint8),  # nothing
        "uneven": np.array([1] + [255] * 3, np.uint8),  # 4 · (¼ · 2 + ¾ · log2(4/3)) bits
    }
    assert storing.entropy_bytes(codes) == pytest.approx((4 + 8 + 0 + 2 + 3 * np.log2(4 / 3)) / 8)


SHAPES = {"a": (16, 8, 3, 3), "b": (32, 16, 1, 1), "c": (16, 16, 3, 3)}


def test_what_is_stored_is_a_whole_search():
    codes = storing.searched(storing.independent(SHAPES))
    everything = np.concatenate([layer.ravel() for layer in codes.values()])
    left = [int((everything > round).sum()) for round in range(storing.ROUNDS + 1)]
    assert left == [masks.weights_left(3968, 0.2, round) for round in range(storing.ROUNDS + 1)]
    with storing.stored(codes) as store:
        assert (store.rounds, store.scored) == (18, 19)
        assert all(np.array_equal(layer, codes[name]) for name, layer in store.codes().items())
        folder = store.path.parent
        assert store.nbytes == sum(path.stat().st_size for path in folder.rglob("*.zarr/**/*") if path.is_file())
    assert not folder.exists()


def test_structured_weights_differ_in_scale_between_layers_and_kernels():
    plain, scaled = storing.independent(SHAPES), storing.structured(SHAPES)
    factors = {name: scaled[name] / plain[name] for name in SHAPES}
    kernels = factors["a"].flatten(2)
    torch.testing.assert_close(kernels, kernels[:, :, :1].expand_as(kernels))
    assert kernels.std() > 0.2
    assert len({round(float(factor.mean()), 3) for factor in factors.values()}) == 3


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.conv = nn.Conv2d(4, 4, 3)
        self.head = nn.Linear(4, 2)

    def forward(self, images):
        return self.head(self.conv(self.stem(images)).mean((2, 3)))


def test_torch_prunes_and_the_network_gets_its_weights_back():
    network = Small()
    before = network.conv.weight.detach().clone()
    run = pruning.global_unstructured(network)
    assert run() > 0
    assert run() > 0
    assert torch.equal(network.conv.weight, before)
    assert isinstance(network.conv.weight, nn.Parameter)
    assert not network.conv._forward_pre_hooks


@pytest.mark.parametrize("masked", [True, False])
def test_a_training_side_takes_the_real_steps_with_and_without_masks(masked):
    network = Small()
    ticket = {"conv.weight": torch.rand(4, 4, 3, 3) < 0.5}
    masks.apply_({"conv.weight": network.conv.weight}, ticket)
    asked = []

    def batches():
        asked.append(True)
        return [(torch.randn(2, 3, 8, 8), torch.tensor([0, 1]))] * 3

    run = training._training(network, batches, 3, ticket if masked else {}, skip=1)
    assert run() > 0
    assert asked == [True]
    removed = network.conv.weight.detach()[~ticket["conv.weight"]]
    assert bool((removed == 0).all()) is masked
    assert removed.abs().max() < 1e-3


def test_the_seconds_of_a_training_leave_out_the_steps_to_skip(monkeypatch):
    ticks = iter([0.0, 100.0, 101.0, 103.0])
    network = Small()
    batches = [(torch.randn(2, 3, 8, 8), torch.tensor([0, 1]))] * 3
    run = training._training(network, lambda: batches, 3, {}, skip=1)
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    assert run() == 3.0


def test_batches_at_hand_are_those_of_the_data_room():
    splits = training._splits(300)
    first, again = (list(training._from_memory(splits)) for _ in range(2))
    assert [tuple(images.shape) for images, _ in first] == [(128, 3, 32, 32)] * 2
    assert all(torch.equal(one[0], other[0]) for one, other in zip(first, again, strict=True))
    assert first[0][0].is_contiguous(memory_format=torch.channels_last)


def test_the_ticket_measured_has_79_percent_sparsity():
    network = training._network()
    assert round(masks.sparsity(training._ticket(network)), 4) == 0.7903
    assert models.prunable(network).keys() == training._ticket(network).keys()


def test_an_import_that_fails_is_not_measured():
    with pytest.raises(subprocess.CalledProcessError):
        importing._process("raise SystemExit(1)")()


def test_the_loop_over_boolean_masks_counts_what_overlap_counts():
    a, b = (bench_masks.drawn(SHAPES, seed) for seed in (0, 1))
    ours, theirs = ([bench_masks.boolean(search, round) for round in (0, 5, 18)] for search in (a, b))
    both, either = bench_masks.loop(ours, theirs)
    counts = analysis.overlap(a, b).sel(round_a=[0, 5, 18], round_b=[0, 5, 18])
    np.testing.assert_array_equal(both, counts["intersection"])
    np.testing.assert_array_equal(either, counts["union"])
    assert analysis.sparsity(a).values[5] == pytest.approx(1 - 0.8**5, abs=0.03)
