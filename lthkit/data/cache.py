"""Sets of image files, decoded once: their pixels are kept in a cache folder, hashed, for the next load.

LTHKIT_CACHE names the folder (without it `~/.cache/lthkit`); LTHKIT_CACHE=off keeps and reads nothing. What is read
from it are the bits that decoding would give, so nothing else depends on it.
"""

import hashlib
import json
import os
import re
import sys
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from lthkit.atomic import replacing
from lthkit.catalog import DataSet, Samples
from lthkit.config import canonical_sha256
from lthkit.data.decode import Decoder
from lthkit.data.pixels import decode_into
from lthkit.errors import LthkitError, LthkitWarning

VARIABLE = "LTHKIT_CACHE"
LARGEST_SET = 2 * 2**30
"""Bytes of pixels; larger sets are not kept."""
LARGEST_CACHE = 16 * 2**30
"""Bytes of the folder; what was not used for longest goes first."""

_SUFFIX = ".pixels"
_FORMAT = 1


def cache_folder() -> Path | None:
    """Where decoded sets are kept; None where that is switched off."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen == "off":
        return None
    return Path(chosen or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "lthkit").expanduser()


def cached(data: DataSet, decoder: Decoder, make: bool) -> DataSet:
    """The set with its samples as pixels, from the cache; as given where it is not there.

    Args:
        data: whole splits.
        decoder: how their images become pixels.
        make: where it is not there, decode all of it and keep it (of a set of files that is not too large).

    Raises:
        LthkitError: an image is unreadable or has another size than the others.
    """
    folder = cache_folder()
    size = (len(data.train) + len(data.test)) * decoder.shape[0] * decoder.shape[1] * decoder.channels
    if folder is None or data.train.items.dtype.kind != "S" or size > LARGEST_SET:
        return data
    return replace(data, train=_kept(data.train, decoder, folder, make), test=_kept(data.test, decoder, folder, make))


def _kept(samples: Samples, decoder: Decoder, folder: Path, make: bool) -> Samples:
    try:
        key = _key(samples, decoder)
    except OSError:
        return samples  # a link to nowhere: decoding names it
    path = folder / f"{re.sub(r'[^A-Za-z0-9_-]', '_', decoder.name)[:40]}-{key}{_SUFFIX}"
    shape = (len(samples), *decoder.shape, decoder.channels)
    pixels = _read(path, shape)
    if pixels is None:
        if not make:
            return samples
        pixels = np.empty(shape, dtype=np.uint8)
        decode_into(pixels, samples, decoder)
        _write(path, pixels)
    return Samples(pixels[..., 0] if decoder.channels == 1 else pixels, samples.labels, Image.fromarray)


def _key(samples: Samples, decoder: Decoder) -> str:
    """A hash of all that decides the pixels: files (paths, sizes, times of change), options and decoding library."""
    total = hashlib.sha256(
        canonical_sha256([_FORMAT, PIL.__version__, decoder.channels, decoder.size, decoder.crop]).encode()
    )
    for path in samples.items.tolist():
        state = os.stat(path)
        # archives restore the time of modification, but not that of change
        total.update(path + b"\0%d %d %d\n" % (state.st_size, state.st_mtime_ns, state.st_ctime_ns))
    return total.hexdigest()[:40]


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The pixels in a file of the cache; None if there are none or they are not what was written."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(1000))
            pixels = np.memmap(path, np.uint8, "r", file.tell())
        if list(shape) == header["shape"] and hashlib.sha256(pixels.data).hexdigest() == header["sha256"]:
            with suppress(OSError):  # a cache that may only be read
                os.utime(path)  # when it was last used
            return pixels.reshape(shape)
    except OSError:
        return None
    except (ValueError, KeyError, TypeError):  # cut off, or not ours at all
        pass
    print(f"{path} is damaged: its images are decoded again", file=sys.stderr)
    return None


def _write(path: Path, pixels: np.ndarray) -> None:
    """Keep the pixels; where they cannot be kept, that is a warning."""
    header = {"shape": pixels.shape, "sha256": hashlib.sha256(pixels.data).hexdigest()}
    try:
        mend = f"every load decodes its images again: set {VARIABLE} to a folder that can be written, or to off"
        with replacing(path, mend) as temporary, temporary.open("xb") as file:
            file.write(json.dumps(header).encode() + b"\n")
            file.write(pixels.data)
        _make_room(path.parent)
    except LthkitError as error:
        warnings.warn(str(error), LthkitWarning, stacklevel=2)


def _make_room(folder: Path) -> None:
    files = []
    for item in folder.glob(f"*{_SUFFIX}*"):
        with suppress(FileNotFoundError):  # another writer has renamed or removed it since it was listed
            files.append((item.stat(), item))
    files.sort(key=lambda pair: -pair[0].st_mtime)
    total = 0
    for state, item in files:
        total += state.st_size
        if total > LARGEST_CACHE:
            item.unlink(missing_ok=True)
