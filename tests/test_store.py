import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from lthkit.config import canonical_sha256
from lthkit.errors import StoreError
from lthkit.store import Store, Writer, create, open_store, reopen

PARAMETERS = {"layer1.0.conv.weight": (5, 3, 3, 3), "head.weight": (4, 6), "scale": (7,)}
METRICS = ("train_loss", "test_accuracy")
ROUNDS = 4
OFF = settings(derandomize=True, deadline=None, max_examples=20)


def random_codes(parameters: dict, rounds: int, seed: int = 0) -> dict:
    draw = np.random.default_rng(seed)
    choices = np.array([*range(1, rounds + 1), 255], np.uint8)
    return {name: draw.choice(choices, shape) for name, shape in parameters.items()}


def up_to(codes: dict, rounds: int) -> dict:
    return {name: np.where(code > rounds, 255, code).astype(np.uint8) for name, code in codes.items()}


def row(round: int) -> dict:
    return {"train_loss": np.array([3.0, 2.0 + round, 1 / 3]), "test_accuracy": np.array([0.5 + round / 100])}


def new(path: Path, **changes) -> Writer:
    settings = {
        "parameters": PARAMETERS,
        "config": {"seed": 1, "rate": 0.2, "name": "für"},
        "provenance": {"start": "ab" * 32, "torch": "2.15"},
        "metrics": METRICS,
        "rounds": ROUNDS,
        "evaluations": 3,
    }
    return create(path, **(settings | changes))


def commit(writer: Writer, codes: dict, rounds: int) -> None:
    scored = rounds + 1
    fresh = range(writer.store.scored, scored)
    writer.commit(up_to(codes, rounds), rounds=rounds, scored=scored, scores={r: row(r) for r in fresh})


def sample(path: Path, rounds: int = 2) -> dict:
    codes = random_codes(PARAMETERS, ROUNDS)
    with new(path) as writer:
        commit(writer, codes, rounds)
    return codes


def same(left: dict, right: dict) -> bool:
    return list(left) == list(right) and all(
        left[name].dtype == right[name].dtype and np.array_equal(left[name], right[name]) for name in left
    )


def tree(path: Path) -> dict:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


shapes = st.lists(st.integers(1, 5), max_size=4).map(tuple) | st.just((0, 3))
manifests = st.dictionaries(st.sampled_from(["a", "b.weight", "c d", "é"]), shapes, min_size=1)


@OFF
@given(parameters=manifests, rounds=st.integers(0, 254), steps=st.lists(st.integers(0, 254), max_size=3))
def test_what_is_committed_is_read(tmp_path_factory, parameters, rounds, steps):
    path = tmp_path_factory.mktemp("store") / "s.zarr"
    codes = random_codes(parameters, rounds)
    committed = 0
    with new(path, parameters=parameters, rounds=rounds) as writer:
        for committed in sorted({min(step, rounds) for step in steps} | {rounds}):
            commit(writer, codes, committed)
            assert same(open_store(path).codes(), up_to(codes, committed))
    store = open_store(path)
    assert store.parameters == parameters
    assert store.counts == {name: int((code == 255).sum()) for name, code in codes.items()}
    for round in {0, rounds // 2, rounds}:
        assert same(store.masks(round), {name: code > round for name, code in codes.items()})


def test_codes_of_several_chunks_come_back(tmp_path):
    parameters = {"big": (1031, 2051), "wide": (2, 1500000)}
    codes = random_codes(parameters, 3)
    with new(tmp_path / "s.zarr", parameters=parameters) as writer:
        commit(writer, codes, 3)
    assert len(list((tmp_path / "s.zarr" / "masks" / "big").glob("c.*"))) == 3
    assert same(open_store(tmp_path / "s.zarr").codes(), codes)


def test_a_store_tells_what_it_holds(tmp_path):
    sample(tmp_path / "s.zarr", rounds=2)
    store = open_store(str(tmp_path / "s.zarr"))
    assert (store.rounds, store.scored, store.first_round, store.planned_rounds) == (2, 3, 0, ROUNDS)
    assert store.config == {"seed": 1, "rate": 0.2, "name": "für"}
    assert store.config_sha256 == canonical_sha256(store.config)
    assert store.provenance["torch"] == "2.15"
    assert (store.metrics, store.evaluations) == (METRICS, 3)
    assert store.nbytes == sum(map(len, tree(store.path).values()))


def test_the_variables_follow_the_format(tmp_path):
    sample(tmp_path / "s.zarr")
    node = json.loads((tmp_path / "s.zarr/masks/layer1.0.conv.weight/zarr.json").read_text())
    assert (node["zarr_format"], node["data_type"], node["fill_value"]) == (3, "uint8", 0)
    assert [codec["name"] for codec in node["codecs"]] == ["bytes", "zstd", "crc32c"]
    assert node["codecs"][1]["configuration"]["level"] == 1
    assert node["dimension_names"] == [f"layer1.0.conv.weight.{axis}" for axis in ("out", "in", "kh", "kw")]
    head = json.loads((tmp_path / "s.zarr/masks/head.weight/zarr.json").read_text())
    assert head["dimension_names"] == ["head.weight.out", "head.weight.in"]


def test_the_masks_open_without_lthkit(tmp_path):
    codes = sample(tmp_path / "s.zarr", rounds=4)
    script = f"""
import sys, warnings
import numpy as np, xarray as xr
warnings.simplefilter("error")
data = xr.open_zarr({str(tmp_path / "s.zarr")!r}, group="masks", consolidated=False)
assert "lthkit" not in sys.modules
assert data["head.weight"].dims == ("head.weight.out", "head.weight.in")
assert {{str(v.dtype) for v in data.data_vars.values()}} == {{"uint8"}}
assert data.attrs["rounds"] == 4 and data.attrs["schema_version"] == 2
np.savez({str(tmp_path / "read.npz")!r}, **{{name: v.values for name, v in data.items()}})
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    read = np.load(tmp_path / "read.npz")
    assert same({name: read[name] for name in codes}, codes)


def test_pruned_at_is_what_xarray_reads(tmp_path):
    codes = sample(tmp_path / "s.zarr", rounds=4)
    ours = open_store(tmp_path / "s.zarr").pruned_at()
    plain = xr.open_zarr(tmp_path / "s.zarr", group="masks", consolidated=False)
    xr.testing.assert_equal(ours, plain)
    assert list(ours) == list(codes)
    assert ours.attrs == {"schema_version": 2, "rounds": 4, "first_round": 0}


def test_scores_are_cut_at_the_finished_trainings(tmp_path):
    with new(tmp_path / "s.zarr") as writer:
        codes = random_codes(PARAMETERS, ROUNDS)
        commit(writer, codes, 1)
        writer.commit(up_to(codes, 2), rounds=2, scored=2, scores={})
        scores = writer.store.scores()
    assert scores.train_loss.dims == ("round", "evaluation")
    assert scores["round"].values.tolist() == [0, 1]
    np.testing.assert_array_equal(scores.train_loss, [[3, 2, 1 / 3], [3, 3, 1 / 3]])
    np.testing.assert_array_equal(scores.test_accuracy, [[0.5, np.nan, np.nan], [0.51, np.nan, np.nan]])


def test_a_round_can_have_no_number_in_a_column(tmp_path):
    with new(tmp_path / "s.zarr") as writer:
        empty = {"train_loss": np.full(3, np.nan), "test_accuracy": []}
        writer.commit(random_codes(PARAMETERS, 0), rounds=0, scored=1, scores={0: empty})
    assert np.isnan(open_store(tmp_path / "s.zarr").scores().to_array()).all()


def test_a_search_from_a_stored_mask_inherits_its_codes(tmp_path):
    parent = sample(tmp_path / "parent.zarr", rounds=4)
    with new(tmp_path / "child.zarr", first_round=2, codes=parent) as writer:
        assert (writer.store.rounds, writer.store.scored, writer.store.first_round) == (2, 2, 2)
        assert same(writer.store.codes(), up_to(parent, 2))
        assert writer.store.scores().sizes["round"] == 0
        with pytest.raises(StoreError, match="round 1 do not belong"):
            writer.commit(up_to(parent, 2), rounds=2, scored=3, scores={1: row(1), 2: row(2)})
        commit(writer, parent, 3)
    child = open_store(tmp_path / "child.zarr")
    assert same(child.codes(), up_to(parent, 3))
    assert same(child.masks(1), {name: code > 1 for name, code in parent.items()})
    assert child.scores()["round"].values.tolist() == [2, 3]
    np.testing.assert_array_equal(child.scores().test_accuracy[:, 0], [0.52, 0.53])


def test_a_commit_can_be_repeated(tmp_path):
    codes = sample(tmp_path / "s.zarr", rounds=2)
    before = tree(tmp_path / "s.zarr")
    with reopen(tmp_path / "s.zarr") as writer:
        writer.commit(up_to(codes, 2), rounds=2, scored=3, scores={0: row(0), 2: row(2)})
    assert tree(tmp_path / "s.zarr") == before


def test_a_commit_writes_every_chunk_anew(tmp_path):
    parameters = {"big": (1031, 2051)}
    codes = random_codes(parameters, 2)
    with new(tmp_path / "s.zarr", parameters=parameters) as writer:
        commit(writer, codes, 1)
        for chunk in (tmp_path / "s.zarr/masks/big").glob("c.*"):
            chunk.write_bytes(b"damaged")
        commit(writer, codes, 2)
    assert same(open_store(tmp_path / "s.zarr").codes(), codes)


def entropy(codes: np.ndarray) -> float:
    share = np.bincount(codes.ravel()) / codes.size
    return float(-(share[share > 0] * np.log2(share[share > 0])).sum() * codes.size / 8)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.35, 0.5])
def test_a_finished_search_is_stored_near_its_entropy(tmp_path, rate):
    draw = np.minimum(np.random.default_rng(0).geometric(rate, (512, 1024)), 19)
    codes = {"w": np.where(draw == 19, 255, draw).astype(np.uint8)}
    path = tmp_path / "s.zarr"
    with new(path, parameters={"w": (512, 1024)}, rounds=18) as writer:
        commit(writer, codes, 17)
        commit(writer, codes, 18)
    assert (path / "masks/w/c.0.0").stat().st_size < 1.03 * entropy(codes["w"])
    assert '"level": 1,' in (path / "masks/w/zarr.json").read_text()
    assert same(open_store(path).codes(), codes)
    assert (xr.open_zarr(path, group="masks", consolidated=False)["w"].values == codes["w"]).all()


@OFF
@given(parameters=manifests, seed=st.integers(0, 99))
def test_an_extra_mask_comes_back(tmp_path_factory, parameters, seed):
    masks = {name: code == 255 for name, code in random_codes(parameters, 1, seed).items()}
    path = tmp_path_factory.mktemp("store") / "s.zarr"
    with new(path) as writer:
        writer.write_extra("flip@2", masks, {"kind": "perturbed", "round": 2})
        writer.write_extra("foreign", {"scale": np.ones(7, bool)}, None)
    store: Store = open_store(path)
    assert store.extra() == {"flip@2": {"kind": "perturbed", "round": 2}, "foreign": None}
    assert same(store.read_extra("flip@2"), masks)


def test_extra_masks_are_bit_packed(tmp_path):
    mask = np.random.default_rng(0).random((64, 100)) < 0.5
    with new(tmp_path / "s.zarr") as writer:
        before = writer.store.nbytes
        writer.write_extra("m", {"w": mask}, None)
        assert 800 < writer.store.nbytes - before < 800 + 2000
