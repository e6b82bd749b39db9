"""What a store's files promise, checked before memory is taken for it: regular files, chunks as the format has them.

A few bytes can promise any size: a shape in a ``zarr.json``, a frame of zstd. What is read here is of unknown origin.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import zarr

from lthkit.errors import LthkitError, StoreError
from lthkit.store.format import MEND, MOST_ROW_BYTES, chunk_shape
from lthkit.untrusted import is_shortage, open_regular

MOST_METADATA_BYTES = 2**24
MOST_UNWRITTEN_BYTES = 2**28
_CODECS = ["bytes", "zstd", "crc32c"]
_CHUNK_NAMES = {"name": "default", "configuration": {"separator": "."}}
_FRAME = b"\x28\xb5\x2f\xfd"


def check_metadata(folder: Path) -> None:
    """Refuse a ``zarr.json`` that is no regular file, or endless.

    Raises:
        StoreError: naming the file.
    """
    path = folder / "zarr.json"
    try:
        with open_regular(path) as file:
            nbytes = _size(file)
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}); {MEND}") from error
    if nbytes > MOST_METADATA_BYTES:
        raise StoreError(f"{path} holds {nbytes:,} bytes, more than {MOST_METADATA_BYTES:,}; {MEND}")


def check_layout(variable: zarr.Array, where: str) -> None:
    """Refuse chunks and codecs that the format has not.

    Raises:
        StoreError: naming what is different.
    """
    metadata: dict[str, Any] = dict(variable.metadata.to_dict())
    codecs = [codec["name"] for codec in metadata.get("codecs", ())]
    if codecs != _CODECS or metadata.get("chunk_key_encoding") != _CHUNK_NAMES:
        raise StoreError(f"{where} is not encoded as this format has it; {MEND}")
    expected = chunk_shape(variable.shape, variable.dtype.itemsize)
    row = math.prod(variable.shape[1:]) * variable.dtype.itemsize
    if variable.chunks != expected or row > MOST_ROW_BYTES:
        raise StoreError(f"{where} has chunks of shape {variable.chunks}, which this format has not; {MEND}")


def check_chunks(variable: zarr.Array, folder: Path, where: str, *, unwritten: bool) -> None:
    """Refuse a variable whose chunks are not all there, or unfold to another size than the format's.

    Args:
        variable: of a layout that was checked.
        folder: of the variable.
        where: the variable in words.
        unwritten: whether chunks of fill values only may not have been written; of a small array, then.

    Raises:
        StoreError: naming the chunk.
    """
    nbytes = math.prod(variable.chunks) * variable.dtype.itemsize
    whole = math.prod(variable.shape) * variable.dtype.itemsize
    for name in _chunk_names(variable):
        try:
            with open_regular(folder / name) as file:
                stored, start = _size(file), file.read(18)
        except FileNotFoundError:
            if unwritten and whole <= MOST_UNWRITTEN_BYTES:
                continue
            raise StoreError(f"{where}: chunk '{name}' is missing; {MEND}") from None
        except OSError as error:
            raise StoreError(f"{where}: chunk '{name}' cannot be read ({error.strerror}); {MEND}") from error
        if stored > 2 * nbytes + 1024 or _unfolded(start) != nbytes:
            raise StoreError(f"{where}: chunk '{name}' is damaged, for it does not hold {nbytes:,} bytes; {MEND}")


@contextmanager
def enough_memory(what: str) -> Iterator[None]:
    """Tell shortage of memory, which is the machine's, from damage.

    Raises:
        LthkitError: naming what there was no memory for.
    """
    try:
        yield
    except Exception as error:
        if is_shortage(error):
            raise LthkitError(f"there is not enough memory for {what}; free some, or use a larger machine") from error
        raise


def _chunk_names(variable: zarr.Array) -> Iterator[str]:
    """Chunks are cut along the first dimension only."""
    if not variable.shape:
        yield "c"
    elif math.prod(variable.shape):
        rest = ".0" * (len(variable.shape) - 1)
        for number in range(-(-variable.shape[0] // variable.chunks[0])):
            yield f"c.{number}{rest}"


def _unfolded(start: bytes) -> int | None:
    """Bytes that a zstd frame says it unfolds to (RFC 8878, section 3.1.1.1), None where it does not say."""
    if start[:4] != _FRAME or len(start) < 5:
        return None
    flag, single, dictionary = start[4] >> 6, start[4] >> 5 & 1, start[4] & 3
    begin = 5 + (1 - single) + (0, 1, 2, 4)[dictionary]
    length = (single, 2, 4, 8)[flag]
    field = start[begin : begin + length]
    if not length or len(field) < length:
        return None
    return int.from_bytes(field, "little") + (256 if length == 2 else 0)


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
