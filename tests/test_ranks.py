"""Two processes under torchrun's variables, with gloo on the CPU."""

import multiprocessing
import os
import random
import socket

import numpy as np
import pytest
import torch
from killed import search
from test_search import bits, result_bits
from tiny import AUTOENCODER, DIGITS, tiny_config

from lthkit import masks as masking
from lthkit.errors import LthkitError
from lthkit.search import kept_state, read_result
from lthkit.store import open_store
from lthkit.train import check_machine

# without normalisation and without draws inside the step, one and two processes differ by rounding alone
PLAIN = {**DIGITS, "model": {"name": "tiny:plain_network"}, "plan": {**DIGITS["plan"], "batch_size": 32}}


def _rank(number, port, values, path, die_at):
    os.environ |= {
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    search(values, path, die_at if number == 0 else None)


def two_processes(values, path, die_at=None):
    """Exit codes of both ranks; rank 1 is stopped, as torchrun does, when rank 0 dies."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "lthkit.search", "tiny"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = [context.Process(target=_rank, args=(number, port, values, str(path), die_at)) for number in range(2)]
    for rank in ranks:
        rank.start()
    ranks[0].join()
    if ranks[0].exitcode != 0:
        ranks[1].kill()
    ranks[1].join()
    return [rank.exitcode for rank in ranks]


def values_of(base, **changes):
    return tiny_config(base, **changes).plain()


def near_in_weights(one, two, round, share):
    """Whether two searches trained alike: each tensor within a share of how far it moved, statistics included."""
    starts = [kept_state(store, 0, "start").state for store in (one, two)]
    trained = [kept_state(store, round, "last").state for store in (one, two)]
    for name, tensor in trained[0].items():
        assert torch.equal(starts[0][name], starts[1][name])
        if not name.endswith("num_batches_tracked"):
            moved = (tensor - starts[0][name]).abs().max()
            assert (tensor - trained[1][name]).abs().max() <= share * moved.clamp(min=1e-3), name


def near_in_scores(one, two, share):
    for name, column in one.items():
        if name != "wall_time":
            np.testing.assert_allclose(column, two[name], rtol=share, atol=share, err_msg=name)


def score_columns(store):
    return {name: column.values for name, column in store.scores().data_vars.items()}


def test_two_processes_train_as_one_at_the_same_global_batch(tmp_path):
    values = values_of(PLAIN, pruning__rounds=1, plan__epochs=1)
    assert two_processes(values, tmp_path / "two.zarr") == [0, 0]
    search(values, str(tmp_path / "one.zarr"), None)
    one, two = (open_store(tmp_path / f"{name}.zarr") for name in ("one", "two"))
    assert two.config["plan"]["processes"] == 2
    near_in_weights(one, two, 0, 1e-4)
    near_in_scores(score_columns(one), score_columns(two), 0.02)
    different = sum(int((one.masks(1)[name] != two.masks(1)[name]).sum()) for name in one.parameters)
    assert different <= 0.002 * masking.size(masking.alive_at(one.codes(), 1))


def test_with_batch_norm_two_processes_come_near_one(tmp_path):
    """Each rank normalises its own share, so batches large enough for that come near, statistics and scores too."""
    values = values_of(
        DIGITS, pruning__rounds=0, data__count=256, data__classes=[0, 1], plan__epochs=4, plan__batch_size=64
    )
    assert two_processes(values, tmp_path / "two.zarr") == [0, 0]
    search(values, str(tmp_path / "one.zarr"), None)
    one, two = (open_store(tmp_path / f"{name}.zarr") for name in ("one", "two"))
    losses = [store.scores().train_loss.values[0, -1] for store in (one, two)]
    assert abs(losses[0] - losses[1]) < 0.25 * losses[0] + 0.05
    scores = [store.scores().validation_accuracy.values[0, -1] for store in (one, two)]
    assert abs(scores[0] - scores[1]) <= 0.05
    states = [kept_state(store, 0, "last").state for store in (one, two)]
    for name in (name for name in states[0] if name.endswith(("running_mean", "running_var"))):
        spread = states[0][name].abs().max()
        assert (states[0][name] - states[1][name]).abs().max() <= 0.25 * spread, name


def transfer_values(source, weights, **changes):
    return values_of(
        PLAIN,
        pruning__rounds=0,
        mask={"kind": "complement", "source": str(source), "round": 1},
        weights=weights,
        keep_weights="all",
        **{"plan__epochs": 1} | changes,
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A search of one round to transfer from."""
    path = tmp_path_factory.mktemp("ranks") / "source.zarr"
    search(values_of(PLAIN, pruning__rounds=1, plan__epochs=1), str(path), None)
    return path


def test_a_transfer_on_two_processes_is_a_search_of_zero_rounds_and_near_one_process(source, tmp_path):
    values = transfer_values(source, {"kind": "random"})
    assert two_processes(values, tmp_path / "two.result.json") == [0, 0]
    assert two_processes(values, tmp_path / "two.zarr") == [0, 0]
    search(values, str(tmp_path / "one.zarr"), None)
    result, store = read_result(tmp_path / "two.result.json"), open_store(tmp_path / "two.zarr")
    columns = score_columns(store)
    for index, row in enumerate(result["rows"]):
        expected = {name: column[0, index] for name, column in columns.items() if name != "wall_time"}
        assert {name: np.float64("nan" if row[name] is None else row[name]) for name in expected} == pytest.approx(
            expected, rel=0, abs=0, nan_ok=True
        )
    one = open_store(tmp_path / "one.zarr")
    near_in_weights(one, store, 1, 1e-4)
    near_in_scores(score_columns(one), columns, 0.02)


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_a_transfer_killed_at_random_moments_ends_in_the_same_bits(kills, source, tmp_path):
    values = transfer_values(source, {"kind": "rewound", "step": 1}, plan__epochs=8)
    assert two_processes(values, tmp_path / "alone.result.json") == [0, 0]
    draw = random.Random(5)
    for number in range(kills):  # early enough that the next is left something to do
        kind = ("step", "file", "sync")[number % 3]
        moment = kind, draw.randint(*{"step": (2, 3), "file": (1, 3), "sync": (1, 4)}[kind])
        assert two_processes(values, tmp_path / "killed.result.json", moment)[0] == -9
    assert two_processes(values, tmp_path / "killed.result.json") == [0, 0]
    assert result_bits(tmp_path / "killed.result.json") == result_bits(tmp_path / "alone.result.json")


def test_two_processes_killed_and_resumed_end_in_the_same_bits(tmp_path):
    values = values_of(AUTOENCODER, keep_weights="all")
    assert two_processes(values, tmp_path / "alone.zarr") == [0, 0]
    for moment in (("step", 4), ("file", 9), ("sync", 40), ("step", 2)):
        assert two_processes(values, tmp_path / "killed.zarr", moment)[0] == -9
    assert two_processes(values, tmp_path / "killed.zarr") == [0, 0]
    assert bits(tmp_path / "killed.zarr") == bits(tmp_path / "alone.zarr")


def test_other_numbers_of_processes_are_refused(monkeypatch):
    plan = tiny_config(AUTOENCODER, plan__processes=2).plan
    with pytest.raises(LthkitError, match="for 2 processes and 1 were started"):
        check_machine(plan)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(LthkitError, match="cannot be shared among 3 processes"):
        check_machine(tiny_config(AUTOENCODER).plan)
