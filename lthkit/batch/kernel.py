"""The kernel of a batch run: this very Python, told that nobody is in front of it, reached without open ports."""

import os
from pathlib import Path

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config as Traits

from lthkit.progress import BATCH_VARIABLE

# A Unix socket's path has at most 107 bytes; beyond our folder it takes up to 20.
LONGEST_FOLDER = 80


class OwnKernel(AsyncKernelManager):
    """Starts the Python that runs lthkit, whatever ``python3`` means to Jupyter on this machine."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """This interpreter's kernel, with the variable that says batch.

        It is quiet because Jupyter interrupts every kernel before it stops it, of which ipykernel logs an error.
        """
        return KernelSpec(**get_kernel_dict(["--log-level=CRITICAL"]) | {"env": {BATCH_VARIABLE: "1"}})


def kernel_settings(folder: Path) -> Traits:
    """Settings of :class:`OwnKernel`: its files in ``folder``, sockets instead of ports where the path allows."""
    short = os.name == "posix" and len(str(folder)) <= LONGEST_FOLDER
    settings = {"transport": "ipc" if short else "tcp", "connection_file": str(folder / "kernel.json")}
    return Traits({"OwnKernel": settings})
