import hashlib
import os
import sys
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import save_file

import lthkit
from lthkit.catalog import (
    Catalog,
    CheckpointEntry,
    DatasetEntry,
    datasets,
    entry_class,
    entry_types,
    load_catalog,
    read_yaml,
)
from lthkit.data import DataSpec, load
from lthkit.errors import LthkitError
from lthkit.models.files import locate, read_checkpoint
from lthkit.report import catalog_report

TYPES = "digit-crops, digits, folder, pasted-digits, smallnorb, torchvision, voc"
SHIPPED = Path(__file__).parents[1] / "data_catalog.yaml"

FOLDER = """
datasets:
  pets:
    type: folder
    root: {root}
    licence: CC0
    get: ask a friend
"""

ONE_FILE = """
from pathlib import Path
from typing import Literal
import numpy as np
from PIL import Image
from lthkit.catalog import DataSet, DatasetEntry, Rooted, Samples

class TwoDots(Rooted, DatasetEntry):
    type: Literal["two-dots"]

    def locate(self, base: Path) -> Path:
        return self.folder(base)

    def read(self, base: Path) -> DataSet:
        dots = Samples(np.array([[[0]], [[255]]], np.uint8), np.array([0, 1]), Image.fromarray)
        return DataSet(dots, dots, ("black", "white"))
"""

CHECKPOINT = """
checkpoints:
  weights:
    type: file
    root: {root}
    file: {file}
    licence: MIT
    get: train it
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "data_catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def catalog(folder: Path, text: str, **values: object) -> Catalog:
    return load_catalog(write(folder, text.format(**values) if values else text))


def refusal(folder: Path, text: str) -> str:
    """The fault of the file, else of its only entry."""
    try:
        found = load_catalog(write(folder, text))
    except LthkitError as error:
        return str(error)
    ((faulty,), kind) = found.faulty, "dataset" if "datasets" in text else "checkpoint"
    with pytest.raises(LthkitError) as caught:
        getattr(found, kind)(faulty.name)
    assert str(caught.value) == faulty.problem
    return str(caught.value)


def test_shipped_catalog_is_valid_and_names_the_promised_entries():
    shipped = load_catalog(SHIPPED)
    assert {"digits", "cifar10-images", "imagenet", "visda2017"} <= shipped.datasets.keys()
    assert {"cifar10", "cifar100", "svhn", "fashion-mnist", "mnist", "smallnorb"} <= shipped.datasets.keys()
    assert {"voc2007", "voc2007+2012", "voc2012-segmentation"} <= shipped.datasets.keys()
    assert {shipped.dataset(name).type for name in shipped.datasets} == set(entry_types("datasets"))
    assert shipped.faulty == ()
    assert shipped.checkpoint("moco-v2-resnet50").prefix == "module.encoder_q."
    assert shipped.dataset("imagenet").splits.test == "val"
    assert shipped.checkpoint("simclr-resnet50").normalisation == "none"


def test_every_type_is_one_file_that_locates_and_reads():
    for section, own in (("datasets", "read"), ("checkpoints", "expected_sha256")):
        base = {"datasets": DatasetEntry, "checkpoints": CheckpointEntry}[section]
        for name in entry_types(section):
            found = entry_class(section, name)
            assert issubclass(found, base)
            assert found.model_fields["type"].annotation == Literal[name]
            assert getattr(found, own) is not getattr(base, own)
            assert found.locate is not base.locate


def test_a_new_type_costs_one_file(tmp_path, monkeypatch):
    """A file put beside the others is a type: parsed, listed and read."""
    (tmp_path / "two_dots.py").write_text(ONE_FILE)
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(tmp_path)])
    text = FOLDER.format(root=".").replace("type: folder", "type: two-dots")
    found = catalog(tmp_path, text)
    assert [row.where for row in found.listing() if row.name == "pets"] == [str(tmp_path)]
    splits = load(DataSpec(name="pets", channels=1, validation=0.0), found, torch.device("cpu"))
    assert splits.train.images.flatten().tolist() == [0, 255]
    monkeypatch.delitem(sys.modules, "lthkit.catalog.datasets.two_dots")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a: 1\nb: 2\na: 3\n", ["line 3", "'a' is given twice"]),
        ("a:\n  b: {c: 1, c: 2}\n", ["line 2", "'c' is given twice"]),
        ("no: 1\n", ["line 1", "key False is not text"]),
        ("a: &x 1\nb: *x\n", ["line 2", "alias"]),
        ("a: !!python/object/apply:os.getcwd []\n", ["line 1"]),
        ("a: [1\n", ["line 2"]),
        ("- a\n", ["list", "key: value"]),
        ("a: 2020-13-45\n", ["line 1", "correct the value"]),
        ("a: 1\nb: " + "1" * 5000, ["line 2", "correct the value"]),
        ("[" * 3000, ["line 1", "nest more than 50 deep"]),
    ],
)
def test_yaml_traps_are_refused(tmp_path, text, parts):
    with pytest.raises(LthkitError) as caught:
        read_yaml(write(tmp_path, text))
    assert all(part in str(caught.value) for part in ["data_catalog.yaml", *parts])


def test_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(LthkitError, match="UTF-8"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("licence", "license", ["datasets.pets", "'licence' is missing", "unknown key 'license'"]),
        (
            "type: folder",
            "type: zip",
            ["'zip'", TYPES],
        ),
        ("type: folder", "type: torchvision\n    set: CIFAR", ["'set' is 'CIFAR'", "'CIFAR10'", "'SVHN'"]),
        ("type: folder", "type: torchvision\n    set: MNIST\n    download: 'no'", ["'download'"]),
        ("type: folder", "type: smallnorb\n    cameras: centre", ["'cameras' is 'centre'", "'left'"]),
        (
            "type: folder",
            "type: [folder]",
            ["unknown", TYPES],
        ),
        ("root: here", "root: $HOME/x", ["root", "stray $"]),
        ("root: here", "root: 7", ["'root' is 7"]),
        ("root: here", "root: here\n    name: x", ["unknown key 'name'"]),
        ("root: here", "root: here\n    classes: [a, b, a]", ["twice"]),
        ("root: here", "root: here\n    splits: {train: a, test: a}", ["both 'a'"]),
        ("root: here", "root: here\n    splits: {train: a, val: b}", ["unknown key 'splits.val'"]),
        ("root: here", "root: here\n    normalisation: {mean: [0.5], std: [1e-4]}", ["'1e-4'", "1.0e-4"]),
        ("root: here", "root: here\n    normalisation: {mean: [0.5], std: [1.0, 1.0]}", ["one value"]),
        ("root: here", "root: here\n    normalisation: {mean: [0.5], std: [0.0]}", ["std"]),
        ("datasets", "dataset", ["unknown key 'dataset'"]),
    ],
)
def test_faulty_entry_is_named_with_its_mend(tmp_path, old, new, parts):
    text = FOLDER.format(root="here").replace(old, new)
    assert text != FOLDER.format(root="here")
    message = refusal(tmp_path, text)
    assert all(part in message for part in parts), message


@pytest.mark.parametrize("text", ["datasets: [a]", "datasets: {a: 1}"])
def test_section_that_is_no_mapping_is_refused(tmp_path, text):
    assert "mapping" in refusal(tmp_path, text)


def test_unknown_name_offers_near_names_and_the_list():
    for pick, name, near in [("dataset", "cifar10-image", "cifar10-images"), ("checkpoint", "moco", "moco-v2")]:
        with pytest.raises(LthkitError) as caught:
            getattr(load_catalog(SHIPPED), pick)(name)
        assert f"'{name}'" in str(caught.value)
        assert "lthkit list" in str(caught.value)
        if pick == "dataset":
            assert near in str(caught.value)


def test_catalog_is_found_by_variable_then_upwards(tmp_path, monkeypatch):
    monkeypatch.delenv("LTHKIT_CATALOG", raising=False)
    near = write(tmp_path, "datasets:")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert load_catalog().path == near
    other = tmp_path / "other.yaml"
    other.write_text("checkpoints: {}")
    monkeypatch.setenv("LTHKIT_CATALOG", str(other))
    assert load_catalog().path == other
    assert load_catalog(near).root == tmp_path


def test_without_a_catalog_lthkits_own_serves_and_roots_count_from_here(tmp_path, monkeypatch):
    monkeypatch.delenv("LTHKIT_CATALOG", raising=False)
    monkeypatch.chdir(tmp_path)
    found = load_catalog()
    assert found.path == Path(lthkit.__file__).parents[1] / "data_catalog.yaml"
    assert {row.name: row.present for row in found.listing()}["digits"]
    monkeypatch.delenv("LTHKIT_DATA", raising=False)
    assert found.dataset("cifar10-images").folder(found.root) == tmp_path / "data" / "cifar10-images"


def test_relative_root_is_relative_to_the_catalog(tmp_path, monkeypatch):
    (tmp_path / "sets" / "pets").mkdir(parents=True)
    found = catalog(tmp_path, FOLDER, root="sets/pets")
    monkeypatch.chdir("/")
    assert found.dataset("pets").folder(found.root) == tmp_path / "sets" / "pets"


@pytest.mark.parametrize(("value", "folder"), [(None, "fallback"), ("", "fallback"), ("chosen", "chosen")])
def test_variable_with_default(tmp_path, monkeypatch, value, folder):
    monkeypatch.delenv("LTHKIT_T", raising=False)
    if value is not None:
        monkeypatch.setenv("LTHKIT_T", value)
    (tmp_path / folder).mkdir()
    found = catalog(tmp_path, FOLDER.replace("{root}", "${LTHKIT_T:-fallback}"))
    assert found.dataset("pets").folder(found.root) == tmp_path / folder


def test_unset_variable_is_an_error_only_when_used(tmp_path, monkeypatch):
    monkeypatch.delenv("LTHKIT_T", raising=False)
    found = catalog(tmp_path, FOLDER.replace("{root}", "${LTHKIT_T}/pets"))
    assert [(row.present, row.where) for row in found.listing() if row.name == "pets"] == [
        (False, "absent: set LTHKIT_T")
    ]
    with pytest.raises(LthkitError, match=r"'pets'.*set LTHKIT_T"):
        found.dataset("pets").folder(found.root)


def test_listing_tells_present_from_absent(tmp_path):
    for split in ("train", "test"):
        (tmp_path / "pets" / split).mkdir(parents=True)
    text = FOLDER.format(root="pets") + CHECKPOINT.format(root=".", file="w.pt")
    found = catalog(tmp_path, text)
    *_, pets, weights = found.listing()
    assert (pets.name, pets.kind, pets.type, pets.present) == ("pets", "dataset", "folder", True)
    assert (pets.where, pets.licence) == (str(tmp_path / "pets"), "CC0")
    assert (weights.kind, weights.type, weights.present) == ("checkpoint", "file", False)
    assert weights.where.startswith("absent: file ")
    assert "train it" in weights.where
    (tmp_path / "w.pt").touch()
    (tmp_path / "pets" / "test").rmdir()
    *_, pets, weights = found.listing()
    assert (pets.present, weights.present) == (False, True)
    assert "ask a friend" in pets.where


def test_shipped_digits_are_present():
    built_in = load_catalog(SHIPPED).listing()[:3]
    assert [(row.name, row.present) for row in built_in] == [
        ("digits", True),
        ("pasted-digits", True),
        ("digit-crops", True),
    ]


@pytest.mark.parametrize("file", ["../out.pt", "/etc/out.pt", "link.pt", "folder/link.pt", "a/../../out.pt"])
def test_nothing_leads_outside_the_root(tmp_path, file):
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "out.pt").touch()
    (root / "link.pt").symlink_to(tmp_path / "out.pt")
    (root / "folder" / "link.pt").symlink_to("../../out.pt")
    found = catalog(tmp_path, CHECKPOINT, root="root", file=file)
    with pytest.raises(LthkitError, match=r"'weights'.*outside its root"):
        found.checkpoint("weights").locate(found.root)
    assert not found.listing()[-1].present


def test_link_within_the_root_and_linked_root_are_fine(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "w.pt").touch()
    (tmp_path / "real" / "link.pt").symlink_to("w.pt")
    (tmp_path / "root").symlink_to("real")
    found = catalog(tmp_path, CHECKPOINT, root="root", file="link.pt")
    assert found.checkpoint("weights").locate(found.root) == tmp_path / "real" / "w.pt"


def test_link_in_circles_is_refused(tmp_path):
    (tmp_path / "w.pt").symlink_to("w.pt")
    found = catalog(tmp_path, CHECKPOINT, root=".", file="w.pt")
    with pytest.raises(LthkitError, match=r"w\.pt"):
        found.checkpoint("weights").locate(found.root)


def test_sha256_is_checked_whole_or_as_prefix(tmp_path):
    torch.save({"w": torch.ones(3)}, tmp_path / "w.pt")
    digest = hashlib.sha256((tmp_path / "w.pt").read_bytes()).hexdigest()
    for stated in (digest, digest[:8]):
        found = catalog(tmp_path, CHECKPOINT.format(root=".", file="w.pt") + f'    sha256: "{stated}"\n')
        assert read_checkpoint(locate("weights", found), "weights").sha256 == digest
    torch.save({"w": torch.zeros(3)}, tmp_path / "w.pt")
    with pytest.raises(LthkitError, match=f"SHA-256.*not {digest[:8]}"):
        read_checkpoint(locate("weights", found), "weights")
    assert "sha256" in refusal(tmp_path, CHECKPOINT.format(root=".", file="w.pt") + "    sha256: abc\n")


def test_licences_of_shipped_entries_say_where_and_when_they_were_read_or_that_they_are_unknown():
    shipped = load_catalog(SHIPPED)
    for entry in [*shipped.datasets.values(), *shipped.checkpoints.values()]:
        assert entry.licence_read or entry.licence == "unknown", entry.name
    assert "BSD" not in SHIPPED.read_text(encoding="utf-8")
    row = next(row for row in shipped.listing() if row.name == "fashion-mnist")
    assert row.licence == "MIT (LICENSE of github.com/zalandoresearch/fashion-mnist at 5e60fd2, 2026-11-25)"


@pytest.mark.parametrize("read", ["2026-11-25", "its page", "its page, 25.11.2026"])
def test_where_a_licence_was_read_has_a_place_and_a_day(tmp_path, read):
    assert "licence_read" in refusal(tmp_path, FOLDER.format(root="x") + f"    licence_read: '{read}'\n")


def test_one_faulty_entry_is_shown_beside_the_good_ones_and_only_its_use_raises(tmp_path):
    text = FOLDER.format(root="pets").replace("datasets:", "datasets:\n  broken: {type: folder}\n  none: 3")
    found = catalog(tmp_path, text)
    rows = {row.name: row for row in found.listing()}
    assert rows.keys() == {"digits", "digit-crops", "pasted-digits", "pets", "broken", "none"}
    assert "'root' is missing" in rows["broken"].problem
    assert rows["broken"].where == f"faulty: {rows['broken'].problem}"
    assert (rows["broken"].type, rows["broken"].present, rows["pets"].problem) == ("folder", False, None)
    found.dataset("pets")
    for name in ("broken", "none"):
        with pytest.raises(LthkitError, match=f"datasets.{name}"):
            found.dataset(name)


@pytest.mark.parametrize("suffix", [".th", ".bin", ".ckpt", ""])
def test_a_checkpoint_may_have_any_suffix(tmp_path, suffix):
    torch.save({"w": torch.ones(3)}, tmp_path / f"w{suffix}")
    found = catalog(tmp_path, CHECKPOINT, root=".", file=f"w{suffix}")
    assert found.listing()[-1].present
    for save in (lambda path: None, lambda path: save_file({"w": torch.ones(3)}, path)):
        save(tmp_path / f"w{suffix}")
        assert read_checkpoint(locate("weights", found), "weights").tensors["w"].sum() == 3


def test_an_own_catalog_keeps_digits_and_may_have_its_own(tmp_path):
    assert "digits" in catalog(tmp_path, FOLDER, root="x").datasets
    own = FOLDER.format(root="x").replace("pets", "digits")
    assert catalog(tmp_path, own).dataset("digits").type == "folder"


def test_links_may_lead_out_of_the_root_on_request(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "far.pt").touch()
    (tmp_path / "root" / "w.pt").symlink_to(tmp_path / "far.pt")
    assert "`follow_links: true`" in catalog(tmp_path, CHECKPOINT, root="root", file="w.pt").listing()[-1].where
    for file, where in (("w.pt", str(tmp_path / "far.pt")), ("../far.pt", "absent: '../far.pt' leads outside")):
        found = catalog(tmp_path, CHECKPOINT + "    follow_links: true\n", root="root", file=file)
        assert found.listing()[-1].where.startswith(where)


def test_what_would_steer_a_terminal_is_spelt_out(tmp_path):
    evil = r'"\e[31mred\n\r\u202e"'
    text = FOLDER.format(root="x").replace("CC0", evil).replace("ask a friend", evil)
    found = catalog(tmp_path, text + f"  {evil}: {{type: folder}}\n")
    assert all(line.isprintable() for line in catalog_report(found.listing()).splitlines())
    with pytest.raises(LthkitError) as caught:
        found.dataset("\x1b[31mred\n\r\u202e")
    assert str(caught.value).isprintable()
    assert r"\x1b[31mred\n\r\u202e" in str(caught.value)


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
@pytest.mark.parametrize("key", ["mean", "std"])
def test_normalisation_is_finite(tmp_path, number, key):
    given = {"mean": "0.5", "std": "0.5"} | {key: number}
    line = f"    normalisation: {{mean: [{given['mean']}], std: [{given['std']}]}}\n"
    fault = refusal(tmp_path, FOLDER.format(root="x") + line)
    assert f"normalisation.{key}" in fault


@pytest.mark.parametrize(
    "value",
    ["0x" + "f" * 5000, "[" * 40 + "]" * 40, "'a\\0b'", "n" * 300, '"a\\0b"'],
)
@pytest.mark.parametrize("key", ["root", "description", "file"])
def test_absurd_values_are_one_sentence(tmp_path, key, value):
    text = CHECKPOINT.format(root="x", file="w.pt") + "    model: m\n"
    text = "\n".join(f"    {key}: {value}" if line.strip().startswith(f"{key}:") else line for line in text.split("\n"))
    row = catalog(tmp_path, text).listing()[-1]
    assert not row.present
    assert len(row.where) < 1500


def test_a_catalog_is_a_regular_file_of_sane_size(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for path, reason in ((tmp_path / "pipe.yaml", "no regular file"), ("/dev/zero", "no regular file"), (tmp_path, "")):
        with pytest.raises(LthkitError, match=f"cannot be read .*{reason}"):
            load_catalog(path)
    with (tmp_path / "big.yaml").open("wb") as file:
        file.truncate(2**34)
    with pytest.raises(LthkitError, match="more than 10,000,000 bytes"):
        load_catalog(tmp_path / "big.yaml")
    with pytest.raises(LthkitError, match="cannot be read"):
        load_catalog(SHIPPED / "below.yaml")
