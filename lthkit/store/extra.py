"""Group ``extra``: masks that come from elsewhere and fit no recipe, bit-packed, one group a mask."""

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


def write(path: Path, name: str, masks: dict[str, np.ndarray], recipe: dict[str, Any] | None) -> None:
    """Add a mask to the store at ``path`` in one step. Inverse: ``read``.

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
    attributes = sealed(ExtraAttributes(parameters=variables, recipe=recipe))
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


def listing(path: Path) -> dict[str, dict[str, Any] | None]:
    """Name → recipe of all extra masks, by name.

    Raises:
        StoreError: if one is damaged.
    """
    open_group(path, EXTRA)
    folders = (path / EXTRA).iterdir()
    names = sorted(entry.name for entry in folders if entry.is_dir() and not entry.name.endswith(".partial"))
    return {name: _attributes(path, name).recipe for name in names}


def read(path: Path, name: str) -> dict[str, np.ndarray]:
    """One extra mask as bool arrays. Inverse: ``write``.

    Raises:
        StoreError: if there is none of that name or it is damaged.
    """
    names = listing(path)
    if name not in names:
        raise StoreError(f"{path} has no extra mask '{name}'; it has {', '.join(names) or 'none'}")
    group = open_group(path, f"{EXTRA}/{name}")
    return {variable.name: _unpacked(group, variable) for variable in _attributes(path, name).parameters}


def _attributes(path: Path, name: str) -> ExtraAttributes:
    values = dict(open_group(path, f"{EXTRA}/{name}").attrs)
    return unseal(values, ExtraAttributes, f"extra mask '{name}' of {path}")


def _unpacked(group: zarr.Group, variable: Variable) -> np.ndarray:
    size = int(np.prod(variable.shape))
    bits = read_variable(group, variable.name, (-(-size // 8),), "uint8")
    if sha256(bits) != variable.data_sha256:
        raise StoreError(f"{place(group)}: '{variable.name}' is not the mask that was stored; {MEND}")
    return np.unpackbits(bits, count=size).astype(bool).reshape(variable.shape)
