"""Checkpoint files that nobody vouches for: one sentence each, no memory taken, nothing run."""

import os
import pickle
import resource
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from lthkit.errors import LthkitError
from lthkit.models.files import Place, read_checkpoint


def refused(path: Path | str, sentence: str) -> None:
    with pytest.raises(LthkitError, match=sentence) as caught:
        read_checkpoint(Place(Path(path)), str(path))
    assert str(caught.value).isprintable()


def kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("zipped", [True, False])
def test_mappings_that_nest_without_end_are_one_sentence(tmp_path: Path, zipped: bool) -> None:
    opcodes = b"\x80\x02" + b"}X\x01\x00\x00\x00a" * 2000 + b"}" + b"s" * 2000 + b"."
    path = tmp_path / "deep.pt"
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("deep/data.pkl", opcodes)
            archive.writestr("deep/version", "3\n")
            archive.writestr("deep/byteorder", "little")
    else:
        with path.open("wb") as file:
            pickle.dump(0x1950A86A20F9469CFC6C, file, 2)
            pickle.dump(1001, file, 2)
            pickle.dump({"little_endian": True}, file, 2)
            file.write(opcodes)
            pickle.dump([], file, 2)
    refused(path, "nests more than 50 mappings; save its state dict alone")


def test_compressed_records_are_refused_before_they_unfold(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(3)}, tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "whole.pt") as whole, zipfile.ZipFile(tmp_path / "bomb.pt", "w") as bomb:
        for record in whole.infolist():
            content = whole.read(record)
            if record.filename.endswith("data.pkl"):
                content = content[:-1] + b"\x8e" + (2**26).to_bytes(8, "little") + bytes(2**26) + b"0."
            bomb.writestr(record.filename, content, zipfile.ZIP_DEFLATED)
    del content
    before = kilobytes()
    refused(tmp_path / "bomb.pt", "compressed or overlapping records")
    assert kilobytes() - before < 30_000


def test_pipes_devices_folders_and_impossible_names_are_one_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    (tmp_path / "file.pt").write_bytes(b"")
    refused(tmp_path / "pipe.pt", r"cannot be read \(no regular file")
    refused("/dev/zero", "no regular file")
    refused(tmp_path, "no regular file")
    refused(tmp_path / "a\0.pt", r"a\\x00.pt' cannot be read \(a file name cannot hold a null character")
    refused(tmp_path / f"{'n' * 300}.pt", "File name too long")
    refused(tmp_path / "file.pt" / "below.pt", "Not a directory")
    (tmp_path / "evil\n\x1b[2J.pt").write_bytes(b"no")
    refused(tmp_path / "evil\n\x1b[2J.pt", r"evil\\n\\x1b\[2J.pt' cannot be read")


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")]
)
def test_shortage_of_memory_is_not_called_damage(tmp_path: Path, monkeypatch: Any, error: Exception) -> None:
    torch.save({}, tmp_path / "a.pt")

    def short(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(torch, "load", short)
    refused(tmp_path / "a.pt", "^memory is too short to read checkpoint")


def test_a_file_is_hashed_once(tmp_path: Path, monkeypatch: Any) -> None:
    import hashlib

    torch.save({"w": torch.ones(3)}, tmp_path / "a.pt")
    sha256 = hashlib.sha256((tmp_path / "a.pt").read_bytes()).hexdigest()
    digested, whole = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: digested.append(given) or whole(*given))
    assert read_checkpoint(Place(tmp_path / "a.pt", sha256=sha256[:8]), "a").sha256 == sha256
    assert len(digested) == 1
