import contextlib
import errno
import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_store import PARAMETERS, new, random_codes, row, same, sample, up_to

import lthkit.store.files as files
from lthkit.errors import StoreError
from lthkit.store import open_store, reopen


class Killed(BaseException):
    """No handler for errors runs when a process is killed."""


class Steps:
    """Counts the file operations that change a disk and fails at the n-th: for ever (a kill) or once (an error)."""

    def __init__(self, patch: pytest.MonkeyPatch, stop: int, failure: BaseException, *, for_ever: bool) -> None:
        self.count, self.stop, self.failure, self.for_ever = 0, stop, failure, for_ever
        patch.setattr(files, "THREADS", 1)
        patch.setattr(Path, "write_bytes", lambda path, data: self.write_torn(path, data))
        for name in ("fsync", "replace", "rename"):
            patch.setattr(os, name, self.counted(getattr(os, name)))

    def step(self) -> None:
        self.count += 1
        if self.count == self.stop or (self.for_ever and self.count > self.stop):
            raise self.failure

    def counted(self, work: Callable) -> Callable:
        def counting(*args, **options):
            self.step()
            return work(*args, **options)

        return counting

    def write_torn(self, path: Path, data: bytes) -> None:
        self.step()
        with open(path, "wb", buffering=0) as file:
            file.write(data[: len(data) // 2])
            self.step()
            file.write(data[len(data) // 2 :])


def state(path: Path) -> tuple:
    store = open_store(path)
    scores = {name: column.values.tobytes() for name, column in store.scores().items()}
    return store.committed, {name: code.tolist() for name, code in store.codes().items()}, scores


def next_commit(writer, codes: dict) -> None:
    writer.commit(up_to(codes, 3), rounds=3, scored=4, scores={3: row(3)})


def left_overs(folder: Path) -> list:
    return list(folder.rglob("*.partial"))


def test_a_commit_killed_at_any_step_is_whole_or_not_there(tmp_path):
    codes = sample(tmp_path / "old.zarr", rounds=2)
    old = state(tmp_path / "old.zarr")
    shutil.copytree(tmp_path / "old.zarr", tmp_path / "new.zarr")
    with reopen(tmp_path / "new.zarr") as writer:
        next_commit(writer, codes)
    new_state = state(tmp_path / "new.zarr")
    seen = []
    for stop in range(1, 200):
        path = shutil.copytree(tmp_path / "old.zarr", tmp_path / f"{stop}.zarr")
        writer = reopen(path)
        with pytest.MonkeyPatch.context() as patch:
            steps = Steps(patch, stop, Killed(), for_ever=True)
            with contextlib.suppress(Killed):
                next_commit(writer, codes)
        writer.close()
        seen.append(state(path))
        assert seen[-1] in (old, new_state), stop
        other = up_to(random_codes(PARAMETERS, 4, seed=9), 3)
        redone = {name: np.where(code > 2, np.maximum(other[name], 3), code) for name, code in up_to(codes, 2).items()}
        with reopen(path) as writer:
            assert not left_overs(path)
            if seen[-1] == old:
                writer.commit(redone, rounds=3, scored=4, scores={3: row(3)})
                assert same(open_store(path).codes(), redone)
        if steps.count < stop:
            break
    # 3 variables, 2 score columns and the attributes, each: open, write, sync, rename, sync of the folder
    assert steps.count == 6 * 5
    assert seen.index(new_state) == 6 * 5 - 1
    assert seen[-1] == new_state


def test_an_error_at_any_step_leaves_a_writer_that_can_go_on(tmp_path):
    codes = sample(tmp_path / "old.zarr", rounds=2)
    old = state(tmp_path / "old.zarr")
    for stop in range(1, 31):
        path = shutil.copytree(tmp_path / "old.zarr", tmp_path / f"{stop}.zarr")
        with reopen(path) as writer:
            with pytest.MonkeyPatch.context() as patch:
                Steps(patch, stop, OSError(errno.ENOSPC, "No space left on device"), for_ever=False)
                with pytest.raises(StoreError, match="No space left on device"):
                    next_commit(writer, codes)
            assert not left_overs(path)
            if stop < 30:
                assert state(path) == old
            next_commit(writer, codes)
        assert same(open_store(path).codes(), up_to(codes, 3))


@pytest.mark.parametrize("failure", [Killed(), OSError(errno.ENOSPC, "full")])
def test_a_store_is_created_whole_or_not_at_all(tmp_path, failure):
    for stop in range(1, 200):
        folder = tmp_path / str(stop)
        with pytest.MonkeyPatch.context() as patch:
            steps = Steps(patch, stop, failure, for_ever=True)
            with contextlib.suppress(Killed, StoreError):
                new(folder / "s.zarr").close()
        if (folder / "s.zarr").exists():
            assert steps.count <= stop + 1
            assert open_store(folder / "s.zarr").rounds == 0
            reopen(folder / "s.zarr").close()
        else:
            assert isinstance(failure, Killed) or not left_overs(folder)
            new(folder / "s.zarr").close()
        assert sorted(entry.name for entry in folder.iterdir()) == ["s.zarr", "s.zarr.lock"]
        if steps.count < stop:
            break
    assert stop > 20


def test_an_extra_mask_is_written_whole_or_not_at_all(tmp_path):
    sample(tmp_path / "s.zarr")
    mask = {"scale": np.arange(7) % 2 == 0}
    for stop in range(1, 50):
        writer = reopen(tmp_path / "s.zarr")
        with pytest.MonkeyPatch.context() as patch:
            steps = Steps(patch, stop, Killed(), for_ever=True)
            with contextlib.suppress(Killed):
                writer.write_extra(f"m{stop}", mask, None)
        writer.close()
        store = open_store(tmp_path / "s.zarr")
        if f"m{stop}" in store.extra():
            assert same(store.read_extra(f"m{stop}"), mask)
        if steps.count < stop:
            break
    assert 5 < stop < 49
    reopen(tmp_path / "s.zarr").close()
    assert not left_overs(tmp_path)


def test_a_reader_at_any_moment_of_a_commit_sees_one_commit(tmp_path, monkeypatch):
    codes = sample(tmp_path / "s.zarr", rounds=2)
    path = tmp_path / "s.zarr"
    old, early = state(path), open_store(path)
    seen = []
    replace = os.replace

    def watched(source, target):
        replace(source, target)
        seen.append(state(path))
        assert same(early.codes(), up_to(codes, 2))

    monkeypatch.setattr(files, "THREADS", 1)
    monkeypatch.setattr(os, "replace", watched)
    with reopen(path) as writer:
        next_commit(writer, codes)
    assert seen == [old] * 5 + [state(path)]
    assert state(path) != old
    assert same(early.codes(), up_to(codes, 2))
    assert early.scores().sizes["round"] == 3


def test_data_is_on_the_disk_before_the_step_that_needs_it(tmp_path, monkeypatch):
    codes = sample(tmp_path / "s.zarr", rounds=2)
    events = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        fsync(descriptor)
        events.append(("sync", os.fstat(descriptor).st_ino))

    def replaced(source, target):
        events.append(("replace", os.stat(source).st_ino, Path(target)))
        replace(source, target)

    writer = reopen(tmp_path / "s.zarr")
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    next_commit(writer, codes)
    writer.close()
    replaces = [event for event in events if event[0] == "replace"]
    last = events.index(replaces[-1])
    assert len(replaces) == 6
    assert replaces[-1][2] == tmp_path / "s.zarr/masks/zarr.json"
    for event in replaces:
        assert ("sync", event[1]) in events[: events.index(event)]
        folder = ("sync", os.stat(event[2].parent).st_ino)
        assert folder in (events[last:] if event is replaces[-1] else events[events.index(event) : last])


def commit_without_end(path: Path, ready) -> None:
    codes = random_codes(PARAMETERS, 254)
    with reopen(path) as writer:
        ready.set()
        for round in range(writer.store.rounds + 1, 255):
            row = {"train_loss": [round], "test_accuracy": [round / 254]}
            writer.commit(up_to(codes, round), rounds=round, scored=round, scores={round - 1: row})


def test_sigkill_at_random_moments_leaves_the_last_commit(tmp_path):
    path = tmp_path / "s.zarr"
    codes = random_codes(PARAMETERS, 254)
    new(path, rounds=254).close()
    draw, reached = random.Random(0), 0
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lthkit.store"])
    for _ in range(6):
        ready = context.Event()
        child = context.Process(target=commit_without_end, args=(path, ready))
        child.start()
        assert ready.wait(60)
        time.sleep(draw.uniform(0.05, 0.4))
        child.kill()
        child.join()
        store = open_store(path)
        assert store.rounds >= reached
        reached = store.rounds
        assert same(store.codes(), up_to(codes, reached))
        assert store.scores().train_loss[:, 0].values.tolist() == list(range(1, reached + 1))
    assert 0 < reached < 254
