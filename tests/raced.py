"""Run the same work in two processes that begin at one moment."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path


def search(values: dict, path: str) -> object:
    """One search; the seed of what it made."""
    from tiny import tiny_config

    from lthkit.progress import Silent
    from lthkit.search import find_ticket

    return find_ticket(tiny_config(values), path, save_every=0.0, progress=Silent()).config["seed"]


def transfers(values: list[dict], folder: str) -> object:
    """Several trainings into one folder, one after the other; their scores."""
    from tiny import tiny_config

    from lthkit.transfer import transfer_many

    table = transfer_many([tiny_config(one) for one in values], folder, processes=1)
    return table.drop(columns="wall_time").to_csv()


def _child(barrier, queue, work, values, path):
    from lthkit.errors import LthkitError

    barrier.wait()
    try:
        queue.put((True, work(values, path)))
    except LthkitError as error:
        queue.put((False, str(error)))


def race(work: Callable, values: list, path: Path) -> list[tuple[bool, object]]:
    """``work`` of each of ``values`` at once on one path: whether it ended well, and its value or sentence."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "lthkit.search", "lthkit.transfer", "tiny"])
    barrier = context.Barrier(len(values))
    pairs = []
    for one in values:
        queue = context.SimpleQueue()
        process = context.Process(target=_child, args=(barrier, queue, work, one, str(path)))
        process.start()
        pairs.append((process, queue))
    ended = []
    for process, queue in pairs:
        process.join()
        assert process.exitcode == 0
        ended.append(queue.get())
    return ended
