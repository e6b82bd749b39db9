"""Scores without training, against the recorded scores of trainings and against a forward pass by hand."""

import json

import numpy as np
import pytest
import torch
from tiny import DIGITS, tiny_config

from lthkit import data, models, plots
from lthkit.analysis import curve, sparsity, verdict_table
from lthkit.catalog import load_catalog
from lthkit.cli import main
from lthkit.errors import LthkitError
from lthkit.progress import Silent
from lthkit.report import store_report
from lthkit.search import config_of, evaluate, evaluate_before_training, find_ticket, kept_state
from lthkit.store import start_file
from lthkit.transfer import transfer_many


def find(path, **changes):
    return find_ticket(tiny_config(DIGITS, **changes), path, progress=Silent())


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search of two rounds on five digits, all weights kept, rewound to step 2."""
    path = tmp_path_factory.mktemp("searched") / "ticket.zarr"
    return find(path, data__classes=[0, 1, 2, 3, 4], rewind={"to": "step", "step": 2}, keep_weights="all")


def by_hand(store, kept, round, split="test"):
    """Accuracy of kept weights with the round's removed ones zero, by a plain network on plain batches."""
    config, masks = config_of(store), store.masks(round)
    splits = data.load(config.data, load_catalog(), torch.device("cpu"))
    network = models.build(config.model, len(splits.classes), 0).eval()
    removed = {name: torch.from_numpy(~mask) for name, mask in masks.items()}
    state = {name: value.masked_fill(removed[name], 0) if name in removed else value for name, value in kept.items()}
    network.load_state_dict(state)
    source = getattr(splits, split)
    with torch.no_grad():
        batches = data.evaluation_batches(source, splits, batch_size=64)
        return sum(int((network(images).argmax(1) == labels).sum()) for images, labels in batches) / len(source)


@pytest.mark.parametrize("round", [0, 1, 2])
def test_kept_weights_score_what_their_training_recorded(searched, round):
    found, recorded = evaluate(searched, round=round, weights="best"), curve(searched).sel(round=round)
    assert found["test_accuracy"] == float(recorded.score)
    assert found["validation_accuracy"] == float(recorded.validation)
    assert found["sparsity"] == pytest.approx(float(recorded.sparsity))
    assert found["weights"] == f"best of round {round} of {searched.path}"


def test_a_round_is_scored_as_it_begins_under_its_mask(searched):
    start = kept_state(searched, 0, "start").network
    found = evaluate(searched.path, round=2)
    assert found["test_accuracy"] == by_hand(searched, start, 2)
    assert found["validation_accuracy"] == by_hand(searched, start, 2, "validation")
    assert (found["metric"], found["chance"], found["test_share"]) == ("accuracy", 0.2, 1.0)


def test_a_configuration_is_scored_as_it_would_begin(searched):
    """With a checkpoint, with a ticket's mask on it, and with nothing: the seed's random draw."""
    config, file = config_of(searched), str(searched.path.with_suffix(".weights") / "round-000-best.safetensors")
    trained = tiny_config(config.plain(), model__checkpoint=file)
    assert evaluate(trained)["test_accuracy"] == float(curve(searched).score[0])
    masked = evaluate(tiny_config(trained.plain(), mask=f"{searched.path}@2"))
    assert masked["test_accuracy"] == by_hand(searched, kept_state(searched, 0, "best").network, 2)
    assert masked["sparsity"] == pytest.approx(float(sparsity(searched)[2]))
    assert evaluate(config)["test_accuracy"] == evaluate(searched)["test_accuracy"]


def test_before_training_is_what_each_round_began_with(searched):
    found = evaluate_before_training(searched)
    begun = [kept_state(searched, 0, "start"), *[kept_state(searched, round, "rewind") for round in (1, 2)]]
    assert found["round"].values.tolist() == [0, 1, 2]
    assert found.score.values.tolist() == [by_hand(searched, kept.network, at) for at, kept in enumerate(begun)]
    assert np.allclose(found.sparsity, sparsity(searched))
    assert found.attrs["metric"] == "accuracy"


def test_before_training_without_rewinding_is_where_the_round_before_ended(tmp_path):
    store = find(tmp_path / "a.zarr", rewind={"to": "none"}, pruning__rounds=1)
    ended = kept_state(store, 0, "last").network
    assert evaluate_before_training(store).score.values[1] == by_hand(store, ended, 1)


def test_what_cannot_be_scored_is_refused(searched, tmp_path):
    with pytest.raises(LthkitError, match="has no round 3; choose one from 0 to 2"):
        evaluate(searched, round=3)
    with pytest.raises(LthkitError, match="a configuration says its mask and weights"):
        evaluate(config_of(searched), round=1)
    other = find(tmp_path / "a.zarr", pruning__rounds=0)
    start_file(other.path).unlink()
    with pytest.raises(LthkitError, match="keeps no weights 'start'"):
        evaluate(other)


def test_the_command_says_what_the_function_finds(searched, capsys):
    assert main(["evaluate", str(searched.path), "--round", "2", "--weights", "best", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == evaluate(searched, round=2, weights="best")
    checkpoint = str(searched.path.with_suffix(".weights") / "round-000-best.safetensors")
    quick = ["-p", "data.test_share", "0.5", "-p", "plan.device", "cpu"]
    assert main(["evaluate", "--scale", "smoke", "-p", "model.checkpoint", checkpoint, *quick]) == 0
    text = capsys.readouterr().out
    assert f"{checkpoint} (sha256" in text
    assert "tensors; drawn anew: fc.weight, fc.bias;" in text
    assert "accuracy on 50 % of the test split" in text
    assert "validation accuracy" in text
    assert main(["evaluate", str(searched.path), *quick]) == 3
    assert "a store has its own settings" in capsys.readouterr().err


def test_a_quick_look_is_called_one_everywhere(tmp_path):
    store = find(tmp_path / "quick.zarr", data__test_share=0.1, pruning__rounds=1)
    named = "accuracy on 10 % of the test split"
    assert store.provenance["test_share"] == curve(store).attrs["test_share"] == 0.1
    assert plots.sparsity_curve(curve(store)).layout.yaxis.title.text == named
    assert named in store_report(store)
    settings = tiny_config(DIGITS, pruning__rounds=0, data__test_share=0.1, keep_weights="none").plain()
    mask = {"kind": "ticket", "source": str(store.path), "round": 1}
    trainings = [tiny_config(settings, seed=seed, mask=mask, weights={"kind": "random"}) for seed in (0, 1)]
    results = transfer_many(trainings, tmp_path, processes=1)
    assert set(results["test_share"]) == {0.1}
    assert plots.results_curves(results).layout.yaxis.title.text == named
    assert plots.sensitivity_bars(results, round=1).layout.yaxis.title.text == named
    assert list(verdict_table(results)["test_share"]) == [0.1]
    assert "test_share" not in verdict_table(results.assign(test_share=1.0))
    with pytest.raises(LthkitError, match=r"mix the shares of the test split '0\.1' and '1\.0'"):
        verdict_table(results.assign(test_share=[0.1, 1.0]))
