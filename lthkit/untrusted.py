"""Reading files of unknown origin: regular ones only, and never more than they may hold."""

import errno
import gzip
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: Path | str) -> BufferedReader:
    """Open a file for reading, if it is one: a pipe would wait for ever, a device never end.

    Raises:
        OSError: not there, not readable, or no regular file.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a file name cannot hold a null character")
    # without O_NONBLOCK, opening a pipe waits for its writer
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file, but a folder, pipe, device or socket")
    return os.fdopen(descriptor, "rb")


def read_at_most(path: Path, most: int) -> bytes:
    """What a file holds, unzipped if its name ends in ``.gz``.

    Args:
        path: the file.
        most: bytes; what holds more is refused when so many are read, whatever it would unfold to.

    Raises:
        OSError: as `open_regular`, holds more, or is no gzip file.
        EOFError, zlib.error: a damaged gzip file.
    """
    with open_regular(path) as file:
        content = (gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file).read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it holds more than {most:,} bytes")
    return content


def is_shortage(error: BaseException) -> bool:
    """Whether memory ran out: the machine's fault, not the file's."""
    told = "can't allocate memory" in str(error) or "not enough memory" in str(error)  # torch's own allocator
    return isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM or told
