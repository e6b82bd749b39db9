"""Stores that schema 1 wrote stay readable and can be gone on with, held by two small ones (``samples/schema-1``)."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from test_store_faults import tamper

from lthkit import analysis
from lthkit.errors import LthkitError, StoreError
from lthkit.exchange import export_ticket, gather, scores_table
from lthkit.progress import Silent
from lthkit.search import SearchConfig, config_of, find_ticket, kept_state
from lthkit.store import open_store, reopen
from lthkit.store.format import sha256

SAMPLES = Path(__file__).parent / "samples/schema-1"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text())


@pytest.fixture
def samples(tmp_path, monkeypatch):
    shutil.copytree(SAMPLES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)  # the child names its parent by a relative path
    return tmp_path


def expected_codes(name: str) -> dict[str, np.ndarray]:
    shapes = open_store(SAMPLES / f"{name}.zarr").parameters
    return {key: np.array(code, np.uint8).reshape(shapes[key]) for key, code in EXPECTED[name]["codes"].items()}


@pytest.mark.parametrize("name", ["parent", "child"])
def test_codes_masks_and_scores_are_those_of_then(name):
    store, codes = open_store(SAMPLES / f"{name}.zarr"), expected_codes(name)
    assert (store.committed.schema_version, store.committed.root_sha256, store.identity) == (1, None, None)
    assert (store.first_round, store.rounds) == (EXPECTED[name]["first_round"], EXPECTED[name]["rounds"])
    for round in range(store.rounds + 1):
        masks = store.masks(round)
        assert list(masks) == list(codes)
        assert all(np.array_equal(masks[key], code > round) for key, code in codes.items())
    assert analysis.curve(store).score.values.tolist() == EXPECTED[name]["score"]
    assert store.extra() == {}


def test_weights_that_were_kept_are_read_and_exported(samples):
    for round, which in ((0, "start"), (0, "best"), (0, "last"), (2, "best"), (2, "rewind")):
        state = kept_state(samples / "parent.zarr", round, which)
        assert state.address == "network."
        assert state.network["3.weight"].shape == (4, 2, 3, 3)
    export_ticket(samples / "child.zarr", 3, samples / "ticket.pt", weights="best")
    written = torch.load(samples / "ticket.pt", weights_only=True)
    trained = kept_state(samples / "child.zarr", 3, "best").network
    for name, code in expected_codes("child").items():
        left = torch.from_numpy(code > 3)
        assert torch.equal(written[name], trained[name] * left)


def test_weights_of_another_store_are_refused(samples):
    for name, round, which in (("start", 2, "start"), ("round-002-best", 2, "best")):
        shutil.copy(samples / f"parent.weights/{name}.safetensors", samples / f"child.weights/{name}.safetensors")
        with pytest.raises(LthkitError, match=r"does not hold the weights of .*child\.zarr"):
            gather(samples / "child.zarr", round, which)


def interrupted(path: Path) -> None:
    """As the child was before its first training was committed: its parent's masks, no scores."""
    parent = json.loads((path.parent / "parent.zarr/masks/zarr.json").read_text())["attributes"]
    tamper(
        path / "masks/zarr.json",
        lambda a: a.update(
            rounds=2,
            scored=2,
            parameters=parent["parameters"],
            scores_sha256=dict.fromkeys(a["scores_sha256"], sha256(np.full((2, 3), np.nan))),
        ),
        reseal=True,
    )
    for file in path.with_suffix(".weights").glob("round-*"):
        file.unlink()


def test_an_unfinished_search_is_gone_on_with(samples):
    path = samples / "child.zarr"
    interrupted(path)
    assert open_store(path).scored == 2
    store = find_ticket(config_of(path), path, progress=Silent())
    assert (store.committed.schema_version, store.rounds, store.scored) == (1, 3, 4)
    assert all(np.array_equal(store.codes()[name], code) for name, code in expected_codes("child").items())
    np.testing.assert_allclose(analysis.curve(store).score, EXPECTED["child"]["score"], rtol=1e-4)
    for which in ("best", "last", "start"):
        assert kept_state(path, 3, which).network.keys() == kept_state(path, 2, "start").network.keys()


def test_a_search_begins_from_its_masks_and_weights(samples):
    values = config_of("child.zarr").plain() | {"mask": "child.zarr@3"}
    store = find_ticket(SearchConfig.parse(values, "grandchild"), "grandchild.zarr", progress=Silent())
    assert (store.committed.schema_version, store.first_round, store.rounds) == (2, 3, 4)
    assert all(np.array_equal(store.masks(3)[name], code > 3) for name, code in expected_codes("child").items())


def test_extra_masks_are_added_and_read(samples):
    mask = {"3.weight": np.arange(72).reshape(4, 2, 3, 3) % 2 == 0}
    with reopen(samples / "child.zarr") as writer:
        writer.write_extra("half", mask, {"kind": "made up"})
    store = open_store(samples / "child.zarr")
    assert store.extra() == {"half": {"kind": "made up"}}
    assert np.array_equal(store.read_extra("half")["3.weight"], mask["3.weight"])


def test_a_group_of_schema_1_in_a_store_of_schema_2_is_refused(samples):
    values = config_of("child.zarr").plain() | {"mask": "child.zarr@3"}
    find_ticket(SearchConfig.parse(values, "grandchild"), "grandchild.zarr", progress=Silent())
    shutil.copy("child.zarr/masks/zarr.json", "grandchild.zarr/masks/zarr.json")
    with pytest.raises(StoreError, match=r"group 'masks' of grandchild\.zarr belongs to another store"):
        open_store("grandchild.zarr")


def test_what_takes_a_store_takes_its_path():
    path = SAMPLES / "child.zarr"
    store = open_store(path)
    assert scores_table(str(path)).equals(scores_table(store))
    assert analysis.curve(path).identical(analysis.curve(store))
    assert analysis.layer_density(str(path)).identical(analysis.layer_density(store))
    assert analysis.kernels_left(path, "3.weight", 3).identical(analysis.kernels_left(store, "3.weight", 3))
    assert config_of(path) == config_of(store)
    for work in (scores_table, analysis.curve, analysis.sparsity, config_of, gather):
        with pytest.raises(StoreError, match="a list is no store; give the path of a NAME"):
            work([], 0) if work is gather else work([])
