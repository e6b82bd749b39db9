"""Files that appear under their name only when they are complete and on the disk.

Until then their name is ``NAME.<32 hexadecimal digits>.partial``, which no two writers share: its digits are the
process, the machine and a draw. What a killed writer leaves over is removed by the next writer of the same path.
"""

import hashlib
import os
import platform
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lthkit.errors import LthkitError

PARTIAL = re.compile(r"(?P<name>.+)\.(?P<process>[0-9a-f]{8})(?P<machine>[0-9a-f]{8})[0-9a-f]{16}\.partial")
"""A temporary name, with the name that it was to become."""


@contextmanager
def replacing(path: Path, mend: str = "make room or choose another folder") -> Iterator[Path]:
    """A temporary name beside ``path`` that becomes ``path`` when the block ends well.

    Folders above ``path`` are made; file and folder are synced.

    Args:
        path: the file to make or replace.
        mend: what to do if the disk refuses, to end the error's sentence.

    Raises:
        LthkitError: if the disk refuses; ``path`` is as it was then.
    """
    try:
        for left in left_overs(path):
            if not at_work(left):
                left.unlink(missing_ok=True)
        with renamed(path) as temporary:
            yield temporary
    except OSError as error:
        reason = error.strerror or str(error)
        raise LthkitError(f"'{path}' cannot be written ({reason}); {mend}") from error


@contextmanager
def renamed(path: Path) -> Iterator[Path]:
    """As ``replacing``, raising ``OSError`` as it is and without a look for left-overs: one of many files."""
    temporary = partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


def partial(path: Path) -> Path:
    """A fresh temporary name beside ``path``."""
    return path.with_name(f"{path.name}.{os.getpid():08x}{_machine()}{secrets.token_hex(8)}.partial")


def left_overs(path: Path) -> list[Path]:
    """Temporary files and folders of ``path`` beside it, those of writers at work among them."""
    found = ((entry, PARTIAL.fullmatch(entry.name)) for entry in path.parent.glob("*.partial"))
    return [entry for entry, match in found if match and match["name"] == path.name]


def at_work(temporary: Path) -> bool:
    """Whether the writer that chose this temporary name may still live; on other machines nobody can tell."""
    match = PARTIAL.fullmatch(temporary.name)
    if match is None or match["machine"] != _machine() or os.name == "nt":
        return True
    try:
        os.kill(int(match["process"], 16), 0)  # signal 0 only asks
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it lives, and is somebody else's
        return True
    return True


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders, and needs no such call
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_existing(path: Path, force: bool) -> None:
    """Refuse to write over a file unless told to, and over a folder always.

    Raises:
        LthkitError: naming what is there.
    """
    if path.is_dir():
        raise LthkitError(f"'{path}' is a folder; name a file to write")
    if path.exists() and not force:
        raise LthkitError(f"'{path}' exists already; choose another name, or write over it by force (--force)")


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
