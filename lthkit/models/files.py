"""Checkpoint files: found, hashed and read as data; code inside is refused, never run."""

import hashlib
import pickle
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from lthkit.catalog import Catalog
from lthkit.catalog.entries import CHECKPOINT_SUFFIXES
from lthkit.errors import LthkitError


@dataclass(frozen=True)
class Place:
    """A checkpoint file, with the prefix that the catalog states for it."""

    path: Path
    prefix: str | None = None


def locate(source: str, catalog: Catalog | None) -> Place:
    """An entry of the catalog (its SHA-256 checked), else a path.

    Raises:
        LthkitError: neither; or the file is missing or has another hash than the catalog states.
    """
    if catalog is not None and source in catalog.checkpoints:
        entry = catalog.checkpoint(source)
        return Place(catalog.verified_file(entry), entry.prefix)
    path = Path(source).expanduser()
    if not source.endswith(CHECKPOINT_SUFFIXES) and len(path.parts) < 2:
        if catalog is not None:
            catalog.checkpoint(source)  # raises, with near names
        raise LthkitError(f"checkpoint '{source}' is a name, but no catalog was given; give a catalog or a path")
    if not path.is_file():
        raise LthkitError(f"checkpoint '{source}': there is no such file; correct the path or get the file")
    return Place(path)


def read_tensors(path: Path, source: str) -> tuple[Any, str]:
    """The content of a checkpoint file (nested mappings with tensors on the CPU) and the file's SHA-256.

    Args:
        path: the file; safetensors by its suffix, anything else as ``torch.save`` writes it.
        source: what the user calls it, for errors.

    Raises:
        LthkitError: damaged, not a checkpoint, or pickled code.
    """
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return _read(path), sha256
    except Exception as error:  # a damaged file makes the readers raise anything
        code = re.search(r"GLOBAL (\S+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        reason = type(error).__name__
        raise LthkitError(_refusal(source, code[1]) if code else _damage(source, reason)) from None


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path, device="cpu")
    return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))


def _refusal(source: str, code: str) -> str:
    return (
        f"checkpoint '{source}' holds pickled code ({code}), which is never run; "
        "save its state dict alone, best as .safetensors"
    )


def _damage(source: str, reason: str) -> str:
    return f"checkpoint '{source}' cannot be read ({reason}): damaged, cut off or no checkpoint; get or save it again"
