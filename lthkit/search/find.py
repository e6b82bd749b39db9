"""Iterative magnitude pruning: train, prune, rewind, again (Chen et al. 2021, Algorithm 1)."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from lthkit import masks as masking
from lthkit import progress as progresses
from lthkit import store as stores
from lthkit import tasks
from lthkit.catalog import Catalog, load_catalog
from lthkit.errors import LthkitError, TrainingDiverged
from lthkit.masks import Masks
from lthkit.progress import Progress
from lthkit.search import files
from lthkit.search.config import SearchConfig
from lthkit.search.journal import Journal, Origin
from lthkit.store import Store
from lthkit.tasks import Task
from lthkit.train import (
    Keeping,
    Point,
    Snapshot,
    check_machine,
    copy_state,
    make_point,
    read_snapshot,
    train,
    write_snapshot,
)


def find_ticket(
    config: SearchConfig,
    path: str | Path,
    *,
    catalog: Catalog | None = None,
    save_every: float = 60.0,
    progress: Progress | None = None,
) -> Store:
    """Find a ticket, or go on where an interrupted search of the same configuration at ``path`` stopped.

    Each of the rounds 0…R is trained and scored; after each but the last the smallest weights are pruned and what
    is left goes back to where ``config.rewind`` says. A search that was killed and resumed, however often, ends in
    the same bits as one left alone (on the CPU).

    Args:
        config: the whole search.
        path: of the store, ending in ``.zarr``; weights and training state lie beside it.
        catalog: where data and checkpoints lie; found from the current folder by default.
        save_every: seconds between two saves of the training state.
        progress: shown by default as suits a terminal, a live notebook or a batch.

    Returns:
        The finished store, open for reading.

    Raises:
        LthkitError: before any training, on whatever cannot be used; later if the disk refuses.
        TrainingDiverged: on a loss that is not finite, naming round and step; what was committed is kept.
    """
    path = Path(path)
    if path.suffix != ".zarr":
        raise LthkitError(f"'{path}' must end in .zarr; the store is a zarr directory")
    config = _settled(config, path)
    check_machine(config.plan)
    catalog = catalog or load_catalog()
    task = tasks.make(config.task, _setting(config, catalog))
    _check(config, task)
    start = make_point(0, copy_state(task.modules))
    shown = progress or progresses.for_here()
    with Journal(path, config, task, start, Origin(config, task.prunable)) as journal:
        try:
            _search(config, task, journal, save_every, shown)
        finally:
            shown.close()
        journal.finish()
    return stores.open_store(path)


def _search(config: SearchConfig, task: Task, journal: Journal, save_every: float, progress: Progress) -> None:
    saved = journal.resumable()
    masks = journal.masks
    for round in range(journal.next_round, journal.last + 1):
        begin = saved[1] if saved and saved[0] == round else _rewound(config, task, journal, round, saved)
        _announce(config, task, journal, round, masks, begin, progress)
        keeping = _keeping(config, task, journal, round, save_every)
        try:
            trained = train(task, config.plan, masks, seed=config.seed, begin=begin, keeping=keeping, progress=progress)
        except TrainingDiverged as error:
            raise TrainingDiverged(f"round {round} of {journal.last}: {error}") from None
        if round < journal.last:
            masks = _pruned(config, task, masks, journal.base, round + 1 - journal.first)
        journal.commit(round, trained, masks)
        saved = (round, trained)


def _pruned(config: SearchConfig, task: Task, masks: Masks, base: Masks, prunings: int) -> Masks:
    """The masks after ``prunings`` prunings of ``base``: exact counts, global or in each layer."""
    weights = dict(task.network.named_parameters())
    weights = {name: weights[name] for name in masks}
    rate = config.pruning.rate
    if config.pruning.scope == "layer":
        counts = masking.counts_left(base)
        keep = {name: masking.weights_left(count, rate, prunings) for name, count in counts.items()}
        return masking.prune_each_layer(weights, masks, keep)
    return masking.prune(weights, masks, masking.weights_left(masking.left(base), rate, prunings))


def _rewound(
    config: SearchConfig, task: Task, journal: Journal, round: int, saved: tuple[int, Snapshot] | None
) -> Point:
    """The state that ``round`` trains from."""
    if round == journal.first or config.rewind.to == "start":
        return journal.start
    if config.rewind.to == "none":
        if saved is None or saved[0] != round - 1:
            raise LthkitError(
                f"{files.state_file(journal.path)} is gone and round {round} trains on from it; "
                "restore it or search anew under another name"
            )
        return make_point(0, saved[1].point.modules)
    point = read_snapshot(files.rewind_file(journal.path))[0].point
    return point if config.rewind.to == "step" else make_point(0, point.modules)


def _keeping(config: SearchConfig, task: Task, journal: Journal, round: int, save_every: float) -> Keeping:
    def write_rewind_point(point: Point) -> None:
        write_snapshot(files.rewind_file(journal.path), Snapshot(point), {"step": point.step})

    step = config.rewind.steps(config.plan.total_steps(task.steps_per_epoch()))
    points = {step: write_rewind_point} if step is not None and round == journal.first else {}
    kept = config.keep_weights == "all" or (config.keep_weights == "ends" and round in (journal.first, journal.last))
    return Keeping(lambda snapshot: journal.save(round, snapshot), save_every, kept, points)


def _announce(
    config: SearchConfig,
    task: Task,
    journal: Journal,
    round: int,
    masks: Mapping[str, Tensor],
    begin: Point | Snapshot,
    progress: Progress,
) -> None:
    total = config.plan.total_steps(task.steps_per_epoch())
    step = (begin.point if isinstance(begin, Snapshot) else begin).step
    skipped = config.rewind.steps(total) or 0 if config.rewind.to == "step" else 0
    later = (journal.last - round) * (total - skipped)
    progress.begin(round, journal.last, masking.sparsity(masks), step, total, later)


def _settled(config: SearchConfig, path: Path) -> SearchConfig:
    """The configuration with threads and device written down: those of the store if it exists, else this machine's."""
    plan = config.plan
    if path.exists():
        stored = stores.open_store(path).config["plan"]
        kept = {"threads": plan.threads or stored["threads"]}
        if plan.device == "auto":
            kept["device"] = stored["device"]
        plan = plan.model_copy(update=kept)
    return config.model_copy(update={"plan": plan.resolved()})


def _check(config: SearchConfig, task: Task) -> None:
    total = config.plan.total_steps(task.steps_per_epoch())
    step = config.rewind.steps(total) or 0
    if step >= total:
        raise LthkitError(f"rewinding to step {step} is beyond the training's {total} steps; choose an earlier step")


def _setting(config: SearchConfig, catalog: Catalog) -> tasks.Setting:
    return tasks.Setting(
        model=config.model,
        data=config.data,
        options=config.task.options,
        batch_size=config.plan.batch_size,
        seed=config.seed,
        device=torch.device(config.plan.device),
        channels_last=config.plan.channels_last,
        workers=config.plan.workers,
        catalog=catalog,
    )
