"""Store format version 2 as pure functions and records: names, dimensions, chunks, hashes, sealed attributes.

One search is one zarr v3 folder. Group ``masks`` holds one uint8 variable per prunable parameter: the first round in
which each weight is absent (1…254), 255 for a survivor; 0 is never valid and the fill value, so a lost chunk is seen.
The attributes of ``masks`` are the one commit point. Attributes carry a SHA-256 of themselves (``sha256``, the seal),
because no data can show that e.g. ``rounds`` was raised; those of groups carry the root's seal (``root_sha256``), so
that none can be another store's. Version 1 had no such bond; a store of it stays one.
"""

import hashlib
import json
import math
import re
from collections import Counter
from typing import Any, TypeVar

import numpy as np
from pydantic import Field, NonNegativeInt
from zarr.codecs import Crc32cCodec, ZstdCodec

from lthkit.codes import MOST_ROUNDS
from lthkit.config import Config, canonical_sha256
from lthkit.errors import LthkitError, StoreError

SCHEMA_VERSION = 2
MASKS, SCORES, EXTRA = "masks", "scores", "extra"
CHUNK_BYTES = 2**20
MOST_ROW_BYTES = 2**24
MOST_SCORES = 2**25
MOST_LEVELS = 100
CODES_FILL, SCORES_FILL = 0, math.nan
MEND = "restore the store from a copy or run the search again"

T = TypeVar("T", bound=Config)


class Variable(Config):
    """One parameter's entry in a manifest: shape, weights left, SHA-256 of its bytes in C order."""

    name: str
    shape: tuple[NonNegativeInt, ...]
    left: int
    data_sha256: str


class MasksAttributes(Config):
    """Attributes of group ``masks``: what is committed.

    ``rounds`` prunings are made and the trainings of rounds ``first_round`` … ``scored`` − 1 are finished;
    ``data_sha256`` of a variable is that of its codes with those above ``rounds`` read as 255.
    """

    schema_version: int
    first_round: int = Field(ge=0, le=MOST_ROUNDS)
    rounds: int = Field(ge=0, le=MOST_ROUNDS)
    scored: int
    parameters: tuple[Variable, ...]
    scores_sha256: dict[str, str]
    root_sha256: str | None = None


class RootAttributes(Config):
    """Attributes of the store's root: what was asked for; they never change."""

    config: dict[str, Any]
    config_sha256: str
    provenance: dict[str, Any]
    planned_rounds: int = Field(ge=0, le=MOST_ROUNDS)
    metrics: tuple[str, ...]
    evaluations: int = Field(ge=1)
    schema_version: int = 1


class ExtraAttributes(Config):
    """Attributes of one foreign mask: ``data_sha256`` of a variable is that of its packed bits."""

    parameters: tuple[Variable, ...]
    recipe: dict[str, Any] | None = None
    name: str | None = None
    root_sha256: str | None = None


def dimension_names(name: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Dimensions of a parameter, unlike those of any other: ``name.out``, ``.in``, ``.kh``, ``.kw``."""
    known = {2: ("out", "in"), 4: ("out", "in", "kh", "kw")}
    axes = known.get(len(shape), tuple(f"d{axis}" for axis in range(len(shape))))
    return tuple(f"{name}.{axis}" for axis in axes)


def chunk_shape(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Chunks of at most about 1 MiB (and at least one row), cut evenly along the first axis."""
    if not shape:
        return ()
    parts = math.ceil(math.prod(shape) * itemsize / CHUNK_BYTES)
    rows = math.ceil(shape[0] / min(max(parts, 1), max(shape[0], 1)))
    return tuple(max(1, length) for length in (rows, *shape[1:]))


def layout(name: str, shape: tuple[int, ...], dtype: str, fill: float, dimensions: tuple[str, ...]) -> dict[str, Any]:
    """Arguments of ``zarr.Group.create_array`` for one variable.

    Chunk keys are joined by dots: one folder a variable, so one folder to sync.
    """
    return {
        "name": name,
        "shape": shape,
        "dtype": dtype,
        "chunks": chunk_shape(shape, np.dtype(dtype).itemsize),
        "chunk_key_encoding": {"name": "default", "separator": "."},
        "compressors": [ZstdCodec(level=1), Crc32cCodec()],
        "filters": None,
        "fill_value": fill,
        "dimension_names": dimensions,
    }


def sha256(array: np.ndarray) -> str:
    """SHA-256 (hex) of an array's bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).view(np.uint8)).hexdigest()


def canonical(values: np.ndarray) -> np.ndarray:
    """The same float64 values with one NaN: its sign and payload do not outlive a chunk that is not written."""
    return np.where(np.isnan(values), np.nan, values)


def sealed(attributes: Config) -> dict[str, Any]:
    """Attributes with their own SHA-256, those that are None left out. Inverse: ``unseal``."""
    plain = {key: value for key, value in attributes.plain().items() if value is not None}
    return plain | {"sha256": canonical_sha256(plain)}


def unseal(values: dict[str, Any], kind: type[T], where: str) -> T:
    """Attributes as a record, if nobody changed them. Inverse: ``sealed``.

    Raises:
        StoreError: naming ``where`` if the values do not fit their SHA-256 or the format.
    """
    plain = {key: value for key, value in values.items() if key != "sha256"}
    try:
        if values.get("sha256") != canonical_sha256(plain):
            raise StoreError(f"the attributes of {where} were changed or damaged; {MEND}")
        _check_levels(plain, where)
        return kind.parse(plain, where)
    except StoreError:
        raise
    except (LthkitError, ValueError, RecursionError) as error:
        raise StoreError(f"the attributes of {where} are not valid ({error}); {MEND}") from None


def _check_levels(values: Any, where: str) -> None:
    level = [values]
    for _ in range(MOST_LEVELS):
        inner = [entry for entry in level if isinstance(entry, dict | list)]
        if not inner:
            return
        level = [value for entry in inner for value in (entry.values() if isinstance(entry, dict) else entry)]
    raise StoreError(f"the attributes of {where} are nested more than {MOST_LEVELS} levels deep; {MEND}")


def plain_json(values: dict[str, Any], what: str) -> dict[str, Any]:
    """Values as JSON gives them back (text keys, lists for tuples).

    Raises:
        StoreError: naming ``what`` if they are not JSON values.
    """
    try:
        plain: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"{what} cannot be stored ({error}); use plain finite numbers, text, lists, mappings"
        ) from None
    return plain


def check_scores(metrics: tuple[str, ...], rounds: int, evaluations: int) -> None:
    """Refuse names of score columns that cannot be, and more scores than a store holds.

    Raises:
        StoreError: naming the name or the number.
    """
    check_names(metrics, "metric")
    numbers = len(metrics) * (rounds + 1) * evaluations
    if numbers > MOST_SCORES:
        raise StoreError(f"{numbers:,} scores are more than the {MOST_SCORES:,} of a store; evaluate less often")


def check_names(names: tuple[str, ...], what: str) -> None:
    """Refuse names that cannot be a zarr variable or a folder.

    Raises:
        StoreError: naming the first such name.
    """
    for name in names:
        if not re.fullmatch(r"[^/\\\x00-\x1f]+", name) or name.startswith((".", "__")) or name.endswith(".partial"):
            raise StoreError(f"{what} '{name}' cannot be stored under this name; rename it without '/' or leading '.'")
    for name in [name for name, times in Counter(names).items() if times > 1]:
        raise StoreError(f"{what} '{name}' is there twice; give each name once")
    taken = {"zarr.json", "round", "evaluation"}.intersection(names)
    if taken:
        raise StoreError(f"{what} '{taken.pop()}' has a name that the store needs for itself; rename it")
