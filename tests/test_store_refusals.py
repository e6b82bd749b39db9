from pathlib import Path

import numpy as np
import pytest
from test_store import PARAMETERS, ROUNDS, commit, new, random_codes, row, same, sample, tree, up_to

from lthkit.errors import StoreError
from lthkit.store import open_store, reopen


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
