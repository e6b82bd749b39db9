"""Sizes of what searches leave, and removal of what finished ones need no more; never a store nor weights."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from lthkit.errors import LthkitError
from lthkit.housekeeping import plan_removal, remove, sizes
from lthkit.report import cleaning_report, sizes_report
from lthkit.store import create, open_store, reopen, start_file, state_file
from lthkit.train import Snapshot, make_point, save_tensors, write_snapshot

HEX = "0123456789abcdef" * 2
LEFT_OVERS = (
    "a.zarr.{}.partial",
    "a.zarr/masks/w/c.0.0.{}.partial",
    "a.state.{}.partial",
    "a.weights/b.safetensors.{}.partial",
)


def search(path, scored, state=True, config=None):
    """A search of one pruning, so two trainings, with weights and training state."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arguments = {"config": config or {}, "provenance": {}, "metrics": ("step",), "rounds": 1, "evaluations": 1}
    with create(path, parameters={"w": (1, 2)}, **arguments) as writer:
        scores = {round: {"step": np.array([1.0])} for round in range(scored)}
        writer.commit({"w": np.array([[1, 255]], np.uint8)}, rounds=1, scored=scored, scores=scores)
    save_tensors(start_file(path), {"w": torch.ones(5)}, {})
    if state:
        write_snapshot(state_file(path), Snapshot(make_point(0, {"w": torch.ones(7)})), {"round": 0})
    return path


def litter(folder):
    for name in LEFT_OVERS:
        (folder / name.format(HEX)).write_bytes(b"half")
    (folder / f"a.zarr.{HEX}.partial").unlink()
    (folder / f"a.zarr.{HEX}.partial" / "masks").mkdir(parents=True)
    (folder / f"a.zarr.{HEX}.partial" / "masks" / f"w.{HEX}.partial").write_bytes(b"half")


def names(items, folder):
    return sorted(str(item.path.relative_to(folder)) for item in items)


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_sizes_tell_everything_once(tmp_path):
    store = search(tmp_path / "deep" / "a.zarr", 2)
    litter(tmp_path / "deep")
    search(tmp_path / "b.zarr", 1)
    items = sizes(tmp_path)
    found = {str(item.path.relative_to(tmp_path)): item for item in items}
    assert found["deep/a.zarr"].nbytes == open_store(store).nbytes
    assert found["deep/a.zarr"].note == "finished, 1 rounds"
    assert found["b.zarr"].note == "unfinished, 1 of 1 rounds"
    assert found["b.weights"].nbytes == start_file(tmp_path / "b.zarr").stat().st_size
    assert found["b.state"].nbytes == state_file(tmp_path / "b.zarr").stat().st_size
    assert found[f"deep/a.zarr.{HEX}.partial"].nbytes == 4
    assert sum(item.nbytes for item in items) == sum(len(content) for content in everything(tmp_path).values())
    assert [line.split()[-1] for line in sizes_report(items, tmp_path).splitlines()[-1:]] == [str(len(items))]


def test_a_finished_search_s_state_left_overs_and_lock_go(tmp_path):
    path = search(tmp_path / "deep" / "a.zarr", 2)
    before = everything(tmp_path)
    litter(tmp_path / "deep")
    going, staying = plan_removal(tmp_path)
    expected = {"deep/a.state", "deep/a.zarr.lock"} | {f"deep/{name.format(HEX)}" for name in LEFT_OVERS}
    assert set(names(going, tmp_path)) == expected
    assert staying == []
    assert remove(going) == []
    after = everything(tmp_path)
    assert before.keys() - after.keys() == {Path("deep/a.state"), Path("deep/a.zarr.lock")}
    assert all(before[name] == content for name, content in after.items())
    assert open_store(path).codes()["w"].tolist() == [[1, 255]]
    assert plan_removal(tmp_path) == ([], [])


def test_an_unfinished_search_keeps_all_and_is_named(tmp_path):
    search(tmp_path / "a.zarr", 1)
    litter(tmp_path)
    going, staying = plan_removal(tmp_path)
    assert going == []
    assert set(names(staying, tmp_path)) == {"a.state"} | {name.format(HEX) for name in LEFT_OVERS}
    assert {item.note for item in staying} == {"its search is unfinished, 1 of 2 rounds are trained"}
    report = cleaning_report(going, staying, tmp_path)
    assert "a.state" in report
    assert report.endswith("nothing to remove")


def test_what_is_in_use_stays(tmp_path):
    path = search(tmp_path / "a.zarr", 2)
    going, _ = plan_removal(tmp_path)
    with reopen(path):
        in_use, staying = plan_removal(tmp_path)
        assert in_use == []
        assert ["already open for writing" in item.note for item in staying] == [True]
        left = remove(going)
    assert names(left, tmp_path) == ["a.state", "a.zarr.lock"]
    assert state_file(path).exists()
    assert remove(going) == []
    assert not state_file(path).exists()


def test_a_search_begun_anew_meanwhile_keeps_its_state(tmp_path):
    path = search(tmp_path / "a.zarr", 2)
    going, _ = plan_removal(tmp_path)
    path.rename(tmp_path / "old")
    state = state_file(search(path, 1)).read_bytes()
    assert [item.note for item in remove(going)] == ["its search is unfinished, 1 of 2 rounds are trained"] * 2
    assert state_file(path).read_bytes() == state


def test_state_without_a_readable_store_stays(tmp_path):
    gone, broken = search(tmp_path / "gone.zarr", 2), search(tmp_path / "broken.zarr", 2)
    gone.rename(tmp_path / "elsewhere")
    (broken / "masks" / "zarr.json").write_text("{}")
    going, staying = plan_removal(tmp_path)
    assert going == []
    assert {item.path.name: item.note for item in staying} == {
        "broken.state": "broken.zarr cannot be read",
        "gone.state": "there is no gone.zarr to tell whether its search is finished",
    }
    assert [item.note for item in sizes(tmp_path) if item.path == broken] == ["cannot be read"]


def test_somebody_else_s_state_stays(tmp_path):
    path = search(tmp_path / "a.zarr", 2, state=False)
    state_file(path).write_text("the state of Ohio")
    going, staying = plan_removal(tmp_path)
    assert names(going, tmp_path) == ["a.zarr.lock"]
    assert [(item.path, item.note) for item in staying] == [(state_file(path), "it is not a training state of lthkit")]


def test_an_imported_store_counts_as_finished(tmp_path):
    path = search(tmp_path / "a.zarr", 0, config={"imported": {}})
    assert sizes(tmp_path)[0].note == "imported, 1 rounds"
    going, _ = plan_removal(tmp_path)
    assert state_file(path) in [item.path for item in going]


def test_links_are_not_followed(tmp_path):
    search(tmp_path / "far" / "a.zarr", 2)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "far")
    assert sizes(tmp_path / "here") == []
    assert plan_removal(tmp_path / "here") == ([], [])


def test_a_folder_that_is_not_there_is_told(tmp_path):
    for look in (sizes, plan_removal):
        with pytest.raises(LthkitError, match="there is no folder"):
            look(tmp_path / "none")


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_a_disk_that_refuses_is_told(tmp_path, monkeypatch):
    search(tmp_path / "a.zarr", 2)
    going, _ = plan_removal(tmp_path)

    def refuse(path, missing_ok=False):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(LthkitError, match=r"a.state' cannot be removed \(Permission denied\)"):
        remove(going)
    monkeypatch.undo()
    assert remove(going) == []
