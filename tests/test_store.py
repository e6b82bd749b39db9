import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from lthkit.config import digest
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
    assert store.config_sha256 == digest(store.config)
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
assert data.attrs["rounds"] == 4 and data.attrs["schema_version"] == 1
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
    assert ours.attrs == {"schema_version": 1, "rounds": 4, "first_round": 0}


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


def codes_with(value: int) -> np.ndarray:
    codes = up_to(random_codes(PARAMETERS, ROUNDS), 3)["scale"].copy()
    codes[0] = value
    return codes


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"codes": {"scale": codes_with(0)}}, "'scale' hold 0"),
        ({"codes": {"scale": codes_with(4)}}, "'scale' hold rounds after 3"),
        (
            {"codes": {"head.weight": np.full((4, 6), 3, np.uint8)}},
            "'head.weight' differ from those committed up to round 2",
        ),
        (
            {"codes": {"head.weight": np.full((4, 6), 255, np.uint8)}},
            "'head.weight' differ from those committed up to round 2",
        ),
        ({"codes": {"scale": np.full(7, 255)}}, "int64 array of shape"),
        ({"codes": {"scale": np.full(8, 255, np.uint8)}}, r"of shape \(8,\); give a uint8 array of shape \(7,\)"),
        ({"codes": {"scale": [255] * 7}}, "'scale' are a list"),
        ({"codes": {"more": np.full(7, 255, np.uint8)}}, "differ in parameter 'more'"),
        ({"rounds": 1, "scored": 2}, "cannot commit 1 rounds: 2 are committed"),
        ({"rounds": 5}, "4 planned"),
        ({"scored": 2}, "cannot have 2 rounds scored"),
        ({"scored": 5}, "cannot have 5 rounds scored"),
        ({"scores": {}}, "scores of round 3 are missing"),
        ({"scores": {3: row(3), 4: row(4)}}, "round 4 do not belong"),
        ({"scores": {3: row(3), 1: row(2)}}, "round 1 are committed and differ"),
        ({"scores": {3: {"train_loss": [1.0]}}}, "give exactly"),
        ({"scores": {3: row(3) | {"train_loss": [1.0] * 4}}}, "at most 3 numbers"),
        ({"scores": {3: row(3) | {"train_loss": ["a"]}}}, "at most 3 numbers"),
    ],
)
def test_a_commit_that_does_not_fit_is_refused_and_changes_nothing(tmp_path, wrong, sentence):
    codes = sample(tmp_path / "s.zarr", rounds=2)
    before = tree(tmp_path / "s.zarr")
    right = {"codes": up_to(codes, 3), "rounds": 3, "scored": 4, "scores": {3: row(3)}}
    given = right | wrong | {"codes": right["codes"] | wrong.get("codes", {})}
    with reopen(tmp_path / "s.zarr") as writer:
        with pytest.raises(StoreError, match=sentence):
            writer.commit(**given)
        assert tree(tmp_path / "s.zarr") == before
        writer.commit(**right)
    assert same(open_store(tmp_path / "s.zarr").codes(), up_to(codes, 3))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"rounds": 255}, "plan 0 to 254"),
        ({"first_round": 5}, "cannot go from round 5 to 4"),
        ({"first_round": 1}, "needs its parent's codes"),
        ({"first_round": 1, "codes": {"scale": np.full(7, 255, np.uint8)}}, "differ in parameter 'head.weight'"),
        ({"evaluations": 0}, "at least 1"),
        ({"parameters": {}}, "at least one prunable parameter"),
        ({"parameters": {"a/b": (2,)}}, "'a/b' cannot be stored"),
        ({"parameters": {"..": (2,)}}, "'..' cannot be stored"),
        ({"parameters": {"a": (2,), "a.d0": (2,)}}, "'a.d0' is also the name of a dimension"),
        ({"metrics": ("round",)}, "metric 'round'"),
        ({"config": {"rate": float("nan")}}, "the configuration cannot be stored"),
        ({"provenance": {"path": Path()}}, "the provenance cannot be stored"),
    ],
)
def test_a_store_that_makes_no_sense_is_refused_and_leaves_nothing(tmp_path, wrong, sentence):
    with pytest.raises(StoreError, match=sentence):
        new(tmp_path / "s.zarr", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_round_that_is_not_committed_is_refused(tmp_path):
    sample(tmp_path / "s.zarr", rounds=2)
    for round in (-1, 3):
        with pytest.raises(StoreError, match=f"has no round {round}; choose one from 0 to 2"):
            open_store(tmp_path / "s.zarr").masks(round)


def test_a_closed_writer_refuses(tmp_path):
    writer = new(tmp_path / "s.zarr")
    writer.close()
    with pytest.raises(StoreError, match="is closed"):
        commit(writer, random_codes(PARAMETERS, ROUNDS), 1)


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


@pytest.mark.parametrize(
    ("name", "masks", "sentence"),
    [
        ("taken", {"w": np.ones(3, bool)}, "already has an extra mask 'taken'"),
        ("../up", {"w": np.ones(3, bool)}, "cannot be named '../up'"),
        ("m", {"w": np.ones(3, np.uint8)}, "'w' is not a bool array"),
        ("m", {"w/x": np.ones(3, bool)}, "'w/x' cannot be stored"),
    ],
)
def test_an_unfit_extra_mask_is_refused(tmp_path, name, masks, sentence):
    with new(tmp_path / "s.zarr") as writer:
        writer.write_extra("taken", {"w": np.ones(3, bool)}, None)
        before = tree(tmp_path)
        with pytest.raises(StoreError, match=sentence):
            writer.write_extra(name, masks, None)
    assert tree(tmp_path) == before


def test_an_unknown_extra_mask_is_refused_with_those_there_are(tmp_path):
    with new(tmp_path / "s.zarr") as writer:
        writer.write_extra("mine", {"w": np.ones(3, bool)}, None)
    with pytest.raises(StoreError, match="no extra mask 'other'; it has mine"):
        open_store(tmp_path / "s.zarr").read_extra("other")
