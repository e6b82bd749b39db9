"""A store of unknown origin: what its files promise is checked before memory is taken, and nothing of it hangs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from numcodecs.checksum32 import CRC32C
from numcodecs.zstd import compress
from test_store import METRICS, PARAMETERS, commit, new, random_codes, same, up_to
from test_store_faults import contents, files, tamper

from lthkit.config import canonical_sha256
from lthkit.errors import LthkitError, StoreError
from lthkit.store import as_store, create, open_store, reopen
from lthkit.store.arrays import open_group, read_variable

MASK = Path("masks/head.weight")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "s.zarr"
    codes = random_codes(PARAMETERS, 4)
    with new(path) as writer:
        commit(writer, codes, 2)
        writer.write_extra("foreign", {"scale": codes["scale"] == 255}, {"kind": "foreign"})
    return path


@pytest.fixture
def copy(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "s.zarr")


def change(file: Path, edit) -> None:
    node = json.loads(file.read_text())
    edit(node)
    file.write_text(json.dumps(node))


def reseal_with_root(path: Path, edit) -> None:
    """Change the root and bind the masks to it again, as somebody would who knows the format."""
    tamper(path / "zarr.json", edit, reseal=True)
    seal = json.loads((path / "zarr.json").read_text())["attributes"]["sha256"]
    tamper(path / "masks/zarr.json", lambda a: a.update(root_sha256=seal), reseal=True)


def framed(values: bytes) -> bytes:
    """A chunk as the codecs write it."""
    return bytes(CRC32C(location="end").encode(compress(values, 1)))


@pytest.mark.parametrize("payload", [0x7FF8_0000_0000_0001, 0xFFF8_0000_0000_0000, 0x7FF0_0000_0000_0001])
def test_any_nan_of_any_sign_comes_back(tmp_path, payload):
    odd = np.array([payload], np.uint64).view(np.float64)
    codes = random_codes(PARAMETERS, 0)
    with new(tmp_path / "s.zarr") as writer:
        writer.commit(codes, rounds=0, scored=1, scores={0: {"train_loss": odd, "test_accuracy": odd}})
        assert np.isnan(writer.store.scores().train_loss).all()
        writer.commit(codes, rounds=1, scored=2, scores={1: {"train_loss": [0.5], "test_accuracy": odd}})
    scores = open_store(tmp_path / "s.zarr").scores()
    bits = scores.train_loss.values.view(np.uint64)[np.isnan(scores.train_loss.values)]
    assert set(bits.tolist()) == {np.array([np.nan]).view(np.uint64).item()}
    assert scores.train_loss.values[1, 0] == 0.5


def three_gib(path: Path, chunks: list[int], **more) -> None:
    def larger(node):
        node["shape"] = [3 * 2**30]
        node["chunk_grid"]["configuration"]["chunk_shape"] = chunks
        node["dimension_names"] = None

    change(path / "masks/scale/zarr.json", larger)
    tamper(path / "masks/zarr.json", lambda a: a["parameters"][2].update(shape=[3 * 2**30], **more), reseal=True)


def test_a_promise_of_three_gib_takes_no_memory(sound, tmp_path):
    many, one = (shutil.copytree(sound, tmp_path / name) for name in ("many.zarr", "one.zarr"))
    three_gib(many, [2**20])
    three_gib(one, [3 * 2**30])
    assert open_store(many).nbytes < 25_000
    script = (
        "import resource, sys; from lthkit.store import open_store; from lthkit.errors import LthkitError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for path in sys.argv[1:]:\n"
        "    try: open_store(path).codes()\n"
        "    except LthkitError as error: print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < 100)\n"
    )
    command = [sys.executable, "-c", script, many, one]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=90, check=True)
    assert "'scale': chunk 'c.0' is damaged, for it does not hold 1,048,576 bytes" in said.stdout
    assert "'scale' has chunks of shape (3221225472,), which this format has not" in said.stdout
    assert said.stdout.endswith("True\n")


def test_scores_without_end_are_refused(copy, tmp_path):
    reseal_with_root(copy, lambda a: a.update(evaluations=400_000_000))
    with pytest.raises(StoreError, match=r"4,000,000,000 scores are more than the 33,554,432 of a store"):
        open_store(copy)
    with pytest.raises(StoreError, match=r"4,000,000,000 scores .* evaluate less often"):
        new(tmp_path / "new.zarr", evaluations=400_000_000)
    with pytest.raises(StoreError, match=r"'wide' .* has rows of more than"):
        new(tmp_path / "new.zarr", parameters={"wide": (1, 2**25)})
    assert not (tmp_path / "new.zarr").exists()


@pytest.mark.parametrize("bomb", [framed(bytes(2**26)), compress(b"\xff" * 24, 1)[:4] + b"\x00\x58" + bytes(20), b""])
def test_a_chunk_that_unfolds_to_another_size_is_refused_before_it_unfolds(copy, bomb, monkeypatch):
    (copy / MASK / "c.0.0").write_bytes(bomb)
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda *_: pytest.fail("it was unfolded"))
    with pytest.raises(StoreError, match=r"chunk 'c\.[0.]+' is damaged, for it does not hold \d+ bytes"):
        read_variable(open_group(copy, "masks"), "head.weight", PARAMETERS["head.weight"], "uint8")


def test_a_chunk_file_without_end_is_refused(copy):
    with open(copy / MASK / "c.0.0", "ab") as file:
        file.truncate(2**40)
    with pytest.raises(StoreError, match=r"'c\.0\.0' is damaged, for it does not hold 24 bytes"):
        open_store(copy).codes()


@pytest.mark.parametrize(
    "edit",
    [
        lambda node: node["codecs"].__setitem__(1, {"name": "gzip", "configuration": {"level": 1}}),
        lambda node: node["chunk_key_encoding"]["configuration"].update(separator="/"),
    ],
)
def test_other_codecs_are_refused(copy, edit):
    change(copy / MASK / "zarr.json", edit)
    with pytest.raises(StoreError, match=r"'head.weight' is not encoded as this format has it"):
        open_store(copy).codes()


def test_metadata_without_end_are_refused(copy):
    with open(copy / "masks/zarr.json", "ab") as file:
        file.truncate(2**40)
    with pytest.raises(StoreError, match=r"zarr\.json holds 1,099,511,627,776 bytes, more than"):
        open_store(copy)


HANGS = """
import os, sys
from pathlib import Path
from lthkit.errors import StoreError
from lthkit.store import open_store
path, count = Path(sys.argv[1]), 0
for file in sorted(file for file in path.rglob("*") if file.is_file()):
    file.rename(path.parent / "aside")
    for make in (os.mkfifo, lambda file: os.symlink("/dev/zero", file)):
        make(file)
        try:
            store = open_store(path)
            store.codes(), store.scores(), store.read_extra("foreign")
        except StoreError as error:
            assert str(path) in str(error), error
            count += 1
        file.unlink()
    (path.parent / "aside").rename(file)
print(count)
"""


def test_a_pipe_or_device_at_any_file_is_refused_at_once(copy):
    said = subprocess.run(
        [sys.executable, "-c", HANGS, copy], stdout=subprocess.PIPE, text=True, timeout=90, check=True
    )
    assert int(said.stdout) == 2 * len(files(copy))


def test_shortage_of_memory_is_not_called_damage(copy, monkeypatch):
    def short(*_):
        raise MemoryError

    monkeypatch.setattr(zarr.Array, "__getitem__", short)
    with pytest.raises(LthkitError, match=r"not enough memory for .*; free some") as caught:
        open_store(copy).codes()
    assert not isinstance(caught.value, StoreError)


def nested(levels: int) -> list:
    inner: list = []
    for _ in range(levels):
        inner = [inner]
    return inner


@pytest.mark.parametrize("group", ["", "masks", "extra/foreign"])
def test_nested_brackets_are_one_sentence(copy, group):
    file, levels = copy / group / "zarr.json", 300
    whole = file.read_text()
    node = json.loads(whole)
    node["attributes"]["more"] = nested(levels)
    node["attributes"]["sha256"] = canonical_sha256({k: v for k, v in node["attributes"].items() if k != "sha256"})
    file.write_text(json.dumps(node))
    with pytest.raises(StoreError, match=r"nested more than 100 levels"):
        contents(copy)
    for levels in (5_000, 100_000):
        file.write_text(
            whole.replace('"attributes": {', '"attributes": {"more": ' + "[" * levels + "]" * levels + ",", 1)
        )
        with pytest.raises(StoreError):
            contents(copy)


def test_groups_of_another_store_are_refused(copy, tmp_path):
    other = tmp_path / "other.zarr"
    with new(other, config={"seed": 2}) as writer:
        scores = {round: {"train_loss": [0.25], "test_accuracy": [0.5]} for round in range(3)}
        writer.commit(up_to(random_codes(PARAMETERS, 4, seed=1), 2), rounds=2, scored=3, scores=scores)
        writer.write_extra("foreign", {"scale": np.arange(7) > 3}, None)
    for group in ("masks", "scores", "extra/foreign"):
        mixed = shutil.copytree(copy, tmp_path / "mixed.zarr")
        shutil.rmtree(mixed / group)
        shutil.copytree(other / group, mixed / group)
        with pytest.raises(StoreError, match=r"another (name or )?store|not those committed"):
            contents(mixed)
        shutil.rmtree(mixed)


def test_the_same_scores_are_of_no_other_store(copy, tmp_path):
    """Masks and scores may be equal in two stores; their attributes are not."""
    other = tmp_path / "other.zarr"
    with new(other, config={"seed": 2}) as writer:
        commit(writer, random_codes(PARAMETERS, 4), 2)
    assert same(open_store(other).codes(), open_store(copy).codes())
    shutil.copy(other / "masks/zarr.json", copy / "masks/zarr.json")
    with pytest.raises(StoreError, match=r"group 'masks' of .* belongs to another store"):
        open_store(copy)


def test_an_extra_mask_carries_its_name(copy):
    (copy / "extra/foreign").rename(copy / "extra/mine")
    with pytest.raises(StoreError, match=r"extra mask 'mine' of .* belongs to another name or store"):
        open_store(copy).read_extra("mine")


def test_a_stray_folder_among_extra_masks_is_passed_over(copy):
    (copy / "extra/.ipynb_checkpoints").mkdir()
    (copy / "extra/notes").mkdir()
    (copy / "extra/notes/a.txt").write_text("mine")
    assert list(open_store(copy).extra()) == ["foreign"]
    with reopen(copy) as writer, pytest.raises(StoreError, match="already has an extra mask 'notes'"):
        writer.write_extra("notes", {"scale": np.ones(7, bool)}, None)


def test_an_extra_mask_that_removes_all_comes_back(tmp_path):
    with new(tmp_path / "s.zarr") as writer:
        writer.write_extra("none", {"scale": np.zeros((3, 5), bool)}, None)
    assert (tmp_path / "s.zarr/extra/none/scale/c.0").is_file()
    assert not open_store(tmp_path / "s.zarr").read_extra("none")["scale"].any()


def test_what_can_be_no_path_is_one_sentence(copy):
    for given, sentence in (
        ("x" * 300, "there can be no store at"),
        (copy / "zarr.json" / "s.zarr", "there is no store at"),
        (None, "a NoneType is no store"),
        ({"codes": 1}, "a dict is no store; give the path"),
    ):
        with pytest.raises(StoreError, match=sentence):
            as_store(given)
    with pytest.raises(StoreError):
        as_store("a\0b")


def test_a_store_is_taken_as_it_is_or_by_its_path(copy):
    store = open_store(copy)
    assert as_store(store) is store
    assert same(as_store(str(copy)).codes(), store.codes())
    assert same(as_store(copy).codes(), store.codes())


def test_a_store_shows_itself_in_one_line_and_in_notebooks(tmp_path):
    codes = {"<b>": np.array([[1, 255], [255, 255]], np.uint8), "w": np.full((3,), 255, np.uint8)}
    shapes = {name: code.shape for name, code in codes.items()}
    rest = {"config": {}, "provenance": {}, "metrics": METRICS, "rounds": 2, "evaluations": 1}
    with create(tmp_path / "s.zarr", parameters=shapes, **rest) as writer:
        writer.commit(codes, rounds=1, scored=0, scores={})
    store = open_store(tmp_path / "s.zarr")
    assert repr(store) == f"Store('{tmp_path / 's.zarr'}', 1 of 2 rounds, 6 of 7 weights left)"
    shown = store._repr_html_()
    assert "<tr><th>&lt;b&gt;</th><td>2×2</td><td>3</td><td>75.00</td></tr>" in shown
    assert shown.count("<tr>") == 3
    assert "1 of 2 rounds, 6 of 7 weights left" in shown


def test_a_store_is_not_looked_at_through_a_loop_of_links(copy):
    (copy / MASK / "c.0.0").unlink()
    os.symlink("c.0.0", copy / MASK / "c.0.0")
    with pytest.raises(StoreError, match=r"'c\.0\.0' cannot be read"):
        open_store(copy).codes()
