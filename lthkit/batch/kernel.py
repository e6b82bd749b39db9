"""The kernel of a batch run: this very Python, told that nobody is in front of it, reached without open ports."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config as Traits

from lthkit.progress import BATCH_VARIABLE

# A Unix socket's path has at most 107 bytes; beyond our folder it takes up to 20.
LONGEST_FOLDER = 80
# A kernel that is started for longer is not waited for.
LONGEST_START = 600.0


class OwnKernel(AsyncKernelManager):
    """Starts the Python that runs lthkit, whatever ``python3`` means to Jupyter on this machine.

    Attributes:
        kept_open: descriptors that the kernel inherits: while it lives, a lock on them is held, even if the process
            that started it was killed.
    """

    kept_open: tuple[int, ...] = ()

    async def _async_pre_start_kernel(self, **options: Any) -> Any:
        command, options = await super()._async_pre_start_kernel(**options)
        return command, options | ({"pass_fds": self.kept_open} if os.name == "posix" else {})

    @property
    def kernel_spec(self) -> KernelSpec:
        """This interpreter's kernel, with the variable that says batch.

        It is quiet because Jupyter interrupts every kernel before it stops it, of which ipykernel logs an error.
        """
        return KernelSpec(**get_kernel_dict(["--log-level=CRITICAL"]) | {"env": {BATCH_VARIABLE: "1"}})


@contextmanager
def kernel_folder() -> Iterator[Path]:
    """A folder for the files by which a kernel is reached: needed until it is connected, removed at the end.

    Folders of processes that were killed before that are removed too.
    """
    for left in Path(tempfile.gettempdir()).glob("lthkit-kernel-*-*"):
        if not _is_starting(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"lthkit-kernel-{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_starting(folder: Path) -> bool:
    """Whether the process that made the folder may still live; in another container its number says nothing."""
    try:
        if os.name != "posix" or time.time() - folder.stat().st_mtime < LONGEST_START:
            return True
        os.kill(int(folder.name.split("-")[2]), 0)  # signal 0 only asks
    except (ProcessLookupError, FileNotFoundError, ValueError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def kernel_settings(folder: Path) -> Traits:
    """Settings of :class:`OwnKernel`: its files in ``folder``, sockets instead of ports where the path allows."""
    short = os.name == "posix" and len(str(folder)) <= LONGEST_FOLDER
    settings = {"transport": "ipc" if short else "tcp", "connection_file": str(folder / "kernel.json")}
    return Traits({"OwnKernel": settings})
