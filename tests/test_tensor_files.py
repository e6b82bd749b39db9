"""Files of tensors and training states: what was written comes back, or is refused in one sentence."""

import json
import os
import random
import struct

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lthkit.errors import LthkitError
from lthkit.train import (
    OptimizerState,
    Point,
    Snapshot,
    load_tensors,
    make_point,
    read_modules,
    read_snapshot,
    save_tensors,
    tensors_sha256,
    write_snapshot,
)
from lthkit.train.state import capture

TENSORS = {
    "a": torch.arange(6.0).view(2, 3),
    "b.c": torch.tensor(3),
    "none": torch.zeros(0, 2),
    "bits": torch.tensor([True]),
}


def snapshot():
    network = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    rows = [{"step": 1.0, "test_accuracy": float("nan"), "wall_time": 0.1}, {"step": 2.0, "test_accuracy": -0.0}]
    return Snapshot(capture(2, network, optimizer), rows, {"weight": torch.ones(2, 3)}, (0.1 + 0.2, 3), 1.5)


def content(path):
    """All that reading gives, comparable by ``==``."""
    found, header = read_snapshot(path)
    tensors = {**found.point.modules, **found.point.optimizer.tensors, **(found.best or {})}
    facts = [found.point.step, found.point.optimizer.facts, found.rows, found.best is None, found.losses, found.seconds]
    return repr([facts, header, found.point.digests, sorted(tensors), tensors_sha256(tensors)])


def flipped(data, position):
    changed = bytearray(data)
    changed[position // 8] ^= 1 << position % 8
    return bytes(changed)


def noticed_or_harmless(path, data, positions, read):
    expected, noticed = read(path), 0
    for position in positions:
        path.write_bytes(flipped(data, position))
        try:
            assert read(path) == expected, position
        except LthkitError:
            noticed += 1
    return noticed


def test_a_snapshot_comes_back_whole_and_writes_the_same_bytes(tmp_path):
    one = snapshot()
    write_snapshot(tmp_path / "one.state", one, {"round": 3, "config": "abc"})
    two, header = read_snapshot(tmp_path / "one.state")
    assert header == {"round": 3, "config": "abc"}
    assert two.point.digests == one.point.digests
    assert repr((two.rows, two.losses, two.seconds)) == repr((one.rows, one.losses, one.seconds))
    assert torch.equal(two.best["weight"], one.best["weight"])
    write_snapshot(str(tmp_path / "two.state"), two, header)
    assert (tmp_path / "one.state").read_bytes() == (tmp_path / "two.state").read_bytes()
    modules, found = read_modules(str(tmp_path / "one.state"))
    assert (modules.keys(), found) == ({"weight", "bias"}, header)


def test_one_flipped_bit_of_a_state_file_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "a.state"
    write_snapshot(path, snapshot(), {"round": 1, "config": "abc"})
    data = path.read_bytes()
    header = 8 + struct.unpack("<Q", data[:8])[0]
    draw = random.Random(0)
    positions = [*draw.sample(range(8 * header), 100), *draw.sample(range(8 * header, 8 * len(data)), 100)]
    assert noticed_or_harmless(path, data, positions, content) >= 190


@pytest.mark.slow
def test_every_flipped_bit_of_a_state_file_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "a.state"
    write_snapshot(path, snapshot(), {"round": 1, "config": "abc"})
    data = path.read_bytes()
    assert noticed_or_harmless(path, data, range(8 * len(data)), content) > 0.95 * 8 * len(data)


def test_one_flipped_bit_of_a_weights_file_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "start.safetensors"
    save_tensors(path, TENSORS, {"round": 2, "config_sha256": "abc"})
    data = path.read_bytes()

    def read(path):
        tensors, facts = load_tensors(path)
        return tensors_sha256(tensors), [facts.get(key) for key in ("round", "config_sha256")]

    def bound(path):
        """As readers do: what does not state whose it is, is nobody's."""
        found = read(path)
        if found[1] != [2, "abc"]:
            raise LthkitError("not ours")
        return found

    positions = random.Random(1).sample(range(8 * len(data)), 200)
    assert noticed_or_harmless(path, data, positions, bound) > 150


def test_the_hash_of_a_file_s_tensors_is_in_its_facts(tmp_path):
    save_tensors(tmp_path / "a", TENSORS, {"round": 2})
    tensors, facts = load_tensors(tmp_path / "a")
    assert facts == {"round": 2, "sha256": tensors_sha256(TENSORS)}
    assert {name: tensor.shape for name, tensor in tensors.items()} == {n: t.shape for n, t in TENSORS.items()}


@pytest.mark.parametrize("metadata", [None, {"lthkit": json.dumps({"round": 2})}, {"format": "pt"}])
def test_files_of_older_versions_and_other_programs_are_read(tmp_path, metadata):
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors", metadata)
    tensors, facts = load_tensors(tmp_path / "a.safetensors")
    assert tensors["a"].tolist() == [1, 1]
    assert "sha256" not in facts


def test_a_state_of_an_older_version_gives_its_modules_and_is_not_resumed(tmp_path):
    path = tmp_path / "old.state"
    tensors = {"modules/w": torch.ones(2), "momentum/w": torch.zeros(2)}
    save_file(tensors, path, {"lthkit": json.dumps({"header": {}, "step": 1, "digests": {}})})
    assert read_modules(path)[0].keys() == {"w"}
    with pytest.raises(LthkitError, match="an older lthkit wrote it"):
        read_snapshot(path)


def test_tensors_alone_are_no_training_state(tmp_path):
    save_tensors(tmp_path / "a", TENSORS, {})
    with pytest.raises(LthkitError, match="not a training state"):
        read_snapshot(tmp_path / "a")


def fifo(path):
    os.mkfifo(path)


def endless(path):
    path.symlink_to("/dev/zero")


def promising(path):
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)


def long_header(path):
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")


def nested_facts(path):
    save_file({"a": torch.ones(1)}, path, {"lthkit": "[" * 100_000})


def listed_facts(path):
    save_file({"a": torch.ones(1)}, path, {"lthkit": "[]"})


def nothing(path):
    """No file at all."""


@pytest.mark.parametrize("make", [fifo, endless, promising, long_header, nested_facts, listed_facts, os.mkdir, nothing])
def test_what_is_no_file_of_tensors_is_refused_in_one_sentence(tmp_path, make):
    path = tmp_path / "a.safetensors"
    make(path)
    for read in (load_tensors, read_snapshot):
        with pytest.raises(LthkitError, match=r"a\.safetensors cannot be read") as raised:
            read(path)
        assert "\n" not in str(raised.value)


def test_a_hash_that_was_taken_of_other_tensors_is_found(tmp_path):
    point = make_point(0, {"w": torch.zeros(2)}, OptimizerState({"w/m": torch.zeros(2)}, {"state": {}}))
    moved = Point(0, {"w": torch.ones(2)}, point.optimizer, point.digests)  # as if trained along with the live one
    write_snapshot(tmp_path / "a.state", Snapshot(moved), {})
    with pytest.raises(LthkitError, match="damaged"):
        read_snapshot(tmp_path / "a.state")
