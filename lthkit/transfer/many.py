"""Many small trainings at once: processes with one thread each, sharing the samples in memory."""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any

import pandas as pd
import torch.multiprocessing

from lthkit import ranks
from lthkit.catalog import Catalog, load_catalog
from lthkit.data import Resident, SceneSource, SceneSplits, Splits
from lthkit.errors import LthkitError
from lthkit.progress import Progress, Silent, for_many, stoppable
from lthkit.search import SearchConfig, read_result, train_once
from lthkit.train.machine import interruption
from lthkit.transfer.content import Contents, shared_samples
from lthkit.transfer.results import results_table

_Work = tuple[SearchConfig, Path, Catalog, Splits | SceneSplits | None]


def transfer(
    config: SearchConfig,
    folder: str | Path,
    *,
    catalog: Catalog | None = None,
    save_every: float = 60.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train one subnetwork into a folder of results, under a name that says by content what was trained.

    Args:
        config: a search of zero rounds.
        folder: of the results.
        catalog: found from the current folder by default.
        save_every: seconds between two saves of the training state.
        progress: shown by default as suits a terminal, a live notebook or a batch.

    Returns:
        The result; read, if it was finished before.

    Raises:
        LthkitError: before training, on whatever does not fit together.
    """
    catalog = catalog or load_catalog()
    config = config.model_copy(update={"plan": config.plan.resolved()})
    with ranks.joined(config.plan.device):
        contents = Contents(catalog, shared_samples([config], catalog))
        path = ranks.first(lambda: contents.result_file(Path(folder), config))
        if ranks.first(path.exists):
            return ranks.first(lambda: read_result(path))
        samples = contents.samples.get(config.data.fingerprint())
        return train_once(config, path, catalog=catalog, samples=samples, save_every=save_every, progress=progress)


@stoppable()
def transfer_many(
    configs: Sequence[SearchConfig],
    folder: str | Path,
    *,
    catalog: Catalog | None = None,
    processes: int | None = None,
) -> pd.DataFrame:
    """Train all of them, those already finished in ``folder`` excepted, and collect.

    Each training runs in a process of its own pool with the threads of its plan (one where it gives none, which is
    fastest for small networks); its result is to the bit that of ``transfer`` run alone with that thread count.
    Under torchrun they are trained one after the other, each by all processes.

    Args:
        configs: what to train.
        folder: of the results; run again after an interruption, only what is missing is done.
        catalog: found from the current folder by default.
        processes: at the same time; as many as cores by default.

    Returns:
        A row for each training (``results_table``).

    Raises:
        LthkitError: on the first training that cannot be done; those finished are kept.
    """
    catalog = catalog or load_catalog()
    settled = [config.model_copy(update={"plan": _one_thread(config)}) for config in configs]
    if not settled:
        raise LthkitError("there is nothing to train; give at least one training")
    with ranks.joined(settled[0].plan.device):
        contents = Contents(catalog, shared_samples(settled, catalog))
        files = ranks.first(lambda: [contents.result_file(Path(folder), config) for config in settled])
        missing = ranks.first(lambda: {path for path in files if not path.exists()})
        work = [
            (config, path, catalog, contents.samples.get(config.data.fingerprint()))
            for config, path in zip(settled, files, strict=True)
            if path in missing
        ]
        _train_all(work, 1 if ranks.world_size() > 1 else processes or len(os.sched_getaffinity(0)), len(settled))
        return ranks.first(lambda: results_table({path: read_result(path) for path in files}))


def _one_thread(config: SearchConfig) -> Any:
    return config.plan.model_copy(update={"threads": config.plan.threads or 1}).resolved()


def _train_all(work: list[_Work], processes: int, total: int) -> None:
    told = for_many(total, total - len(work))
    try:
        for label in map(_train, work) if processes == 1 else _pooled(work, processes):
            told.done(label)
    finally:
        told.close()


def _pooled(work: list[_Work], count: int) -> Iterator[str]:
    for *_, samples in work:
        _share(samples)
    context = torch.multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "lthkit.transfer"])
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_hold_back_interruptions)
    try:
        with interruption() as came:  # a process that is being started would be lost
            _start_server()
            waiting: set[Future[str]] = {pool.submit(_train_interruptibly, item) for item in work}
        if came():
            raise KeyboardInterrupt
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool:
        raise LthkitError(
            "a training process died (out of memory, or killed); run the same again with fewer processes: "
            "what is finished is kept"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start_server() -> None:
    """Start what training processes are forked from, all of them with interruptions held back.

    An interruption reaches every process of the group. Those that only wait would end by it, or be told of aloud.
    """
    resource_tracker.ensure_running()  # the server starts it otherwise, and it lets interruptions through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _hold_back_interruptions() -> None:
    """In a training process that waits; one that comes here stops the next training at its start."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _train_interruptibly(item: _Work) -> str:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return _train(item)
    finally:
        _hold_back_interruptions()


def _share(samples: Splits | SceneSplits | None) -> None:
    """Into memory that all processes see."""
    for source in (samples.train, samples.validation, samples.test) if samples else ():
        if isinstance(source, Resident):
            source.stock.share_memory_()
            source.labels.share_memory_()
        elif isinstance(source, SceneSource):
            for pixels in (source.images, source.masks, source.shapes):
                if pixels is not None:
                    pixels.share_memory_()


def _train(item: _Work) -> str:
    """Train one and say which it was."""
    config, path, catalog, samples = item
    result = train_once(config, path, catalog=catalog, samples=samples, progress=Silent())
    labels = result["labels"]
    return f"{labels['mask']} round {labels['round']} from {labels['weights']}, seed {labels['training_seed']}"
