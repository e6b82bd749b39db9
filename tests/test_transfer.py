import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import DIGITS, tiny_config

from lthkit import masks as masking
from lthkit import models
from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError
from lthkit.progress import Silent
from lthkit.search import (
    SearchConfig,
    config_of,
    find_ticket,
    make_task,
    ranked_weights,
    starting_point,
    summary,
)
from lthkit.search.start import train_to_rewound
from lthkit.seeds import derive
from lthkit.store import open_store, start_file, trained_file
from lthkit.train import copy_state, load_tensors, make_point, save_tensors, train
from lthkit.transfer import (
    brief,
    by_metric,
    collect,
    read_results,
    results_table,
    score_pruned,
    score_retrained,
    transfer,
    transfer_many,
    with_kept_weights,
)

TARGET = {"name": "digits", "count": 128, "classes": [5, 6, 7, 8, 9], "validation": 0.25}
PLAN = DIGITS["plan"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A search from random weights on the digits 0–4, two rounds, and one from its pre-trained weights."""
    folder = tmp_path_factory.mktemp("source")
    zero = find_ticket(tiny_config(DIGITS, data__classes=[0, 1, 2, 3, 4]), folder / "random.zarr", progress=Silent())
    checkpoint = str(trained_file(zero.path, 0, "best"))
    find_ticket(
        tiny_config(DIGITS, data__classes=[0, 1, 2, 3, 4], model__checkpoint=checkpoint),
        folder / "pretrained.zarr",
        progress=Silent(),
    )
    return folder


def config(source, store="pretrained", kind="ticket", round=2, seed=0, mask=None, model=None, **changes):
    path = str(source / f"{store}.zarr")
    network = config_of(open_store(path)).model.plain() | {"checkpoint": None}
    values = {
        "mask": {"kind": kind, "source": path, "round": round, **(mask or {})},
        "weights": {"kind": "pretrained"},
        "model": network | (model or {}),
        "data": TARGET,
        "plan": PLAN,
        "pruning": {"rounds": 0},
        "keep_weights": "none",
        "seed": seed,
    }
    return SearchConfig.parse(values | changes, "transfer")


def run(folder, wanted):
    return transfer(wanted, folder, progress=Silent())


def task_and_point(wanted):
    settled = wanted.model_copy(update={"plan": wanted.plan.resolved()})
    task = make_task(settled, load_catalog())
    return task, train_to_rewound(task, settled, settled.plan, starting_point(task, settled))


# where the weights come from


def body_of(state):
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def same(first, second):
    return all(torch.equal(first[name], tensor) for name, tensor in second.items())


def test_pretrained_weights_are_those_the_search_started_from(source):
    _, point = task_and_point(config(source))
    stored, _ = load_tensors(start_file(source / "pretrained.zarr"))
    assert same(point.modules, body_of(stored))
    assert not torch.equal(point.modules["fc.weight"], stored["fc.weight"])


def test_random_weights_are_the_searchs_own_draw(source):
    _, point = task_and_point(config(source, weights={"kind": "random"}))
    stored, _ = load_tensors(start_file(source / "random.zarr"))
    assert same(point.modules, body_of(stored))


def test_redrawn_weights_are_another_draw(source):
    _, first = task_and_point(config(source, weights={"kind": "redrawn"}))
    _, second = task_and_point(config(source, weights={"kind": "redrawn", "seed": 1}))
    _, random = task_and_point(config(source, weights={"kind": "random"}))
    digests = {point.digests["layer1.0.conv1.weight"] for point in (first, second, random)}
    assert len(digests) == 3


@pytest.mark.parametrize("which", ["best", "last"])
def test_source_weights_are_the_dense_ones_trained_on_the_source(source, which):
    _, point = task_and_point(config(source, store="random", weights={"kind": "source", "which": which}))
    assert same(point.modules, body_of(load_tensors(trained_file(source / "random.zarr", 0, which))[0]))


def test_rewound_weights_are_the_random_ones_after_k_dense_steps_on_the_target(source):
    wanted = config(source, weights={"kind": "rewound", "step": 2})
    _, point = task_and_point(wanted)
    other, random = task_and_point(config(source, weights={"kind": "random"}))
    trained = train(other, wanted.plan.resolved(), {}, seed=0, begin=random, until=2).point
    assert point.step == 0
    assert same(point.modules, body_of(trained.modules))
    assert torch.equal(point.modules["fc.weight"], random.modules["fc.weight"])


def test_any_stored_point_is_a_start(source):
    path = str(trained_file(source / "random.zarr", 2, "last"))
    _, point = task_and_point(config(source, weights={"kind": "file", "path": path}))
    assert same(point.modules, body_of(load_tensors(path)[0]))


# heads and freezing


def test_a_frozen_body_is_bit_identical_after_training(source, monkeypatch):
    ends = []
    import lthkit.search.run as running

    real = running.train
    monkeypatch.setattr(running, "train", lambda *a, **k: ends.append(real(*a, **k)) or ends[-1])
    wanted = config(source, model={"freeze": "body"})
    _, point = task_and_point(wanted)
    masks = open_store(wanted.mask.source).masks(2)
    run(source / "frozen", wanted)
    for name, tensor in body_of(point.modules).items():
        expected = tensor.masked_fill(~torch.from_numpy(masks[name]), 0) if name in masks else tensor
        assert torch.equal(ends[0].point.modules[name], expected), name
    assert not torch.equal(ends[0].point.modules["fc.weight"], point.modules["fc.weight"])


def test_statistics_of_a_frozen_body_may_be_updated(source, monkeypatch):
    ends = []
    import lthkit.search.run as running

    real = running.train
    monkeypatch.setattr(running, "train", lambda *a, **k: ends.append(real(*a, **k)) or ends[-1])
    wanted = config(source, model={"freeze": "body", "frozen_statistics": "updated"})
    _, point = task_and_point(wanted)
    run(source / "updated", wanted)
    end = ends[0].point.modules
    assert torch.equal(end["bn1.weight"], point.modules["bn1.weight"])
    assert not torch.equal(end["bn1.running_mean"], point.modules["bn1.running_mean"])


def test_a_two_layer_head_has_about_50_000_more_parameters_on_resnet18():
    spec = models.ModelSpec(name="resnet18", small_stem=True)
    sizes = [
        sum(parameter.numel() for parameter in models.build(wanted, 10, 0).parameters())
        for wanted in (spec, spec.model_copy(update={"hidden": 100}))
    ]
    assert sizes[1] - sizes[0] == (512 * 100 + 100 + 100 * 10 + 10) - (512 * 10 + 10) == 47_180


def test_both_layers_of_the_head_are_drawn_anew_and_never_pruned(source):
    task, point = task_and_point(config(source, model={"hidden": 7}))
    assert point.modules["fc.0.weight"].shape == (7, 32)
    assert point.modules["fc.2.weight"].shape == (5, 7)
    assert not any(name.startswith("fc") for name in task.prunable)
    assert "fc.0.weight" not in models.prunable(task.network, linear=True)


# one training


def test_a_transfer_is_train_under_the_mask(source, tmp_path):
    wanted = config(source)
    result = run(tmp_path, wanted)
    task, point = task_and_point(wanted)
    masks = {name: torch.from_numpy(mask) for name, mask in open_store(wanted.mask.source).masks(2).items()}
    rows = train(task, wanted.plan.resolved(), masks, seed=0, begin=point).rows
    assert [row["train_loss"] for row in result["rows"]] == [row["train_loss"] for row in rows]
    assert result["summary"]["score"] == summary(rows, "accuracy", True, "validation")["score"]
    assert result["summary"]["sparsity"] == pytest.approx(0.36, abs=0.001)


def test_dense_and_sparse_see_the_same_batches_and_schedule(source, tmp_path, monkeypatch):
    from lthkit.tasks.classification import Classification

    seen, real = [], Classification.loss
    monkeypatch.setattr(
        Classification, "loss", lambda self, batch: (seen.append(batch[0].sum().item()), real(self, batch))[1]
    )
    kinds = (("dense", 0), ("ticket", 2), ("complement", 2))
    results = [run(tmp_path, config(source, kind=kind, round=round)) for kind, round in kinds]
    third = len(seen) // 3
    assert seen[:third] == seen[third : 2 * third] == seen[2 * third :]
    rates = [[row["learning_rate"] for row in result["rows"]] for result in results]
    assert rates[0] == rates[1] == rates[2]


def test_a_finished_result_is_read_again(source, tmp_path, monkeypatch):
    import lthkit.transfer.many as training

    first = run(tmp_path, config(source))
    monkeypatch.setattr(training, "train_once", None)
    assert run(tmp_path, config(source)) == first


def test_an_interrupted_transfer_goes_on_to_the_same_result(source, tmp_path, monkeypatch):
    whole = run(tmp_path / "whole", config(source))

    class Stop(Silent):
        steps = 0

        def advance(self):
            Stop.steps += 1
            if Stop.steps == 4:
                raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        transfer(config(source), tmp_path / "killed", save_every=0.0, progress=Stop())
    assert list((tmp_path / "killed").glob("*.state"))
    again = run(tmp_path / "killed", config(source))
    assert without_times(again) == without_times(whole)
    assert not list((tmp_path / "killed").glob("*.state"))


def without_times(result):
    result = json.loads(json.dumps(result))
    result["summary"].pop("wall_time")
    for row in result["rows"]:
        row.pop("wall_time")
    return result


@pytest.mark.parametrize("weights", ["pretrained", "random", "source", "source last"])
def test_one_shot_masks_rank_stored_weights(source, tmp_path, weights):
    wanted = config(source, kind="one_shot_start", mask={"weights": weights})
    result = run(tmp_path, wanted)
    store = open_store(wanted.mask.source)
    left = sum(int(mask.sum()) for mask in store.masks(2).values())
    masks = masking.prune(ranked_weights(weights, store), masking.dense(store.parameters), left)
    assert result["mask_sha256"] == masking.masks_sha256(masks)
    assert result["labels"]["mask"] == f"one shot start {weights}"


def test_controls_say_their_density_before_and_after(source, tmp_path):
    result = run(tmp_path, config(source, kind="flip"))
    assert result["density_before"] == pytest.approx(0.64, abs=1e-3)
    assert result["summary"]["sparsity"] == pytest.approx(1 - (0.64 * 0.9 + 0.36 * 0.1), abs=1e-3)
    assert "64.00 % before" in result["mask"] or "% before" in result["mask"]
    assert result["labels"]["mask"] == "flip 10%"


# many at once, and their results together


def many(source):
    return [
        config(source, kind=kind, round=round, seed=seed)
        for kind, round in (("dense", 0), ("ticket", 1), ("ticket", 2))
        for seed in (0, 1)
    ]


def test_in_parallel_each_result_is_the_same_bits_as_alone(source, tmp_path):
    transfer_many(many(source), tmp_path / "parallel", processes=2)
    for wanted in many(source):
        run(tmp_path / "alone", wanted)
    parallel, alone = (
        {path.name: without_times(result) for path, result in read_results(tmp_path / name).items()}
        for name in ("parallel", "alone")
    )
    assert parallel == alone
    assert len(alone) == 6


STOPPED = """
import json, pathlib, sys
from lthkit.progress import Stopped
from lthkit.search import SearchConfig
from lthkit.transfer import many
start = many._start_server
def started():
    start()
    pathlib.Path("server").touch()
many._start_server = started
if __name__ == "__main__":
    wanted = [SearchConfig.parse(one, "a transfer") for one in json.loads(pathlib.Path("wanted.json").read_text())]
    try:
        many.transfer_many(wanted, "results", processes=2)
    except Stopped as stopped:
        print(stopped)
"""


@pytest.mark.parametrize("moment", ["server", "results/*.result.json"])
def test_an_interruption_of_all_processes_is_one_sentence(source, tmp_path, moment):
    (tmp_path / "wanted.json").write_text(json.dumps([wanted.plain() for wanted in many(source)]))
    (tmp_path / "stopped.py").write_text(STOPPED)
    # a group of its own, interrupted as a terminal or a notebook interrupts: every process in it
    process = subprocess.Popen(
        [sys.executable, "stopped.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not list(tmp_path.glob(moment)):
        assert process.poll() is None
        time.sleep(0.01)
    if moment == "server":
        time.sleep(1)  # into its imports, which take longer
    os.killpg(process.pid, signal.SIGINT)
    said, told = process.communicate(timeout=120)
    assert said == "stopped; what is done is kept, run the same again to go on\n"
    lines = told.splitlines()
    assert lines[-1].startswith("stopped after ")
    assert all(line.startswith("training ") for line in lines[:-1])
    assert len(transfer_many(many(source), tmp_path / "results", processes=1)) == 6


def test_in_brief_a_table_has_what_is_read_and_what_differs(source, tmp_path):
    results = transfer_many(many(source)[:2], tmp_path, processes=1)
    shown = brief(results)
    assert list(shown) == [
        *("weights", "mask", "round", "sparsity", "training_seed", "score", "validation", "best_step", "wall_time")
    ]
    assert shown["score"].tolist() == [round(score, 4) for score in results["score"]]
    assert next(iter(brief(results.assign(target=["one", "other"])))) == "target"


def test_results_are_tidy_rows(source, tmp_path):
    results = transfer_many(many(source), tmp_path, processes=1)
    assert len(results) == 6
    assert results["mask"].tolist() == ["dense", "dense", "ticket", "ticket", "ticket", "ticket"]
    assert results["round"].tolist() == [0, 0, 1, 1, 2, 2]
    assert results["training_seed"].tolist() == [0, 1] * 3
    assert set(results["source"]) == {"digits 0,1,2,3,4"}
    assert set(results["target"]) == {"digits 5,6,7,8,9"}
    assert results["score"].between(0, 1).all()
    assert (results["chance"] == 0.2).all()
    pd.testing.assert_frame_equal(collect(tmp_path), results)


def test_results_by_another_metric_are_those_of_the_chosen_evaluation(source, tmp_path):
    results = transfer_many([config(source, seed=seed) for seed in (0, 1)], tmp_path)
    by_loss = by_metric(results, "loss")
    for row in by_loss.itertuples():
        result = read_results(tmp_path)[Path(row.file)]
        chosen = next(each for each in result["rows"] if each["step"] == row.best_step)
        assert (row.score, row.validation) == (chosen["test_loss"], chosen["validation_loss"])
        assert (row.metric, row.higher_is_better) == ("loss", False)
    pd.testing.assert_frame_equal(by_metric(results, "accuracy"), results)
    with pytest.raises(LthkitError, match="has no metric 'mean_iou'; choose one of accuracy, loss"):
        by_metric(results, "mean_iou")


def test_rows_with_kept_weights_are_those_whose_trainings_kept_them(source, tmp_path):
    wanted = [config(source, seed=0), config(source, seed=1, keep_weights="ends")]
    kept = with_kept_weights(transfer_many(wanted, tmp_path))
    assert kept["training_seed"].tolist() == [1]


def test_results_that_differ_in_more_than_their_columns_are_not_mixed(source, tmp_path):
    run(tmp_path, config(source))
    run(tmp_path, config(source, seed=1, plan=PLAN | {"learning_rate": 0.01}))
    with pytest.raises(LthkitError, match=r"result\.json and .*result\.json.*plan\.learning_rate: "):
        collect(tmp_path)


def test_results_of_other_networks_or_searches_are_not_mixed(source, tmp_path):
    first = run(tmp_path, config(source))
    second = run(tmp_path, config(source, seed=1))
    parent = json.loads(json.dumps(second["parent"]))
    parent["config"]["model"]["options"] = {"width": 99}
    with pytest.raises(LthkitError, match=r"search\.model\.options\.width: 8 → 99"):
        results_table({Path("a"): first, Path("b"): second | {"parent": parent}})


def test_two_results_of_one_training_are_refused_by_their_files(source, tmp_path):
    first = run(tmp_path, config(source))
    again = first | {"config": first["config"] | {"keep_weights": "all"}}
    with pytest.raises(LthkitError, match=r"a and b are both .*keep_weights: 'none' → 'all'"):
        results_table({Path("a"): first, Path("b"): again})


def test_a_table_of_thousands_is_collected_in_seconds(source, tmp_path):
    """Not a matter of seconds here, but of linear work: each file is read once."""
    first = run(tmp_path, config(source))
    results = {Path(str(n)): first | {"labels": first["labels"] | {"training_seed": n}} for n in range(2000)}
    assert len(results_table(results)) == 2000


# keyed by content


def test_a_source_searched_again_is_another_training(source, tmp_path):
    import shutil

    for suffix in ("zarr", "weights"):
        shutil.copytree(source / f"pretrained.{suffix}", tmp_path / f"pretrained.{suffix}")
    run(tmp_path, config(tmp_path))
    run(tmp_path, config(tmp_path))
    assert len(list(tmp_path.glob("*.result.json"))) == 1
    for suffix in ("zarr", "weights"):
        shutil.rmtree(tmp_path / f"pretrained.{suffix}")
    again = tiny_config(
        DIGITS,
        data__classes=[0, 1, 2, 3, 4],
        model__checkpoint=str(trained_file(source / "random.zarr", 0, "best")),
        seed=3,
    )
    find_ticket(again, tmp_path / "pretrained.zarr", progress=Silent())
    second = run(tmp_path, config(tmp_path))
    assert len(list(tmp_path.glob("*.result.json"))) == 2
    assert second["labels"]["search_seed"] == 3


def test_a_moved_source_is_the_same_training(source, tmp_path):
    import shutil

    run(tmp_path, config(source))
    for suffix in ("zarr", "weights"):
        shutil.copytree(source / f"pretrained.{suffix}", tmp_path / f"pretrained.{suffix}")
    run(tmp_path, config(tmp_path))
    assert len(list(tmp_path.glob("*.result.json"))) == 1


def test_a_state_left_over_under_another_mask_is_not_gone_on_with(source, tmp_path):
    """The state of one training, renamed to be another's, is done again, not trained on."""

    class Stop(Silent):
        steps = 0

        def advance(self):
            self.steps += 1
            if self.steps == 4:
                raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        transfer(config(source), tmp_path, save_every=0.0, progress=Stop())
    state = next(tmp_path.glob("*.state"))
    undisturbed = run(tmp_path / "alone", config(source, kind="complement"))
    name = next((tmp_path / "alone").glob("*.result.json")).name
    state.rename(tmp_path / name.replace(".json", ".state"))
    assert without_times(run(tmp_path, config(source, kind="complement"))) == without_times(undisturbed)


def test_the_score_is_the_test_metric_at_the_first_best_validation():
    rows = [
        {"step": 1.0, "validation_accuracy": 0.5, "validation_loss": 0.9, "test_accuracy": 0.4, "wall_time": 1.0},
        {"step": 2.0, "validation_accuracy": 0.8, "validation_loss": 0.7, "test_accuracy": 0.6, "wall_time": 2.0},
        {"step": 3.0, "validation_accuracy": 0.8, "validation_loss": 0.5, "test_accuracy": math.nan, "wall_time": 3.0},
    ]
    found = summary(rows, "accuracy", True, "validation")
    assert (found["score"], found["best_step"], found["least_loss_step"], found["wall_time"]) == (0.6, 2, 3, 3)


# layer-wise sensitivity


def test_one_layer_at_a_time_without_retraining(source):
    found = score_pruned(source / "random.zarr", [0.0, 0.9], layers=["layer1.0.conv1.weight", "layer3.0.conv2.weight"])
    store = open_store(source / "random.zarr")
    task = make_task(config_of(store), load_catalog())
    trained, _ = load_tensors(trained_file(store.path, 0, "best"))
    weight = trained["layer3.0.conv2.weight"]
    smallest = weight.abs().flatten().argsort(stable=True)[: round(0.9 * weight.numel())]
    weight.view(-1)[smallest] = 0
    task.modules.load_state_dict(trained)
    task.modules.eval()
    with torch.no_grad():
        expected = task.evaluate("test")["accuracy"]
    assert found.sel(layer="layer3.0.conv2.weight", level=0.9).item() == expected
    assert (found.sel(level=0.0) == found.attrs["dense"]).all()
    assert found.attrs["chance"] == task.chance


def test_one_layer_at_a_time_with_retraining(source, tmp_path):
    layers, seeds = ["layer1.0.conv1.weight"], [0, 1]
    found = score_retrained(config(source), [0.0, 0.5], tmp_path, layers=layers, seeds=seeds, processes=1)
    assert dict(found.sizes) == {"layer": 1, "level": 2, "training_seed": 2}
    dense = [run(tmp_path, config(source, kind="dense", round=0, seed=seed))["summary"]["score"] for seed in seeds]
    assert found.sel(level=0.0).values.ravel().tolist() == dense


def test_only_the_layer_itself_is_pruned(source, tmp_path):
    mask = {"weights": "pretrained", "layer": "layer2.0.conv1.weight", "sparsity": 0.5}
    result = run(tmp_path, config(source, kind="one_layer", round=0, mask=mask))
    sizes = {name: int(np.prod(shape)) for name, shape in open_store(source / "pretrained.zarr").parameters.items()}
    removed = 0.5 * sizes["layer2.0.conv1.weight"] / sum(sizes.values())
    assert result["summary"]["sparsity"] == pytest.approx(removed)
    assert result["labels"]["mask"] == "one layer pretrained layer2.0.conv1.weight 50%"


def test_a_layer_that_is_not_there_is_refused(source):
    with pytest.raises(LthkitError, match="no prunable layer 'fc"):
        score_pruned(source / "random.zarr", [0.5], layers=["fc.weight"])


# bad input


def test_what_cannot_be_joined_is_refused(source, tmp_path):
    with pytest.raises(LthkitError, match="has no pre-trained ones"):
        run(tmp_path, config(source, store="random"))
    with pytest.raises(LthkitError, match="either step or share"):
        config(source, weights={"kind": "rewound"})
    with pytest.raises(LthkitError, match="no 'rewound' weights"):
        config(source, weights={"kind": "rewound", "step": 1}, model={"freeze": "body"})
    with pytest.raises(LthkitError, match="cannot rank the weights 'best'"):
        run(tmp_path, config(source, kind="one_shot_start", mask={"weights": "best"}))
    with pytest.raises(LthkitError, match="outside the training's"):
        run(tmp_path, config(source, weights={"kind": "rewound", "step": 1000}))
    wide = tiny_config(DIGITS, model__options={"width": 16}, pruning__rounds=0)
    wider = find_ticket(wide, tmp_path / "wide.zarr", progress=Silent())
    with pytest.raises(LthkitError, match="cannot be joined"):
        run(tmp_path, config(source, weights={"kind": "file", "path": str(trained_file(wider.path, 0, "last"))}))
    assert not list(tmp_path.glob("*.result.json"))


def test_a_folder_without_results_and_a_broken_result_are_refused(tmp_path):
    with pytest.raises(LthkitError, match="holds no results"):
        read_results(tmp_path)
    (tmp_path / "a.result.json").write_text("{")
    with pytest.raises(LthkitError, match=r"a\.result\.json is not a result"):
        read_results(tmp_path)


def test_a_frozen_network_without_a_head_has_nothing_to_train():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten())
    with pytest.raises(LthkitError, match="nothing is left to train"):
        models.freeze(network, "kept")


def test_seeds_of_redrawn_weights_do_not_meet_the_searchs(source):
    search = config_of(open_store(source / "random.zarr"))
    assert derive(search.seed, "redrawn", 0) % 2**31 != search.seed
    assert torch.isfinite(copy_state(models.build(search.model, 5, 1))["conv1.weight"]).all()
    assert make_point(0, {}).digests == {}


def test_from_large_images_to_small_ones_the_first_convolution_is_drawn_anew(tmp_path):
    """As from a checkpoint (Chen et al. 2021, released code): a 3x3 stem in place of the 7x7 one, all else is θp's."""
    given = models.build(models.ModelSpec(name="resnet18"), 10, seed=5).state_dict()
    save_tensors(tmp_path / "large.safetensors", given, {})
    weights = {"kind": "file", "path": str(tmp_path / "large.safetensors")}
    short = {"data__count": 20, "plan__batch_size": 8, "pruning__rounds": 0, "weights": weights}
    config = tiny_config(DIGITS, model={"name": "resnet18", "small_stem": True}, **short)
    task = make_task(config, load_catalog())
    own, start = copy_state(task.modules), starting_point(task, config).modules
    for name, tensor in start.items():
        expected = own if name.startswith(("conv1", "fc")) else given
        assert torch.equal(tensor, expected[name]), name
    assert start["conv1.weight"].shape == (64, 3, 3, 3)
