"""Memory given back after a picture is drawn, and when an explorer is closed."""

import ctypes
import gc
import sys


def release() -> None:
    """Collect what holds itself, as tables and their caches do, and give the memory back."""
    gc.collect()
    give_back()


def give_back() -> None:
    """Hand freed memory back to the system, where the C library can.

    Glibc keeps what threads have freed: every further explorer of a notebook would stand on the memory of those before.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
