"""Seconds a call, of several calls that are measured in turns, so that a machine's drift hits all of them alike."""

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch

LEAST = 0.002
"""Seconds that one measurement takes at least: what is faster is called several times in it."""
_WARM = 3


def interleaved(
    calls: Mapping[str, Callable[[], object]], repetitions: int, device: str | torch.device = "cpu"
) -> dict[str, np.ndarray]:
    """(repetitions,) seconds of each call, after it was warmed up; in each repetition all have their turn.

    Args:
        calls: without arguments, by name.
        repetitions: how often each is measured.
        device: that they work on; of a GPU the end of its work is waited for.
    """
    wait = torch.cuda.synchronize if torch.device(device).type == "cuda" else lambda: None
    counts = {name: math.ceil(LEAST / _warmed(call, wait)) for name, call in calls.items()}
    seconds = {name: np.empty(repetitions) for name in calls}
    names = list(calls)
    with _undisturbed():
        for repetition in range(repetitions):
            first = repetition % len(names)  # none of them always follows the same other one
            for name in names[first:] + names[:first]:
                seconds[name][repetition] = _seconds(calls[name], counts[name], wait)
    return seconds


def _warmed(call: Callable[[], object], wait: Callable[[], None]) -> float:
    """Seconds of the fastest of the first calls."""
    return max(min(_seconds(call, 1, wait) for _ in range(_WARM)), 1e-9)


def _seconds(call: Callable[[], object], count: int, wait: Callable[[], None]) -> float:
    wait()
    began = time.perf_counter()
    for _ in range(count):
        call()
    wait()
    return (time.perf_counter() - began) / count


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without garbage collection."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
