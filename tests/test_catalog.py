import hashlib
from pathlib import Path

import pytest

import lthkit
from lthkit.catalog import DATASET_TYPES, Catalog, load_catalog, read_yaml
from lthkit.data import READERS
from lthkit.errors import LthkitError

SHIPPED = Path(__file__).parents[1] / "data_catalog.yaml"

FOLDER = """
datasets:
  pets:
    type: folder
    root: {root}
    licence: CC0
    get: ask a friend
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
    with pytest.raises(LthkitError) as caught:
        load_catalog(write(folder, text))
    return str(caught.value)


def test_shipped_catalog_is_valid_and_names_the_promised_entries():
    shipped = load_catalog(SHIPPED)
    assert {"digits", "cifar10-images", "imagenet", "visda2017"} <= shipped.datasets.keys()
    assert {"cifar10", "cifar100", "svhn", "fashion-mnist", "mnist", "smallnorb"} <= shipped.datasets.keys()
    assert {shipped.dataset(name).type for name in shipped.datasets} == DATASET_TYPES.keys()
    assert shipped.checkpoint("moco-v2-resnet50").prefix == "module.encoder_q."
    assert shipped.dataset("imagenet").splits.test == "val"
    assert shipped.checkpoint("simclr-resnet50").normalisation is None


def test_every_type_has_a_reader():
    assert READERS.keys() == DATASET_TYPES.keys()


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
        ("a: 2020-13-45\n", ["correct the value"]),
        ("[" * 3000, ["not readable"]),
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
        ("type: folder", "type: zip", ["'zip'", "digits, folder"]),
        ("type: folder", "type: torchvision\n    set: CIFAR", ["'set' is 'CIFAR'", "'CIFAR10'", "'SVHN'"]),
        ("type: folder", "type: torchvision\n    set: MNIST\n    download: 'no'", ["'download'"]),
        ("type: folder", "type: smallnorb\n    cameras: centre", ["'cameras' is 'centre'", "'left'"]),
        ("type: folder", "type: [folder]", ["unknown", "digits, folder"]),
        ("root: here", "root: $HOME/x", ["'root", "stray $"]),
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
    assert found.place(found.dataset("cifar10-images")) == tmp_path / "data" / "cifar10-images"


def test_relative_root_is_relative_to_the_catalog(tmp_path, monkeypatch):
    (tmp_path / "sets" / "pets").mkdir(parents=True)
    found = catalog(tmp_path, FOLDER, root="sets/pets")
    monkeypatch.chdir("/")
    assert found.folder(found.dataset("pets")) == tmp_path / "sets" / "pets"


@pytest.mark.parametrize(("value", "folder"), [(None, "fallback"), ("", "fallback"), ("chosen", "chosen")])
def test_variable_with_default(tmp_path, monkeypatch, value, folder):
    monkeypatch.delenv("LTHKIT_T", raising=False)
    if value is not None:
        monkeypatch.setenv("LTHKIT_T", value)
    (tmp_path / folder).mkdir()
    found = catalog(tmp_path, FOLDER.replace("{root}", "${LTHKIT_T:-fallback}"))
    assert found.folder(found.dataset("pets")) == tmp_path / folder


def test_unset_variable_is_an_error_only_when_used(tmp_path, monkeypatch):
    monkeypatch.delenv("LTHKIT_T", raising=False)
    found = catalog(tmp_path, FOLDER.replace("{root}", "${LTHKIT_T}/pets"))
    assert [(row.present, row.where) for row in found.listing()] == [(False, "absent: set LTHKIT_T")]
    with pytest.raises(LthkitError, match=r"'pets'.*set LTHKIT_T"):
        found.folder(found.dataset("pets"))


def test_listing_tells_present_from_absent(tmp_path):
    for split in ("train", "test"):
        (tmp_path / "pets" / split).mkdir(parents=True)
    text = FOLDER.format(root="pets") + CHECKPOINT.format(root=".", file="w.pt")
    found = catalog(tmp_path, text)
    pets, weights = found.listing()
    assert (pets.name, pets.kind, pets.type, pets.present) == ("pets", "dataset", "folder", True)
    assert (pets.where, pets.licence) == (str(tmp_path / "pets"), "CC0")
    assert (weights.kind, weights.type, weights.present) == ("checkpoint", "file", False)
    assert weights.where.startswith("absent: file ")
    assert "train it" in weights.where
    (tmp_path / "w.pt").touch()
    (tmp_path / "pets" / "test").rmdir()
    pets, weights = found.listing()
    assert (pets.present, weights.present) == (False, True)
    assert "ask a friend" in pets.where


def test_shipped_digits_are_present():
    digits = load_catalog(SHIPPED).listing()[0]
    assert (digits.name, digits.present) == ("digits", True)


@pytest.mark.parametrize("file", ["../out.pt", "/etc/out.pt", "link.pt", "folder/link.pt", "a/../../out.pt"])
def test_nothing_leads_outside_the_root(tmp_path, file):
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "out.pt").touch()
    (root / "link.pt").symlink_to(tmp_path / "out.pt")
    (root / "folder" / "link.pt").symlink_to("../../out.pt")
    found = catalog(tmp_path, CHECKPOINT, root="root", file=file)
    with pytest.raises(LthkitError, match=r"'weights'.*outside its root"):
        found.file(found.checkpoint("weights"))
    assert not found.listing()[0].present


def test_link_within_the_root_and_linked_root_are_fine(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "w.pt").touch()
    (tmp_path / "real" / "link.pt").symlink_to("w.pt")
    (tmp_path / "root").symlink_to("real")
    found = catalog(tmp_path, CHECKPOINT, root="root", file="link.pt")
    assert found.file(found.checkpoint("weights")) == tmp_path / "real" / "w.pt"


def test_link_in_circles_is_refused(tmp_path):
    (tmp_path / "w.pt").symlink_to("w.pt")
    found = catalog(tmp_path, CHECKPOINT, root=".", file="w.pt")
    with pytest.raises(LthkitError, match=r"w\.pt"):
        found.file(found.checkpoint("weights"))


def test_checkpoint_suffix_is_checked(tmp_path):
    assert ".safetensors" in refusal(tmp_path, CHECKPOINT.format(root=".", file="w.pkl"))


def test_sha256_is_checked_whole_or_as_prefix(tmp_path):
    (tmp_path / "w.pt").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    for stated in (digest, digest[:8]):
        found = catalog(tmp_path, CHECKPOINT.format(root=".", file="w.pt") + f'    sha256: "{stated}"\n')
        assert found.verified_file(found.checkpoint("weights")) == tmp_path / "w.pt"
    (tmp_path / "w.pt").write_bytes(b"weightz")
    with pytest.raises(LthkitError, match=f"SHA-256.*not {digest[:8]}"):
        found.verified_file(found.checkpoint("weights"))
    assert "sha256" in refusal(tmp_path, CHECKPOINT.format(root=".", file="w.pt") + "    sha256: abc\n")
