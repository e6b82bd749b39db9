"""Studies carried out by real processes: kills, two at once, failures, limits; and their reports."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import studies_made

from lthkit.studies import Shelf, plan_batch

PATIENCE = 240


def batch(path, out, *options):
    return [sys.executable, "-m", "lthkit", "batch", str(path), "--scale", "smoke", "--out", str(out), *options]


def carry_out(path, out, *options, code=0):
    ran = subprocess.run(batch(path, out, *options), capture_output=True, text=True, timeout=PATIENCE)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def made(path, out):
    """What every run wrote, and how often each reached its end."""
    planned = plan_batch([path], "smoke", out)
    folders = {run.name: planned.shelf.folder(run.id) for run in planned.runs}
    values = {name: (folder / "made.txt").read_text() for name, folder in folders.items()}
    ends = {name: len((folder / "finished.txt").read_text().split()) for name, folder in folders.items()}
    return values, ends


def many(folder, begins, each):
    """A study of ``begins`` runs, and ``each`` that need each of them."""
    axes = {"value": list(range(begins)), "half": {f"h{place}": {"seconds": place / 1000} for place in range(each)}}
    return studies_made.study(folder, axes=axes)


def kill_and_go_on(path, out, kills, whom, draws):
    """Start, kill at random moments, start again; the last one ends by itself."""
    for _ in range(kills):
        process = subprocess.Popen(
            batch(path, out, "--jobs", "2"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(draws.uniform(3, 9))
        for pid in whom(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if process.poll() is None:
            process.kill()
        process.wait()
    return carry_out(path, out, "--jobs", "2")


def descendants(pid):
    """The processes below one, of all generations."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        found += (next_ones := [child for one in todo for child in children.get(one, [])])
        todo = next_ones
    return found


def check_killed(tmp_path, begins, each, kills):
    path = many(tmp_path, begins, each)
    carry_out(path, tmp_path / "plain", "--jobs", "2")
    draws = random.Random(7)

    def whom(pid):
        """The batch; or one of the processes that it started, which then is seen to have failed or is orphaned."""
        below = descendants(pid)
        return [pid] if draws.random() < 0.5 or not below else [pid, draws.choice(below)]

    out = tmp_path / "killed"
    kill_and_go_on(path, out, kills, whom, draws)
    values, ends = made(path, out)
    assert values == made(path, tmp_path / "plain")[0]
    assert set(ends.values()) == {1}  # none is done twice
    assert len(values) == begins + begins * each


def test_a_batch_that_is_killed_goes_on_and_does_nothing_twice(tmp_path):
    check_killed(tmp_path, 2, 2, 2)


@pytest.mark.slow
def test_a_large_batch_that_is_killed_five_times(tmp_path):
    check_killed(tmp_path, 6, 3, 5)


def test_two_batches_on_one_folder_share_the_work(tmp_path):
    path, out = many(tmp_path, 3, 1), tmp_path / "out"
    both = [subprocess.Popen(batch(path, out), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=PATIENCE)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    values, ends = made(path, out)
    assert set(ends.values()) == {1}
    assert len(values) == 6
    assert all("6 runs: 6 done" in one for one in told)


def test_a_failure_is_told_at_once_and_the_rest_goes_on(tmp_path):
    study = studies_made.study(
        tmp_path,
        scales={"smoke": {"given": {"begin": {"fails": 1}}}},
        axes={"value": {"good": {"value": 1, "fails": 0}, "bad": {"value": 2}}, "half": {"first": {}}},
    )
    out = tmp_path / "out"
    told = carry_out(study, out, code=4)
    assert "raised ValueError: not yet" in told.split("runs:")[0]
    assert "4 runs: 2 done, 1 failed, 1 skipped" in told
    assert "1 of 4 runs failed" in told
    status = subprocess.run(
        [sys.executable, "-m", "lthkit", "status", str(out), "--json"], capture_output=True, text=True, check=True
    )
    found = {" · ".join(one["labels"].values()): one for one in json.loads(status.stdout)}
    assert found["bad"]["state"] == "failed"
    assert Path(found["bad"]["executed"]).name == "tiny.failed.ipynb"
    assert "ValueError: not yet" in found["bad"]["error"]
    assert found["good · first"]["state"] == "done"
    # the second attempt is the one that works
    assert "4 runs: 4 done" in carry_out(study, out)


def test_a_run_is_tried_again_as_often_as_told(tmp_path):
    study = studies_made.study(
        tmp_path, steps={"begin": {"notebook": str(studies_made.notebook(tmp_path)), "given": {"fails": 2}}}
    )
    told = carry_out(study, tmp_path / "out", "--retries", "2")
    assert told.count("failed, again") == 2
    assert "1 runs: 1 done" in told


def test_it_stops_in_good_time_and_goes_on(tmp_path):
    study = studies_made.study(
        tmp_path,
        steps={
            "begin": {"notebook": str(studies_made.notebook(tmp_path)), "each": ["value"], "given": {"seconds": 4.0}}
        },
    )
    began = time.monotonic()
    told = carry_out(study, tmp_path / "out", "--for", "10s", code=5)
    assert time.monotonic() - began < PATIENCE / 2
    assert "time is up" in told
    shelf = Shelf(tmp_path / "out")
    done = [run for run in plan_batch([study], "smoke", tmp_path / "out").runs if shelf.state(run).standing == "done"]
    assert len(done) < 3
    assert "3 runs: 3 done" in carry_out(study, tmp_path / "out")
    assert all(len((shelf.folder(run.id) / "finished.txt").read_text().split()) == 1 for run in done)


def test_an_interruption_stops_what_runs(tmp_path):
    study = studies_made.study(
        tmp_path, steps={"begin": {"notebook": str(studies_made.notebook(tmp_path)), "given": {"seconds": 60.0}}}
    )
    out = tmp_path / "out"
    process = subprocess.Popen(batch(study, out), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    (run,) = plan_batch([study], "smoke", out).runs
    begun = Shelf(out).folder(run.id) / "attempts.txt"
    limit = time.monotonic() + PATIENCE
    while not begun.exists() and time.monotonic() < limit:
        time.sleep(0.1)
    assert Shelf(out).state(run).standing == "running"
    process.send_signal(signal.SIGTERM)
    told = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 130, told
    assert Shelf(out).state(run).standing == "to do"
    assert not descendants(process.pid)


# --- on a cluster ---------------------------------------------------------------------------------------------


@pytest.fixture
def dask(tmp_path):
    """A scheduler and two workers, each a process of its own: address, and the workers' processes."""
    pytest.importorskip("distributed")
    where = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    start = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--scheduler-file", str(where), "--port", "0"]
    processes = [subprocess.Popen([*start, "--no-dashboard"], **quiet)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(where), "--no-nanny"]
    processes += [subprocess.Popen([*worker, "--nthreads", "1", "--no-dashboard"], **quiet) for _ in range(2)]
    yield where, processes[1:]
    for process in processes:
        process.kill()
        process.wait()


def test_a_cluster_does_the_runs_also_when_a_worker_dies(tmp_path, dask):
    address, workers = dask
    path, out = many(tmp_path, 2, 1), tmp_path / "out"
    limit = time.monotonic() + PATIENCE
    while not address.exists() and time.monotonic() < limit:
        time.sleep(0.1)
    process = subprocess.Popen(
        batch(path, out, "--scheduler", str(address)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while not list((out / "runs").glob("*/attempts.txt")) and time.monotonic() < limit:
        time.sleep(0.1)
    workers[0].kill()
    told = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, told
    values, ends = made(path, out)
    carry_out(path, tmp_path / "plain", "--jobs", "2")
    assert values == made(path, tmp_path / "plain")[0]
    assert set(ends.values()) == {1}
    assert len(values) == 4


def test_a_scheduler_that_does_not_answer_is_named(tmp_path):
    path = studies_made.study(tmp_path)
    told = carry_out(path, tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9", code=3)
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()
    told = carry_out(path, tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9", "--jobs", "2", code=3)
    assert "give --jobs or --scheduler" in told
