"""Run a search, or a single training, in a process that kills itself (SIGKILL) at a step, a file or a sync."""

import multiprocessing
import os
import signal
from collections import Counter
from pathlib import Path

KINDS = ("step", "file", "sync")


def search(values: dict, path: str, die_at: tuple[str, int] | None) -> Counter:
    """The search, killed before the n-th event of a kind; the events counted if it lives."""
    import torch
    from tiny import tiny_config

    from lthkit.progress import Silent
    from lthkit.search import find_ticket, train_once

    seen: Counter = Counter()

    def event(kind: str) -> None:
        seen[kind] += 1
        if die_at == (kind, seen[kind]):
            os.kill(os.getpid(), signal.SIGKILL)

    step, replace, sync = torch.optim.SGD.step, os.replace, os.fsync

    def counted_step(self, *args):
        event("step")
        return step(self, *args)

    def counted_replace(*args, **names):
        event("file")
        return replace(*args, **names)

    def counted_sync(*args):
        event("sync")
        return sync(*args)

    torch.optim.SGD.step, os.replace, os.fsync = counted_step, counted_replace, counted_sync
    try:
        runner = find_ticket if path.endswith(".zarr") else train_once
        runner(tiny_config(values), path, save_every=0.0, progress=Silent())
    finally:
        torch.optim.SGD.step, os.replace, os.fsync = step, replace, sync
    return seen


def _child(values, path, die_at, queue):
    queue.put(search(values, path, die_at))


def in_process(values: dict, path: Path, die_at: tuple[str, int] | None = None) -> Counter | int:
    """The search in a process of its own: its events, or the exit code of one that died."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "lthkit.search", "tiny"])
    queue = context.SimpleQueue()
    process = context.Process(target=_child, args=(values, str(path), die_at, queue))
    process.start()
    process.join()
    return queue.get() if process.exitcode == 0 else process.exitcode
