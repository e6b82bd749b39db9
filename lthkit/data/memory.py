"""Whether a set of images fits in memory."""

import os

import torch

from lthkit.errors import LthkitError


def check_memory(name: str, need: int, device: torch.device) -> None:
    """Refuse a data set that takes more than half of the memory available.

    Args:
        name: of the data set.
        need: bytes that its pixels take.
        device: where they are to lie.

    Raises:
        LthkitError: too many, and what then helps.
    """
    have = available_memory(device)
    if need > have / 2:
        raise LthkitError(
            f"'{name}' takes {need / 2**30:.1f} GiB, more than half of the {have / 2**30:.1f} GiB of "
            "memory available; set `stream: true`, a smaller `size` or a `count`"
        )


def available_memory(device: torch.device) -> int:
    """Bytes that can be had: of main memory and, on a GPU, of its own, the smaller."""
    try:
        with open("/proc/meminfo") as lines:
            main = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):  # not Linux: all there is
        main = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(main, torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else main
