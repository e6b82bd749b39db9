"""Two processes under torchrun's variables, with gloo on the CPU."""

import multiprocessing
import os
import socket

import pytest
import torch
from killed import search
from test_search import bits
from tiny import AUTOENCODER, DIGITS, tiny_config

from lthkit import masks as masking
from lthkit.errors import LthkitError
from lthkit.search import start_file, trained_file
from lthkit.store import open_store
from lthkit.train import check_machine, load_tensors

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


def test_two_processes_train_as_one_at_the_same_global_batch(tmp_path):
    values = values_of(PLAIN, pruning__rounds=1, plan__epochs=1)
    assert two_processes(values, tmp_path / "two.zarr") == [0, 0]
    search(values, str(tmp_path / "one.zarr"), None)
    one, two = (open_store(tmp_path / f"{name}.zarr") for name in ("one", "two"))
    assert two.config["plan"]["processes"] == 2
    starts = [load_tensors(start_file(store.path))[0] for store in (one, two)]
    trained = [load_tensors(trained_file(store.path, 0, "last"))[0] for store in (one, two)]
    for name, tensor in trained[0].items():
        moved = (tensor - starts[0][name]).abs().max()
        assert torch.equal(starts[0][name], starts[1][name])
        assert (tensor - trained[1][name]).abs().max() <= 1e-4 * moved.clamp(min=1e-3), name
    different = sum(int((one.masks(1)[name] != two.masks(1)[name]).sum()) for name in one.parameters)
    assert different <= 0.002 * masking.size(masking.alive_at(one.codes(), 1))


def test_with_batch_norm_two_processes_come_near_one(tmp_path):
    values = values_of(DIGITS, pruning__rounds=0, data__count=256, plan__epochs=4, data__classes=[0, 1])
    assert two_processes(values, tmp_path / "two.zarr") == [0, 0]
    search(values, str(tmp_path / "one.zarr"), None)
    losses = [open_store(tmp_path / f"{name}.zarr").scores().train_loss.values[0, -1] for name in ("one", "two")]
    assert abs(losses[0] - losses[1]) < 0.25 * losses[0] + 0.05


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
