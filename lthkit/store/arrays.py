"""Reading and writing of single zarr variables and attributes; zarr's many errors become one sentence here."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import LocalStore

from lthkit.errors import LthkitError, StoreError
from lthkit.store.files import DurableStore, parallel
from lthkit.store.format import MEND
from lthkit.store.promises import check_chunks, check_layout, check_metadata, enough_memory

# Measured on independent codes: level 1 stores 1.01 × their entropy while no value makes up more than a quarter, but
# up to 1.3 × where one makes up half; level 16, the lowest that weighs matches against their cost, 1.01 ×.
TIGHT_LEVEL = 16
FREQUENT = 0.25


def open_group(path: Path, group: str, *, write: bool = False) -> zarr.Group:
    """A group of the store at ``path``; writes through it are durable.

    Raises:
        StoreError: if there is none or its ``zarr.json`` is damaged.
    """
    if not (path / group / "zarr.json").exists():
        raise StoreError(f"{path} is not an lthkit store: {Path(group) / 'zarr.json'} is missing; check the path")
    check_metadata(path / group)
    store = DurableStore(path) if write else LocalStore(path, read_only=True)
    try:
        mode = "r+" if write else "r"
        return zarr.open_group(store, path=group, mode=mode, zarr_format=3, use_consolidated=False)  # type: ignore[arg-type]
    except Exception as error:
        raise StoreError(f"{path}: {Path(group) / 'zarr.json'} cannot be read ({brief(error)}); {MEND}") from error


def open_variable(group: zarr.Group, name: str, shape: tuple[int, ...], dtype: str) -> zarr.Array:
    """A variable of the given shape and type.

    Raises:
        StoreError: if it is missing, damaged or another.
    """
    where = f"{place(group)}: variable '{name}'"
    if not (place(group) / name / "zarr.json").exists():
        raise StoreError(f"{where} is missing; {MEND}")
    check_metadata(place(group) / name)
    try:
        variable = group[name]
    except Exception as error:
        raise StoreError(f"{where} cannot be opened ({brief(error)}); {MEND}") from error
    if not isinstance(variable, zarr.Array) or variable.shape != shape or variable.dtype != np.dtype(dtype):
        raise StoreError(f"{where} is not the {dtype} array of shape {shape} that was committed; {MEND}")
    check_layout(variable, where)
    return variable


def read_variable(
    group: zarr.Group, name: str, shape: tuple[int, ...], dtype: str, *, unwritten: bool = False
) -> np.ndarray:
    """All values of a variable, sizes checked before and checksums of the chunks while they are read.

    Raises:
        StoreError: if it is missing, damaged or another; see ``check_chunks`` for ``unwritten``.
        LthkitError: if there is not enough memory for it.
    """
    variable, where = open_variable(group, name, shape, dtype), f"{place(group)}: variable '{name}'"
    check_chunks(variable, place(group) / name, where, unwritten=unwritten)
    try:
        with enough_memory(where):
            return np.asarray(variable[...]).reshape(shape)
    except LthkitError:
        raise
    except Exception as error:
        raise StoreError(f"{where}: a chunk is damaged ({brief(error)}); {MEND}") from error


def write_variables(group: zarr.Group, values: dict[str, np.ndarray], *, tight: bool = False) -> None:
    """Rewrite every chunk of existing variables.

    ``tight`` takes about 0.2 s per MiB for variables in which zstd's level 1 finds matches that cost more than they
    save: those where one value is frequent. Elsewhere, and for the reader, it makes no difference.

    Each chunk is a call of its own, for the reason given at ``DurableStore``.

    Raises:
        StoreError: if a variable is missing or another.
        OSError: if the disk does not take it.
    """

    def open_one(name: str) -> zarr.Array:
        variable = open_variable(group, name, values[name].shape, values[name].dtype.name)
        variable = variable.with_config({"write_empty_chunks": True})  # a chunk that is not there is damage
        return tightly(variable) if tight and _one_value_is_frequent(values[name]) else variable

    def write_one(task: tuple[zarr.Array, np.ndarray, tuple[slice, ...]]) -> None:
        variable, array, region = task
        variable[region] = array[region]

    variables = parallel(open_one, values)
    pairs = zip(variables, values.values(), strict=True)
    parallel(write_one, [(variable, array, region) for variable, array in pairs for region in regions(variable)])


def tightly(variable: zarr.Array) -> zarr.Array:
    """The same variable, written with a higher zstd level than its metadata say; decoders do not need the level."""
    metadata: dict[str, Any] = dict(variable.metadata.to_dict())
    metadata["codecs"] = [
        codec | {"configuration": codec["configuration"] | {"level": TIGHT_LEVEL}} if codec["name"] == "zstd" else codec
        for codec in metadata["codecs"]
    ]
    return zarr.Array(zarr.AsyncArray(metadata, variable.store_path))  # type: ignore[call-overload]


def _one_value_is_frequent(codes: np.ndarray) -> bool:
    return bool(np.bincount(codes.reshape(-1)).max(initial=0) > FREQUENT * codes.size)


def regions(variable: zarr.Array) -> list[tuple[slice, ...]]:
    """The part of the array that each chunk covers, in order; ``()`` for a scalar."""
    axes = [
        [slice(start, min(start + step, length)) for start in range(0, length, step)]
        for length, step in zip(variable.shape, variable.chunks, strict=True)
    ]
    return list(product(*axes))


def place(group: zarr.Group) -> Path:
    """Folder of a group."""
    return Path(getattr(group.store, "root", "")) / group.path


def brief(error: Exception) -> str:
    """First line of an error, at most 120 characters."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:120].rstrip(". ")
