"""Checkpoint files: found, hashed and read as data; code inside is refused, never run."""

import hashlib
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from lthkit.catalog import Catalog
from lthkit.errors import LthkitError
from lthkit.untrusted import is_shortage, open_regular

MOST_LEVELS = 50
"""Mappings within mappings."""


@dataclass(frozen=True)
class Place:
    """A checkpoint file, with the prefix and the first digits of the SHA-256 that the catalog states for it."""

    path: Path
    prefix: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        tensors: all tensors, on the CPU, by dotted name: those of nested mappings too, containers' names first.
        sha256: of the file.
    """

    tensors: dict[str, Tensor]
    sha256: str


def locate(source: str, catalog: Catalog | None) -> Place:
    """An entry of the catalog, else a path.

    Raises:
        LthkitError: neither, or the file is missing.
    """
    path = Path(source).expanduser()
    is_name = len(path.parts) < 2 and not path.suffix
    if catalog is not None and (source in catalog.checkpoints or (is_name and not path.is_file())):
        entry = catalog.checkpoint(source)
        return Place(entry.fetch(catalog.root), entry.prefix, entry.expected_sha256)
    if is_name and not path.is_file():
        raise LthkitError(f"checkpoint '{source}' is a name, but no catalog was given; give a catalog or a path")
    return Place(path)


def read_checkpoint(place: Place, source: str) -> Checkpoint:
    """All tensors in a checkpoint file, whatever its suffix: safetensors, or as ``torch.save`` writes it.

    Args:
        place: the file.
        source: what the user calls it, for errors.

    Raises:
        LthkitError: missing, no regular file, of another hash than stated, damaged, not a checkpoint, pickled code,
            records that would unfold to more than the file holds; or memory is too short.
    """
    try:
        sha256 = _hashed(place, source)
        return Checkpoint(flatten(_read(place.path, source), source), sha256)
    except LthkitError:
        raise
    except Exception as error:  # a damaged file makes the readers raise anything
        if is_shortage(error):
            raise LthkitError(f"memory is too short to read checkpoint '{source}'; free some") from None
        code = re.search(r"GLOBAL (\S+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        raise LthkitError(_refusal(source, code[1]) if code else _damage(source, type(error).__name__)) from None


def flatten(container: Any, source: str) -> dict[str, Tensor]:
    """All tensors in nested mappings by dotted name; everything else (epochs, options, lists) is left out.

    Raises:
        LthkitError: mappings nest without reason.
    """
    flat: dict[str, Tensor] = {}
    seen: set[int] = set()  # a hostile file may hold a mapping inside itself

    def visit(value: Any, name: str, levels: int) -> None:
        if isinstance(value, Tensor):
            flat[name] = value.detach()
        elif isinstance(value, Mapping) and id(value) not in seen:
            if not levels:
                raise LthkitError(
                    f"checkpoint '{source}' nests more than {MOST_LEVELS} mappings; save its state dict alone"
                )
            seen.add(id(value))
            for key, child in value.items():
                visit(child, f"{name}.{key}" if name else str(key), levels - 1)

    visit(container, "", MOST_LEVELS)
    return flat


def _hashed(place: Place, source: str) -> str:
    try:
        file = open_regular(place.path)
    except FileNotFoundError:
        raise LthkitError(f"checkpoint '{source}': there is no such file; correct the path or get the file") from None
    except OSError as error:
        raise LthkitError(f"checkpoint '{source}' cannot be read ({error.strerror}); name a file that can") from None
    with file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if place.sha256 and not found.startswith(place.sha256):
        raise LthkitError(
            f"checkpoint '{source}': {place.path} has SHA-256 {found}, not {place.sha256}; get the file again or "
            "correct the catalog"
        )
    return found


def _read(path: Path, source: str) -> Any:
    size = path.stat().st_size
    with open_regular(path) as file:
        head = file.read(9)
    if head[8:] == b"{" and int.from_bytes(head[:8], "little") < size:
        return load_file(path, device="cpu")
    zipped = zipfile.is_zipfile(path)
    if zipped:
        _check_records(path, size, source)
    return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)


def _check_records(path: Path, size: int, source: str) -> None:
    """Refuse an archive that would unfold to more than the file; torch never compresses."""
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
    stored = all(record.compress_type == zipfile.ZIP_STORED for record in records)
    if not stored or sum(record.file_size for record in records) > size:
        raise LthkitError(
            f"checkpoint '{source}' has compressed or overlapping records, which may unfold to any size and are never "
            "written by torch.save; save it again"
        )


def _refusal(source: str, code: str) -> str:
    return (
        f"checkpoint '{source}' holds pickled code ({code}), which is never run; "
        "save its state dict alone, best as .safetensors"
    )


def _damage(source: str, reason: str) -> str:
    return f"checkpoint '{source}' cannot be read ({reason}): damaged, cut off or no checkpoint; get or save it again"
