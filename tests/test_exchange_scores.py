"""Scores as tables, read back by the csv module and by pyarrow."""

import csv

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from lthkit.errors import LthkitError
from lthkit.exchange import scores_table, write_scores
from lthkit.store import create, open_store

COLUMNS = ("step", "test_accuracy")


def make(path, scored=2, first_round=0):
    codes = {"a": np.array([[1, 2, 3, 255]], np.uint8), "b": np.array([[255, 255, 255, 2]], np.uint8)}
    arguments = {"parameters": {name: code.shape for name, code in codes.items()}, "config": {}, "provenance": {}}
    if first_round:
        arguments |= {"first_round": first_round, "codes": codes}
    with create(path, **arguments, metrics=COLUMNS, rounds=3, evaluations=3) as writer:
        rows = {
            0: {"step": np.array([2.0, 4.0]), "test_accuracy": np.array([0.1, 1 / 3])},
            1: {"step": np.array([2.0, 4.0, 6.0]), "test_accuracy": np.array([0.5, np.nan, 2 / 3])},
            2: {"step": np.array([2.0]), "test_accuracy": np.array([0.7])},
        }
        scores = {round: row for round, row in rows.items() if first_round <= round < scored}
        writer.commit(codes, rounds=3, scored=scored, scores=scores)
    return open_store(path)


def test_a_row_for_each_evaluation(tmp_path):
    table = scores_table(make(tmp_path / "a.zarr"))
    assert list(table.columns) == ["round", "evaluation", "sparsity", *COLUMNS]
    assert table["round"].tolist() == [0, 0, 1, 1, 1]
    assert table["evaluation"].tolist() == [0, 1, 0, 1, 2]
    assert table["sparsity"].tolist() == [0, 0, 1 / 8, 1 / 8, 1 / 8]
    assert table["step"].tolist() == [2, 4, 2, 4, 6]
    np.testing.assert_array_equal(table["test_accuracy"], [0.1, 1 / 3, 0.5, np.nan, 2 / 3])


def test_rounds_of_a_search_from_a_mask_keep_their_numbers(tmp_path):
    table = scores_table(make(tmp_path / "a.zarr", scored=3, first_round=2))
    assert table[["round", "evaluation", "sparsity", "step"]].values.tolist() == [[2, 0, 3 / 8, 2]]


def test_csv_and_parquet_hold_the_same_bits(tmp_path):
    store = make(tmp_path / "a.zarr")
    expected = scores_table(store)
    with open(write_scores(store, tmp_path / "new" / "a.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    for name, column in expected.items():
        np.testing.assert_array_equal([float(row[name] or "nan") for row in rows], column)
    read = pyarrow.parquet.read_table(write_scores(store, tmp_path / "a.parquet"))
    assert str(read.schema.field("round").type) == "int64"
    pd.testing.assert_frame_equal(read.to_pandas(), expected)


def test_what_cannot_be_written_is_told(tmp_path, monkeypatch):
    store = make(tmp_path / "a.zarr")
    (tmp_path / "a.csv").write_text("mine")
    for name, message in [("a.xlsx", "end it in .csv or .parquet"), ("a.csv", "exists already")]:
        with pytest.raises(LthkitError, match=message):
            write_scores(store, tmp_path / name)
    empty = make(tmp_path / "b.zarr", scored=0)
    with pytest.raises(LthkitError, match="has no scores"):
        write_scores(empty, tmp_path / "b.csv")

    def fail(table, path, **_):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    with pytest.raises(LthkitError, match="No space left"):
        write_scores(store, tmp_path / "a.csv", force=True)
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.glob("*.*")) == [
        "a.csv", "a.zarr", "a.zarr.lock", "b.zarr", "b.zarr.lock"
    ]  # fmt: skip
