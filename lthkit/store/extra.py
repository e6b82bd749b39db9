"""Group ``extra``: masks that come from elsewhere and fit no recipe, bit-packed, one group a mask."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from lthkit.errors import StoreError
from lthkit.store.arrays import open_group, place, read_variable, write_variables
from lthkit.store.files import DurableStore, built
from lthkit.store.format import (
    CODES_FILL,
    EXTRA,
    MEND,
    ExtraAttributes,
    Variable,
    check_names,
    layout,
    sealed,
    sha256,
    unseal,
)
from lthkit.store.promises import enough_memory


def write(
    path: Path, name: str, masks: dict[str, np.ndarray], recipe: dict[str, Any] | None, root_sha256: str | None
) -> None:
    """Add a mask to the store at ``path`` in one step, bound by its root's seal if it has one. Inverse: ``read``.

    Raises:
        StoreError: if the name is taken or unfit, or a mask is not bool.
        OSError: if the disk does not take it.
    """
    _check(path, name, masks)
    packed = {key: np.packbits(mask) for key, mask in masks.items()}
    variables = tuple(
        Variable(name=key, shape=mask.shape, left=int(np.count_nonzero(mask)), data_sha256=sha256(packed[key]))
        for key, mask in masks.items()
    )
    bond = _bond(name, root_sha256)
    attributes = sealed(ExtraAttributes(parameters=variables, recipe=recipe, **bond))
    with built(path / EXTRA / name) as folder:
        group = zarr.create_group(DurableStore(folder), zarr_format=3, attributes=attributes)
        for key, bits in packed.items():
            group.create_array(**layout(key, bits.shape, "uint8", CODES_FILL, (f"{key}.byte",)))
        write_variables(group, packed)


def _check(path: Path, name: str, masks: dict[str, np.ndarray]) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][\w.@+-]*", name) or name == "zarr.json" or name.endswith(".partial"):
        raise StoreError(f"an extra mask cannot be named '{name}'; use letters, digits, '_', '-', '.', '@' and '+'")
    if (path / EXTRA / name).exists():
        raise StoreError(f"{path} already has an extra mask '{name}'; choose another name")
    check_names(tuple(masks), "parameter")
    for key, mask in masks.items():
        if getattr(mask, "dtype", None) != np.dtype(bool):
            raise StoreError(f"extra mask '{name}': '{key}' is not a bool array; convert it with `array != 0`")


def listing(path: Path, root_sha256: str | None) -> dict[str, dict[str, Any] | None]:
    """Name → recipe of all extra masks, by name; folders that hold nothing of zarr are passed over.

    Raises:
        StoreError: if one is damaged or another store's.
    """
    open_group(path, EXTRA)
    names = sorted(entry.name for entry in (path / EXTRA).iterdir() if _is_mask(entry))
    return {name: _attributes(path, name, root_sha256).recipe for name in names}


def _is_mask(entry: Path) -> bool:
    if entry.name.endswith(".partial") or not entry.is_dir():
        return False
    return (entry / "zarr.json").exists() or any(entry.glob("*/zarr.json"))


def read(path: Path, name: str, root_sha256: str | None) -> dict[str, np.ndarray]:
    """One extra mask as bool arrays. Inverse: ``write``.

    Raises:
        StoreError: if there is none of that name, or it is damaged or another store's.
    """
    names = listing(path, root_sha256)
    if name not in names:
        raise StoreError(f"{path} has no extra mask '{name}'; it has {', '.join(names) or 'none'}")
    group = open_group(path, f"{EXTRA}/{name}")
    parameters = _attributes(path, name, root_sha256).parameters
    return {variable.name: _unpacked(group, variable, unwritten=root_sha256 is None) for variable in parameters}


def _bond(name: str, root_sha256: str | None) -> dict[str, str | None]:
    """What binds a mask to its name and store; nothing in stores of schema 1."""
    return {"name": root_sha256 and name, "root_sha256": root_sha256}


def _attributes(path: Path, name: str, root_sha256: str | None) -> ExtraAttributes:
    where = f"extra mask '{name}' of {path}"
    attributes = unseal(dict(open_group(path, f"{EXTRA}/{name}").attrs), ExtraAttributes, where)
    if {"name": attributes.name, "root_sha256": attributes.root_sha256} != _bond(name, root_sha256):
        raise StoreError(f"{where} belongs to another name or store; {MEND}")
    try:
        check_names(tuple(variable.name for variable in attributes.parameters), "parameter")
    except StoreError as error:
        raise StoreError(f"the attributes of {where} make no sense ({error}); {MEND}") from None
    return attributes


def _unpacked(group: zarr.Group, variable: Variable, *, unwritten: bool) -> np.ndarray:
    size, where = math.prod(variable.shape), f"{place(group)}: '{variable.name}'"
    bits = read_variable(group, variable.name, (-(-size // 8),), "uint8", unwritten=unwritten)
    if sha256(bits) != variable.data_sha256:
        raise StoreError(f"{where} is not the mask that was stored; {MEND}")
    with enough_memory(where):
        return np.unpackbits(bits, count=size).astype(bool).reshape(variable.shape)
