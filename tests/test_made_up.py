"""A task of one's own, in one file outside the package, through search, transfer and notebooks by ``changes`` alone."""

from pathlib import Path

import made_up
import pytest

import lthkit
from lthkit.batch import run_notebook
from lthkit.exchange import gather
from lthkit.progress import Silent
from lthkit.search import kept_state

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(scope="module")
def changes(tmp_path_factory):
    file = made_up.write_samples(tmp_path_factory.mktemp("own") / "signals.npz")
    return {
        "task.name": "made_up:make",
        "task.options": {"file": str(file), "tolerance": 0.4},
        "model.name": "made_up:network",
        "model.options": {"channels": 6},
        "plan.optimizer": "made_up:optimizer",
        "plan.learning_rate": 0.005,
        "plan.batch_size": 16,
    }


def test_it_is_searched_and_transferred(changes, tmp_path):
    config = lthkit.configure("smoke", "target", changes | {"pruning.rounds": 2})
    ticket = lthkit.find_ticket(config, tmp_path / "ticket.zarr", progress=Silent())
    assert ticket.provenance["metric"] == "within"
    assert ticket.provenance["network"] == "estimator."
    assert set(ticket.metrics) >= {"test_within", "test_error", "validation_within", "validation_error"}
    assert list(ticket.parameters) == ["2.weight"]
    assert "0.weight" in gather(ticket, 2).tensors
    assert "scale.weight" in kept_state(ticket, 0, "best").state
    pruned = changes | {"pruning.rounds": 5}  # of a search that takes the same changes: a transfer has none
    trainings = lthkit.transfer_configs("smoke", ticket.path, rounds=[2], weights=["source", "random"], changes=pruned)
    results = lthkit.transfer_many(trainings, tmp_path / "results", processes=1)
    assert set(results["metric"]) == {"within"}
    assert set(results["mask"]) == {"dense", "ticket", "layer random"}
    assert set(results["target"]) == {"made_up on digits 5,6,7,8,9"}
    assert len(results) == 6


@pytest.mark.parametrize(
    ("notebook", "parameters", "picture"),
    [
        ("01_find_ticket", {"out": "found"}, "found/curve.png"),
        ("02_transfer_ticket", {"out": "transfer", "processes": 1}, "transfer/transfer.png"),
        ("04_kernel_heatmaps", {"out": "maps"}, "maps/kernels.png"),
    ],
)
def test_it_goes_through_the_notebooks(notebook, parameters, picture, changes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent}:{Path(__file__).parents[1]}")
    run = run_notebook(
        NOTEBOOKS / f"{notebook}.ipynb", {"scale": "smoke", "changes": changes} | parameters, tmp_path / "out"
    )
    assert run.notebook.exists()
    assert (tmp_path / picture).stat().st_size > 5000
