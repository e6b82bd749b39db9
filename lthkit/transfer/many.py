"""Many small trainings at once: processes with one thread each, sharing the samples in memory."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import torch.multiprocessing

from lthkit import data
from lthkit.catalog import Catalog, load_catalog
from lthkit.data import Resident, Splits
from lthkit.errors import LthkitError
from lthkit.progress import Silent, for_many, stoppable
from lthkit.transfer.config import TransferConfig
from lthkit.transfer.results import combine, result_file
from lthkit.transfer.run import transfer


def transfer_many(
    configs: Sequence[TransferConfig],
    folder: str | Path,
    *,
    catalog: Catalog | None = None,
    processes: int | None = None,
) -> Any:
    """Train all of them, those already finished in ``folder`` excepted, and collect.

    Each training runs in a process of its own pool with the threads of its plan (one where it gives none, which is
    fastest for small networks); its result is to the bit that of ``transfer`` run alone with that thread count.

    Args:
        configs: what to train.
        folder: of the results; run again after an interruption, only what is missing is done.
        catalog: found from the current folder by default.
        processes: at the same time; as many as cores by default.

    Returns:
        The data set of these results (``combine``).

    Raises:
        LthkitError: on the first training that cannot be done; those finished are kept.
    """
    catalog = catalog or load_catalog()
    settled = [config.model_copy(update={"plan": _one_thread(config)}) for config in configs]
    samples = _shared_samples(settled, catalog)
    work = [(config, str(folder), catalog, samples.get(config.data.fingerprint())) for config in settled]
    count = processes or len(os.sched_getaffinity(0))
    with stoppable():
        return combine(_shown(work, map(_one, work) if count == 1 else _pooled(work, count)))


def _shown(work: list[tuple[Any, ...]], results: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The results as they come, with progress of those that were missing."""
    files = [result_file(Path(folder), config.fingerprint()) for config, folder, *_ in work]
    missing = {file.name for file in files if not file.exists()}
    shown = for_many(len(work), len(work) - len(missing))
    try:
        for result in results:
            if result_file(Path(), result["config_sha256"]).name in missing:
                labels = result["labels"]
                shown.done(f"{labels['mask']}, round {labels['round']}, seed {labels['training_seed']}")
            yield result
    finally:
        shown.close()


def _one_thread(config: TransferConfig) -> Any:
    return config.plan.model_copy(update={"threads": config.plan.threads or 1, "device": config.plan.device}).resolved()


def _shared_samples(configs: Iterable[TransferConfig], catalog: Catalog) -> dict[str, Splits]:
    """Each data set once, in memory that all processes see; streamed ones and a GPU's each process reads itself."""
    samples: dict[str, Splits] = {}
    for config in configs:
        key = config.data.fingerprint()
        if key not in samples and config.plan.device == "cpu" and not config.data.stream:
            samples[key] = data.load(config.data, catalog, torch.device("cpu"))
            for source in (samples[key].train, samples[key].validation, samples[key].test):
                if isinstance(source, Resident):
                    source.stock.share_memory_()
                    source.labels.share_memory_()
    return samples


def _pooled(work: list[tuple[Any, ...]], count: int) -> Iterator[dict[str, Any]]:
    context = torch.multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "lthkit.transfer"])
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        waiting: set[Future[dict[str, Any]]] = {pool.submit(_one, item) for item in work}
        try:
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
            for future in waiting:
                future.cancel()


def _one(item: tuple[TransferConfig, str, Catalog, Splits | None]) -> dict[str, Any]:
    config, folder, catalog, samples = item
    return transfer(config, folder, catalog=catalog, samples=samples, progress=Silent())
