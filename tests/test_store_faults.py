import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_store import PARAMETERS, commit, new, random_codes, row, same, sample, tree, up_to

from lthkit.config import canonical_sha256
from lthkit.errors import StoreError
from lthkit.store import open_store, reopen


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "s.zarr"
    codes = random_codes(PARAMETERS, 4)
    with new(path) as writer:
        commit(writer, codes, 2)
        writer.write_extra("foreign", {"scale": codes["scale"] == 255}, {"kind": "foreign"})
    return path


def contents(path: Path) -> tuple:
    store = open_store(path)
    scores = store.scores()
    return (
        {name: code.tolist() for name, code in store.codes().items()},
        {name: column.values.tobytes() for name, column in scores.items()},
        store.extra(),
        {name: {key: mask.tolist() for key, mask in store.read_extra(name).items()} for name in store.extra()},
        (store.rounds, store.scored, store.first_round, store.planned_rounds, store.parameters, store.counts),
        (store.config, store.config_sha256, store.provenance, store.metrics, store.evaluations),
    )


def files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


def test_a_flipped_byte_is_seen_or_changes_nothing(sound, tmp_path):
    path = shutil.copytree(sound, tmp_path / "s.zarr")
    truth = contents(path)
    assert len(files(path)) == 17
    for file in files(path):
        whole = file.read_bytes()
        data = file.name != "zarr.json"
        for position in range(0, len(whole), 1 if data else 61):
            damaged = bytearray(whole)
            damaged[position] ^= 0x01
            file.write_bytes(damaged)
            try:
                read = contents(path)
            except StoreError as error:
                assert str(path) in str(error)  # noqa: PT017
            else:
                assert not data, (file, position)
                assert read == truth, (file, position)
        file.write_bytes(whole)
    assert contents(path) == truth


def test_a_truncated_or_missing_file_is_seen(sound, tmp_path):
    path = shutil.copytree(sound, tmp_path / "s.zarr")
    for file in files(path):
        whole = file.read_bytes()
        for length in (0, len(whole) // 2, len(whole) - 1):
            file.write_bytes(whole[:length])
            with pytest.raises(StoreError, match=r"s\.zarr"):
                contents(path)
        file.unlink()
        with pytest.raises(StoreError, match=r"s\.zarr"):
            contents(path)
        file.write_bytes(whole)


def test_faults_of_a_variable_are_told_apart(sound, tmp_path):
    path = shutil.copytree(sound, tmp_path / "s.zarr")
    chunk = path / "masks/head.weight/c.0.0"
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:5] + bytes([whole[5] ^ 0x80]) + whole[6:])
    with pytest.raises(StoreError, match=r"variable 'head.weight': chunk 'c.0.0' is damaged.*restore the store"):
        open_store(path).masks(1)
    chunk.unlink()
    with pytest.raises(StoreError, match=r"'head.weight': chunk 'c.0.0' is missing; restore"):
        open_store(path).codes()
    chunk.write_bytes(whole)
    shutil.rmtree(path / "masks/head.weight")
    with pytest.raises(StoreError, match=r"variable 'head.weight' is missing"):
        open_store(path).codes()


def test_a_chunk_of_other_codes_is_seen(sound, tmp_path):
    path = tmp_path / "s.zarr"
    with new(path) as writer:
        commit(writer, random_codes(PARAMETERS, 4, seed=1), 2)
    shutil.copy(sound / "masks/head.weight/c.0.0", path / "masks/head.weight/c.0.0")
    with pytest.raises(StoreError, match=r"codes of 'head.weight' are not those committed"):
        open_store(path).codes()


def tamper(file: Path, change, *, reseal: bool) -> None:
    node = json.loads(file.read_text())
    change(node["attributes"])
    if reseal:
        plain = {key: value for key, value in node["attributes"].items() if key != "sha256"}
        node["attributes"]["sha256"] = canonical_sha256(plain)
    file.write_text(json.dumps(node))


@pytest.mark.parametrize(
    ("group", "change", "sentence"),
    [
        ("masks", lambda a: a.update(rounds=1, scored=2), "scores 'train_loss' are not those committed"),
        (
            "masks",
            lambda a: a.update(rounds=1, scored=0, scores_sha256={}),
            "and those it committed differ in their names",
        ),
        ("masks", lambda a: a.update(rounds=5), "contradict each other"),
        ("masks", lambda a: a.update(scored=4), "contradict each other"),
        ("masks", lambda a: a.update(scored=2), "scores 'train_loss' are not those committed"),
        ("masks", lambda a: a.update(first_round=3), "contradict each other"),
        ("masks", lambda a: a.update(rounds="2"), "'rounds' is the text '2'"),
        ("masks", lambda a: a.update(more=1), "unknown key 'more'"),
        ("masks", lambda a: a["parameters"][0].update(left=7), "leave .* weights, not the 7 committed"),
        ("masks", lambda a: a["parameters"][1].update(data_sha256="0" * 64), "'head.weight' are not those committed"),
        ("masks", lambda a: a["parameters"][1].update(shape=[6, 4]), r"'head.weight' is not the uint8 array"),
        ("masks", lambda a: a["parameters"][1].update(name="tail"), "has masks of 'head.weight'"),
        ("masks", lambda a: a["parameters"].pop(), "has masks of 'scale', which its attributes do not name"),
        ("masks", lambda a: a["parameters"].append(a["parameters"][0]), "'layer1.0.conv.weight' is there twice"),
        ("masks", lambda a: a["parameters"].append(a["parameters"][0] | {"name": "more"}), "'more' is missing"),
        ("masks", lambda a: a["parameters"][0].update(name="../other"), r"'\.\./other' cannot be stored"),
        ("masks", lambda a: a["parameters"][0].update(shape=[-5, 3, 3, 3]), "shape.* is -5"),
        ("masks", lambda a: a["scores_sha256"].pop("train_loss"), "and those it committed differ in their names"),
        ("masks", lambda a: a.pop("root_sha256"), "belongs to another store"),
        ("masks", lambda a: a.update(schema_version=1), "belongs to another store"),
        ("masks", lambda a: a.pop("parameters"), "'parameters' is missing"),
        ("", lambda a: a["config"].update(rate=0.3), "configuration in .* does not fit its SHA-256"),
        ("", lambda a: a.update(config_sha256="0" * 64), "configuration in .* does not fit its SHA-256"),
        ("", lambda a: a.update(planned_rounds=1), "belongs to another store"),
        ("", lambda a: a.update(schema_version=1), "belongs to another store"),
        ("", lambda a: a.update(provenance={"more": 1}), "belongs to another store"),
        ("extra/foreign", lambda a: a.update(name="home"), "belongs to another name or store"),
        ("extra/foreign", lambda a: a.update(root_sha256="0" * 64), "belongs to another name or store"),
        ("extra/foreign", lambda a: a["parameters"].append(a["parameters"][0]), "'scale' is there twice"),
        ("extra/foreign", lambda a: a["parameters"][0].update(data_sha256="0" * 64), "not the mask that was stored"),
    ],
)
def test_a_tampered_attribute_is_seen(sound, tmp_path, group, change, sentence):
    for reseal in (False, True):
        path = shutil.copytree(sound, tmp_path / f"{reseal}.zarr")
        tamper(path / group / "zarr.json", change, reseal=reseal)
        with pytest.raises(StoreError, match=sentence if reseal else "were changed or damaged"):
            contents(path)


def test_a_raised_number_of_rounds_is_seen(sound, tmp_path):
    path = shutil.copytree(sound, tmp_path / "s.zarr")
    tamper(path / "masks/zarr.json", lambda a: a.update(rounds=3), reseal=False)
    with pytest.raises(StoreError, match=r"attributes of group 'masks' of .* were changed"):
        open_store(path)


def test_a_newer_schema_is_named(sound, tmp_path):
    path = shutil.copytree(sound, tmp_path / "s.zarr")
    tamper(path / "masks/zarr.json", lambda a: a.update(schema_version=3, rounds={"new": "shape"}), reseal=False)
    for work in (open_store, reopen):
        with pytest.raises(StoreError, match="has schema 3 but this lthkit reads up to 2; install a newer lthkit"):
            work(path)


def test_what_is_no_store_is_named(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.zarr").write_text("x")
    with pytest.raises(StoreError, match="there is no store at"):
        open_store(tmp_path / "absent.zarr")
    for name in ("folder", "file.zarr"):
        for work in (open_store, reopen):
            with pytest.raises(StoreError, match=f"{name} is not an lthkit store"):
                work(tmp_path / name)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file.zarr", "folder"]


def test_an_existing_path_is_refused_and_left_alone(sound, tmp_path):
    path = shutil.copytree(sound, tmp_path / "s.zarr")
    before = tree(tmp_path)
    with pytest.raises(StoreError, match="exists already"):
        new(path)
    assert tree(tmp_path) == before


def test_a_second_writer_is_refused(tmp_path):
    with new(tmp_path / "s.zarr") as writer:
        with pytest.raises(StoreError, match="already open for writing"):
            reopen(tmp_path / "s.zarr")
        commit(writer, random_codes(PARAMETERS, 4), 1)
    reopen(tmp_path / "s.zarr").close()


def test_another_process_holds_the_lock_until_it_is_killed(tmp_path):
    path = tmp_path / "s.zarr"
    sample(path)
    script = "import sys; from lthkit.store import reopen; w = reopen(sys.argv[1]); print('held', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(StoreError, match="already open for writing"):
        reopen(path)
    assert open_store(path).rounds == 2
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    reopen(path).close()


LIMITED = """
import resource, sys
import numpy as np
from lthkit.config import canonical_sha256
from lthkit.errors import StoreError
from lthkit.store import create, open_store
path = sys.argv[1]
draw = np.random.default_rng(0)
parameters = {"small": (10,), "big": (1000, 1000)}
codes = {n: draw.choice(np.array([1, 2, 255], np.uint8), s) for n, s in parameters.items()}
first = {n: np.where(c > 1, 255, c).astype(np.uint8) for n, c in codes.items()}
writer = create(path, parameters=parameters, config={}, provenance={}, metrics=("m",), rounds=2, evaluations=1)
writer.commit(first, rounds=1, scored=0, scores={})
attempts = [
    lambda: writer.commit(codes, rounds=2, scored=1, scores={0: {"m": [0.5]}}),
    lambda: writer.write_extra("x", {n: draw.random(s) < 0.5 for n, s in parameters.items()}, None),
]
for limit in (10, 100, 60_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))
    for attempt in attempts:
        try:
            attempt()
        except StoreError as error:
            assert "cannot be written (File too large); make room" in str(error), error
        else:
            raise SystemExit("the limit was not felt")
        store = open_store(path)
        assert (store.rounds, store.scored, store.extra()) == (1, 0, {})
        assert all((store.codes()[n] == first[n]).all() for n in codes)
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
attempts[0]()
assert all((open_store(path).codes()[n] == codes[n]).all() for n in codes)
"""


def test_a_full_disk_keeps_what_is_committed(tmp_path):
    subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path / "s.zarr")], check=True)
    assert not list(tmp_path.rglob("*.partial"))


READ_ONLY = """
import os, sys
import numpy as np
from lthkit.config import canonical_sha256
from lthkit.errors import StoreError
from lthkit.store import create, open_store, reopen
open_store("folder/s.zarr").codes()
open_store("folder/s.zarr").scores()  # xarray looks for dask, which nobody else may be able to read below
os.chdir("folder")
if os.geteuid() == 0:
    os.setuid(65534)
rest = dict(parameters={"a": (2,)}, config={}, provenance={}, metrics=(), rounds=1, evaluations=1)
for work in (
    lambda: reopen("s.zarr"),
    lambda: create("new.zarr", **rest),
    lambda: create("sub/new.zarr", **rest),
):
    try:
        work()
    except StoreError as error:
        assert "cannot be written (Permission denied); make room or make the folder writable" in str(error), error
    else:
        raise SystemExit("the folder was written")
store = open_store("s.zarr")
assert store.rounds == 2 and store.codes() and store.scores().sizes["round"] == 3
"""


def test_a_read_only_folder_is_named_and_its_store_read(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    sample(folder / "s.zarr")
    (folder / "s.zarr.lock").unlink(missing_ok=True)
    before = tree(folder)
    for entry in [folder, *folder.rglob("*")]:
        os.chmod(entry, 0o555 if entry.is_dir() else 0o444)
    try:
        subprocess.run([sys.executable, "-c", READ_ONLY], cwd=tmp_path, check=True)
    finally:
        for entry in [folder, *(e for e in folder.rglob("*") if e.is_dir())]:
            os.chmod(entry, 0o755)
    assert tree(folder) == before


def test_left_overs_of_a_killed_writer_are_removed_by_the_next(tmp_path):
    codes = sample(tmp_path / "s.zarr")
    before = tree(tmp_path)
    code = "0123456789abcdef" * 2
    (tmp_path / f"s.zarr/masks/scale/c.{code}.partial").write_bytes(b"half")
    (tmp_path / f"s.zarr/masks/zarr.{code}.partial").write_bytes(b"half")
    (tmp_path / f"s.zarr/extra/m.{code}.partial/scale").mkdir(parents=True)
    (tmp_path / f"s.zarr.{code}.partial/masks").mkdir(parents=True)
    (tmp_path / "other.partial").write_text("not ours")
    (tmp_path / f"other.zarr.{code}.partial").mkdir()
    assert open_store(tmp_path / "s.zarr").extra() == {}
    with reopen(tmp_path / "s.zarr") as writer:
        assert tree(tmp_path) == before | {"other.partial": b"not ours"}
        assert (tmp_path / f"other.zarr.{code}.partial").is_dir()
        writer.commit(up_to(codes, 3), rounds=3, scored=4, scores={3: row(3)})
    assert same(open_store(tmp_path / "s.zarr").codes(), up_to(codes, 3))
    assert np.isfinite(open_store(tmp_path / "s.zarr").scores().train_loss).all()
