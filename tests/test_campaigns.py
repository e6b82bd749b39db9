"""Campaigns against what a search and a transfer leave behind: flipped bits, races, kills. The long forms are slow."""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from killed import KINDS, in_process
from raced import race, search, transfers
from test_search import bits
from test_store_faults import contents
from tiny import AUTOENCODER, tiny_config

from lthkit.catalog import load_catalog
from lthkit.cli import REFUSED, WRONG_USAGE, main
from lthkit.errors import LthkitError
from lthkit.progress import Silent
from lthkit.search import (
    SearchConfig,
    find_ticket,
    kept_state,
    make_task,
    prepare,
    read_result,
    starting_point,
    train_once,
)
from lthkit.search.facts import Facts
from lthkit.search.journal import Journal, read_rewind_point
from lthkit.search.prepare import settled
from lthkit.store import open_store, rewind_file, start_file, state_file, trained_file
from lthkit.train import Point, Snapshot, tensors_sha256


class Stop(Silent):
    """Interrupts the search when round 2 begins."""

    def begin(self, round, *numbers):
        if round == 2:
            raise KeyboardInterrupt


def stopped(path: Path, **changes) -> Facts:
    config = tiny_config(AUTOENCODER, **changes)
    with pytest.raises(KeyboardInterrupt):
        find_ticket(config, path, save_every=0.0, progress=Stop())
    return prepare(settled(config, path), path, load_catalog())


def of_point(point: Point) -> object:
    optimizer = point.optimizer and (tensors_sha256(point.optimizer.tensors), point.optimizer.facts)
    return point.step, tensors_sha256(point.modules), point.digests, optimizer


def of_state(facts: Facts) -> object:
    """Where the search would go on."""
    journal = Journal(facts)
    try:
        position = journal.position()
    finally:
        journal.close()
    round, snapshot = position.saved or (None, Snapshot(Point(0, {}, None, {})))
    best = snapshot.best and tensors_sha256(snapshot.best)
    kept = repr((snapshot.rows, snapshot.losses, snapshot.seconds))
    return position.next, tensors_sha256(position.masks), round, of_point(snapshot.point), best, kept


def from_file(path: Path) -> object:
    """What a training that starts from a file of weights starts from."""
    config = tiny_config(AUTOENCODER, weights={"kind": "file", "path": str(path)})
    return tensors_sha256(starting_point(make_task(config, load_catalog()), config).modules)


def kept(store: Path, round: int, which) -> object:
    state = kept_state(store, round, which)
    return tensors_sha256(state.state), state.address


def of_store(path: Path) -> object:
    """All that is read of a store, NaN equal to itself."""
    return repr(contents(path))


@pytest.fixture(scope="module")
def left(tmp_path_factory) -> list[tuple[Path, Callable[[], object]]]:
    """Each file that a search and a transfer leave, with what reads it before its content decides a number."""
    folder = tmp_path_factory.mktemp("left")
    done, halted, going = folder / "done.zarr", folder / "halted.zarr", folder / "going.zarr"
    find_ticket(tiny_config(AUTOENCODER, keep_weights="all", pruning__rounds=1), done, progress=Silent())
    rewound = stopped(halted, rewind={"to": "step", "step": 3})
    trained_on = stopped(going, rewind={"to": "none"})
    once = tiny_config(AUTOENCODER, mask=f"{done}@1", pruning__rounds=0)
    result = folder / "once.result.json"
    train_once(once, result, progress=Silent())
    found: list[tuple[Path, Callable[[], object]]] = []
    found += [(file, lambda: of_store(done)) for file in sorted(done.rglob("*")) if file.is_file()]
    found.append((start_file(done), lambda: kept(done, 0, "start")))
    for round in (0, 1):
        for which in ("best", "last"):
            found.append((trained_file(done, round, which), lambda round=round, which=which: kept(done, round, which)))
    found.append((rewind_file(halted), lambda: of_point(read_rewind_point(rewound))))
    found.append((rewind_file(halted), lambda: kept(halted, 0, "rewind")))
    found.append((state_file(going), lambda: of_state(trained_on)))
    found.append((result, lambda: read_result(result)))
    found += [(file, lambda file=file: from_file(file)) for file in sorted(result.with_suffix(".weights").iterdir())]
    return found


@pytest.mark.parametrize("flips", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_a_flipped_bit_is_noticed_or_harmless(left, flips):
    """Every file in turn, a random bit each; harmless means that what is read is equal."""
    chance, noticed = random.Random(flips), 0
    truth = [read() for _, read in left]
    for number in range(flips):
        (file, read), sound = left[number % len(left)], truth[number % len(left)]
        whole = file.read_bytes()
        bit = chance.randrange(8 * len(whole))
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        file.write_bytes(flipped)
        try:
            assert read() == sound, f"bit {bit} of {file} decides a number"
        except LthkitError as error:
            assert "\n" not in str(error)  # noqa: PT017
            noticed += 1
        finally:
            file.write_bytes(whole)
    print(f"{noticed} of {flips} were noticed, the others changed nothing that is read")
    assert noticed > flips // 2
    assert [read() for _, read in left] == truth


def test_files_of_another_search_are_not_gone_on_with(tmp_path):
    """Whole and sound, but of another seed."""
    ours = stopped(tmp_path / "ours.zarr", rewind={"to": "step", "step": 3}, keep_weights="all")
    theirs = stopped(tmp_path / "theirs.zarr", rewind={"to": "step", "step": 3}, keep_weights="all", seed=1)
    for file in [state_file(theirs.path), *start_file(theirs.path).parent.iterdir()]:
        target = state_file(ours.path) if file.suffix == ".state" else start_file(ours.path).parent / file.name
        target.write_bytes(file.read_bytes())
    with pytest.raises(LthkitError, match=r"rewind\.safetensors is of another search"):
        read_rewind_point(ours)
    with pytest.raises(LthkitError, match=r"rewind\.safetensors is of another search"):
        find_ticket(ours.config, ours.path, progress=Silent())
    journal = Journal(ours)
    assert journal.position().saved is None
    journal.close()
    for which in ("start", "rewind", "best", "last"):
        with pytest.raises(LthkitError, match=r"does not hold the weights of .*ours\.zarr"):
            kept_state(ours.path, 0, which)


def test_the_best_weights_are_not_taken_for_the_last(tmp_path):
    store = find_ticket(tiny_config(AUTOENCODER, pruning__rounds=0), tmp_path / "a.zarr", progress=Silent())
    trained_file(store.path, 0, "best").replace(trained_file(store.path, 0, "last"))
    with pytest.raises(LthkitError, match="does not hold the weights of"):
        kept_state(store, 0, "last")


@pytest.mark.parametrize("ending", [".zarr", ".json"])
def test_a_path_that_cannot_hold_a_search_is_one_sentence_and_nothing_is_written(tmp_path, ending):
    runner, config = find_ticket if ending == ".zarr" else train_once, tiny_config(AUTOENCODER, pruning__rounds=0)
    (tmp_path / "taken.weights").write_text("a file")
    (tmp_path / "file").write_text("a file")
    for path, sentence in (
        (tmp_path / f"taken{ending}", r"taken\.weights' is a file where '.*' needs a folder; move it"),
        (tmp_path / f"file/below/a{ending}", r"file' is a file where '.*' needs a folder; move it"),
        (tmp_path / f"{'x' * 300}{ending}", "more than 200 bytes in a name"),
        (f"{tmp_path}/a\0{ending}", "has a null character"),
    ):
        with pytest.raises(LthkitError, match=sentence):
            runner(config, path, progress=Silent())
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "taken.weights"]


READ_ONLY = """
import sys
from tiny import AUTOENCODER, tiny_config
from lthkit.errors import LthkitError
from lthkit.progress import Silent
from lthkit.search import find_ticket
try:
    find_ticket(tiny_config(AUTOENCODER), sys.argv[1] + "/a.zarr", progress=Silent())
except LthkitError as error:
    print(error)
"""


def test_a_new_search_on_a_read_only_mount_is_one_sentence(tmp_path):
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o ro none "$0" && exec "$@"', str(tmp_path)]
    if not shutil.which("unshare") or subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [*mount, sys.executable, "-c", READ_ONLY, str(tmp_path)]
    said = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=True)
    assert "a.zarr cannot be written (Read-only file system); make room or make the folder writable" in said.stdout
    assert said.stdout.count("\n") == 1


def searched_at_once(folder: Path) -> None:
    path = folder / "a.zarr"
    wanted = [tiny_config(AUTOENCODER, pruning__rounds=1, seed=seed).plain() for seed in (0, 1)]
    ended = race(search, wanted, path)
    winners = [seed for well, seed in ended if well]
    losers = [str(said) for well, said in ended if not well]
    assert len(winners) == len(losers) == 1
    assert "already open for writing" in losers[0] or "belongs to another configuration" in losers[0]
    assert "\n" not in losers[0]
    alone = find_ticket(SearchConfig.parse(wanted[winners[0]], "alone"), folder / "alone.zarr", progress=Silent())
    assert bits(path) == bits(alone.path)
    assert kept_state(path, 0, "start").state.keys()


def transferred_at_once(folder: Path, source: Path) -> None:
    wanted = [
        tiny_config(AUTOENCODER, mask=f"{source}@1", pruning__rounds=0, seed=seed, keep_weights="all").plain()
        for seed in (0, 1)
    ]
    ended = race(transfers, [wanted, wanted], folder / "results")
    assert [well for well, _ in ended] == [True, True], ended
    assert ended[0][1] == ended[1][1]
    assert len(list((folder / "results").glob("*.json"))) == 2
    assert not list((folder / "results").rglob("*.partial"))


@pytest.mark.parametrize("races", [4, pytest.param(24, marks=pytest.mark.slow)])
def test_two_at_once_harm_neither(tmp_path, races):
    source = tmp_path / "source.zarr"
    find_ticket(tiny_config(AUTOENCODER, pruning__rounds=1), source, progress=Silent())
    for number in range(races):
        folder = tmp_path / str(number)
        folder.mkdir()
        searched_at_once(folder) if number % 2 else transferred_at_once(folder, source)


@pytest.mark.slow
@pytest.mark.parametrize(
    "to", [{"to": "start"}, {"to": "step", "step": 3}, {"to": "restart", "share": 0.5}, {"to": "none"}]
)
def test_a_hundred_kills_end_in_the_same_bits(tmp_path, to):
    """SIGKILL before a random step, file or sync to disk, 25 times for each rewinding, resumed each time."""
    values = tiny_config(AUTOENCODER, keep_weights="all", rewind=to, pruning__rounds=6).plain()
    events = in_process(values, tmp_path / "alone.zarr")
    chance = random.Random(repr(to))
    for number in range(25):
        kind = KINDS[number % len(KINDS)]
        moment = chance.randint(1, max(1, events[kind] // 15))
        assert in_process(values, tmp_path / "killed.zarr", (kind, moment)) == -signal.SIGKILL
    assert in_process(values, tmp_path / "killed.zarr")["step"] > 0
    assert bits(tmp_path / "killed.zarr") == bits(tmp_path / "alone.zarr")
    assert open_store(tmp_path / "killed.zarr").scored == 7


BAD = (-1, 10**30, 1.5e400, float("nan"), "nonsense", "", [], {}, "../../etc/passwd", "\x1b[31m", [[[]]], True)
SETTINGS = (
    "plan.epochs",
    "plan.batch_size",
    "plan.learning_rate",
    "plan.momentum",
    "plan.schedule",
    "plan.milestones",
    "plan.precision",
    "plan.selection",
    "plan.optimizer",
    "plan.device",
    "plan.threads",
    "pruning.rate",
    "pruning.rounds",
    "pruning.scope",
    "pruning.criterion",
    "pruning.granularity",
    "rewind.to",
    "data.name",
    "data.count",
    "data.validation",
    "data.size",
    "data.channels",
    "model.name",
    "model.checkpoint",
    "model.freeze",
    "task.name",
    "task.options.temperature",
    "keep_weights",
    "seed",
    "mask",
    "weights.kind",
)
# what no fault is in: numbers without a bound, and no milestones
LARGE = "1" + 30 * "0"
TAKEN = {("seed", LARGE), ("plan.learning_rate", LARGE), ("plan.milestones", "[]"), ("model.checkpoint", "''")}


def given(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True).splitlines()[0]


def test_two_hundred_bad_values_are_one_sentence_each_and_leave_nothing(tmp_path, monkeypatch, capsys):
    """As a user gives them, one at a time, to ``lthkit search``: refused before anything is written."""
    monkeypatch.chdir(tmp_path)
    refused = 0
    for key in SETTINGS:
        for text in map(given, BAD):
            if (key, text) in TAKEN:
                continue
            code = main(["search", "it.zarr", "--scale", "smoke", "-p", key, text])
            said = capsys.readouterr().err.strip()
            assert code in (REFUSED, WRONG_USAGE), (key, text, said)
            assert said.startswith("lthkit: "), (key, text, said)
            assert "\n" not in said, (key, text, said)
            assert "\x1b" not in said, (key, text, said)
            assert not list(tmp_path.iterdir()), (key, text)
            refused += 1
    assert refused >= 200
