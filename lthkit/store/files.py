"""What makes a store survive kills, full disks and power loss: lock, durable writes, clean-up.

A file or folder appears under its final name only when it is complete and on the disk (`lthkit.atomic`); the temporary
names of zarr's own files have the same form. The next writer removes what is left over.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from zarr.core.buffer import Buffer
from zarr.storage import LocalStore

from lthkit.atomic import PARTIAL, left_overs, partial, renamed, sync
from lthkit.errors import StoreError

THREADS = 8
A = TypeVar("A")
B = TypeVar("B")


class DurableStore(LocalStore):
    """zarr's LocalStore whose writes are on the disk when they return (LocalStore renames without syncing).

    zarr starts the writes of one call together and does not wait for the rest after an error. So that nothing is
    written behind the caller's back, no call may have two: groups that exist are not written again, and chunks are
    written by a call each (``arrays.write_variables``).
    """

    async def set(self, key: str, value: Buffer) -> None:
        """Write one key durably."""
        await asyncio.to_thread(self.set_sync, key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write one key durably unless it is there; there is only one writer."""
        if not (self.root / key).exists():
            await self.set(key, value)

    def set_sync(self, key: str, value: Buffer) -> None:
        """Write one key durably."""
        self._check_writable()
        with renamed(self.root / key) as temporary:
            temporary.write_bytes(value.to_bytes())


@contextmanager
def built(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``path`` when the block ends well; its files must be on the disk by then."""
    folder = partial(path)
    try:
        yield folder
        parallel(sync, [folder, *(entry for entry in folder.rglob("*") if entry.is_dir())])
        os.rename(folder, path)
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    sync(path.parent)


def lock_file(path: Path) -> Path:
    """Where the writer's lock of a path lies."""
    return path.with_name(f"{path.name}.lock")


def lock(path: Path, *, wait: bool = False) -> FileLock:
    """Take the writer's lock ``NAME.zarr.lock`` beside a path, whose folder is made; the holder releases it.

    The system frees it when the holder dies.

    Args:
        path: what is to be written.
        wait: for whoever holds it, instead of refusing.

    Raises:
        StoreError: if somebody else holds it, or the folder cannot be written.
    """
    held = FileLock(lock_file(path), thread_local=False)
    with unwritable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            held.acquire(blocking=wait)
        except Timeout:
            raise StoreError(f"{path} is already open for writing; wait for the other writer or stop it") from None
    return held


@contextmanager
def locked(path: Path, held: FileLock | None = None) -> Iterator[FileLock]:
    """The writer's lock of a path, taken here unless it is ``held`` already; it stays held if the block ends well.

    Raises:
        StoreError: as ``lock``.
    """
    taken = held or lock(path)
    with unwritable(path):
        try:
            yield taken
        except BaseException:
            if held is None:
                taken.release()
            raise


@contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """Say in one sentence that a disk is full or a folder read-only."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"{path} cannot be written ({reason}); make room or make the folder writable and go on, "
            "what was committed before is kept"
        ) from error


def clean_up(path: Path) -> None:
    """Remove what killed writers of the store at ``path`` left over. Only for the holder of the lock."""
    for entry in all_left_overs(path):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def all_left_overs(path: Path) -> list[Path]:
    """Files and folders that killed writers of the store at ``path`` left over, if nobody is writing now."""
    inside = [entry for entry in path.rglob("*.partial") if PARTIAL.fullmatch(entry.name)]
    return [*left_overs(path), *inside]


def parallel(work: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """``[work(item) for item in items]`` on a few threads; all have ended when it returns or raises."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))
