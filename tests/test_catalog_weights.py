import hashlib
from pathlib import Path

import pytest
import torch
import torchvision
from served import served

from lthkit.catalog import Catalog, load_catalog
from lthkit.catalog.checkpoints.torchvision_weights import WeightsEntry
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec, build, load_checkpoint
from lthkit.models.files import locate, read_checkpoint

SHIPPED = load_catalog(Path(__file__).parents[1] / "data_catalog.yaml")
V1 = torchvision.models.ResNet18_Weights.IMAGENET1K_V1


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refused(*arguments, **options):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("lthkit.catalog.download.urlopen", refused)


def catalog(folder: Path, **values: object) -> Catalog:
    given = {"name": "w", "type": "torchvision-weights", "weights": str(V1), "root": "weights", "licence": "BSD"}
    entry = WeightsEntry.parse({**given, "get": "ask a friend", **values}, "test")
    return Catalog(folder / "data_catalog.yaml", {}, {"w": entry})


def refusal(found: Catalog) -> str:
    with pytest.raises(LthkitError) as caught:
        read_checkpoint(locate("w", found), "w")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def published(folder: Path, monkeypatch, content: bytes) -> str:
    """A file that torchvision's weights of ResNet-18 are made to be; its name."""
    name = f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    monkeypatch.setattr(V1.value, "url", f"http://nowhere.invalid/{name}")
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return name


def test_shipped_weights_are_torchvisions_files(monkeypatch, tmp_path):
    monkeypatch.setenv("LTHKIT_CHECKPOINTS", str(tmp_path))
    names = {
        "resnet18": "resnet18-f37072fd.pth",
        "resnet50": "resnet50-0676ba61.pth",
        "resnet152": "resnet152-394f9c45",
    }
    for model, name in names.items():
        entry = SHIPPED.checkpoint(f"{model}-imagenet-v1")
        assert (type(entry), entry.download) == (WeightsEntry, False)
        with pytest.raises(LthkitError, match=f"{tmp_path / name}"):
            entry.fetch(SHIPPED.root)


def test_root_is_the_checkpoints_folder_where_the_entry_names_none(tmp_path, monkeypatch):
    entry = WeightsEntry.parse(
        {"name": "w", "type": "torchvision-weights", "weights": str(V1), "licence": "BSD", "get": "ask"}, "test"
    )
    monkeypatch.delenv("LTHKIT_CHECKPOINTS", raising=False)
    assert entry.folder(tmp_path) == tmp_path / "checkpoints"


def test_absent_file_says_its_name_and_folder_and_is_not_downloaded_unasked(tmp_path):
    found = catalog(tmp_path)
    message = refusal(found)
    assert str(tmp_path / "weights" / "resnet18-f37072fd.pth") in message
    assert "ask a friend" in message
    assert "Network" not in message
    (row,) = found.listing()
    assert (row.present, row.type) == (False, "torchvision-weights")
    assert "resnet18-f37072fd.pth" in row.where


def test_offline_says_where_the_file_belongs(tmp_path):
    message = refusal(catalog(tmp_path, download=True))
    for part in ("Network is unreachable", f"resnet18-f37072fd.pth belongs in {tmp_path / 'weights'}", "ask a friend"):
        assert part in message
    assert list((tmp_path / "weights").glob("[!.]*")) == []


def test_hash_in_the_name_is_checked(tmp_path, monkeypatch):
    name = published(tmp_path / "weights", monkeypatch, b"weights")
    found = catalog(tmp_path)
    assert locate("w", found).path == tmp_path / "weights" / name
    assert f"-{locate('w', found).sha256}." in name
    assert "no checkpoint" in refusal(found)  # b"weights" is none, of the right hash
    assert found.listing()[0].present
    (tmp_path / "weights" / name).write_bytes(b"weightz")
    assert "SHA-256" in refusal(found)


def test_download_of_another_content_is_refused_and_not_kept(tmp_path, monkeypatch):
    name = published(tmp_path / "web", monkeypatch, b"weights")
    (tmp_path / "web" / name).write_bytes(b"something else")
    with served(tmp_path / "web") as address:
        monkeypatch.undo()
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(V1.value, "url", f"{address}/{name}")
        assert "download failed" in refusal(catalog(tmp_path, download=True))
    assert list((tmp_path / "weights").glob("[!.]*")) == []


def test_downloaded_once_and_loaded_as_a_checkpoint(tmp_path, monkeypatch):
    model = torchvision.models.resnet18(num_classes=3)
    (tmp_path / "web").mkdir()
    torch.save(model.state_dict(), tmp_path / "web" / "state")
    name = published(tmp_path / "web", monkeypatch, (tmp_path / "web" / "state").read_bytes())
    spec = ModelSpec(name="resnet18", checkpoint="w")
    ours = build(spec, 3, 0)
    found = catalog(tmp_path, download=True)
    with served(tmp_path / "web") as address:
        monkeypatch.undo()
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(V1.value, "url", f"{address}/{name}")
        report = load_checkpoint(ours, spec, found)
        (tmp_path / "web" / name).unlink()
        assert load_checkpoint(ours, spec, found) == report
    assert [path.name for path in (tmp_path / "weights").glob("[!.]*")] == [name]
    assert set(report.matched) == model.state_dict().keys()
    assert all(torch.equal(tensor, ours.state_dict()[key]) for key, tensor in model.state_dict().items())


@pytest.mark.parametrize("name", ["ResNet18_Weights.IMAGENET1K_V3", "ResNet18_Weight.IMAGENET1K_V1", "resnet18"])
def test_unknown_weights_offer_near_names(tmp_path, name):
    found = catalog(tmp_path, weights=name)
    message = refusal(found)
    assert f"no weights '{name}'" in message
    assert "ResNet18_Weights.IMAGENET1K_V1" in message or name == "resnet18"
    assert "_Weights.IMAGENET1K_V1" in message
    assert not found.listing()[0].present


FAULTS = [{"weights": ""}, {"file": ""}, {"path": "a.pth"}, {"download": "yes"}, {"root": "$X"}]


@pytest.mark.parametrize("changes", FAULTS)
def test_faulty_entry_is_refused(tmp_path, changes):
    with pytest.raises(LthkitError, match=next(iter(changes))):
        catalog(tmp_path, **changes)


def test_a_stated_file_that_is_not_the_one_of_the_weights_is_refused_though_it_is_there(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "a.pth").write_bytes(b"other weights")
    message = refusal(catalog(tmp_path, file="a.pth"))
    assert "published as resnet18-f37072fd.pth, not a.pth" in message


def test_the_shipped_catalog_states_the_file_of_each_of_torchvisions_weights():
    entries = [entry for entry in SHIPPED.checkpoints.values() if isinstance(entry, WeightsEntry)]
    assert len(entries) == 8
    for entry in entries:
        assert entry.file is not None
        assert entry.url.endswith(f"/{entry.file}")
