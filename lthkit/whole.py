"""Files that appear under their name only when they are whole and on the disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lthkit.errors import LthkitError
from lthkit.store.files import partial, sync


def refuse_existing(path: Path, force: bool) -> None:
    """Refuse to write over a file unless told to, and over a folder always.

    Raises:
        LthkitError: naming what is there.
    """
    if path.is_dir():
        raise LthkitError(f"'{path}' is a folder; name a file to write")
    if path.exists() and not force:
        raise LthkitError(f"'{path}' exists already; choose another name, or write over it by force (--force)")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` that becomes ``path`` when the block ends well.

    Raises:
        LthkitError: if the disk refuses; ``path`` is as it was then.
    """
    temporary = partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LthkitError(f"'{path}' cannot be written ({reason}); make room or choose another folder") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
