"""Iterative magnitude pruning: train, prune, rewind, again (Chen et al. 2021, Algorithm 1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lthkit import masks as masking
from lthkit import progress as progresses
from lthkit import store as stores
from lthkit import tasks
from lthkit.catalog import Catalog, load_catalog
from lthkit.errors import LthkitError, StoreError, TrainingDiverged
from lthkit.masks import Masks
from lthkit.progress import Progress, Silent
from lthkit.search import files
from lthkit.search.config import SearchConfig
from lthkit.search.journal import Journal, Origin, Position
from lthkit.search.setting import setting
from lthkit.store import Store
from lthkit.tasks import Task
from lthkit.train import (
    Keeping,
    Point,
    Snapshot,
    check_machine,
    copy_state,
    make_point,
    ranks,
    read_snapshot,
    tensors_sha256,
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
    with ranks.joined(config.plan.resolved().device):
        config = ranks.first(lambda: _settled(config, path))
        if not _is_finished(config, path):
            check_machine(config.plan)
            _go_on(config, path, catalog or load_catalog(), save_every, progress or _shown())
    return stores.open_store(path)


def _go_on(config: SearchConfig, path: Path, catalog: Catalog, save_every: float, progress: Progress) -> None:
    task = tasks.make(config.task, setting(config, catalog, config.model))
    _check(config, task)
    start = make_point(0, copy_state(task.modules))
    ranks.must_agree(tensors_sha256(start.modules), "starting weights")
    journal: list[Journal] = []  # rank 0's alone

    def opened() -> Position:
        journal.append(Journal(path, config, task, start, Origin(config, task.prunable)))
        return journal[0].position()

    try:
        with progresses.stoppable():
            position = ranks.first(opened)
            _search(config, task, start, position, path, _Keeper(journal, save_every), progress)
            ranks.first(lambda: journal[0].finish())
    finally:
        progress.close()
        for written in journal:
            written.close()


def _search(
    config: SearchConfig,
    task: Task,
    start: Point,
    position: Position,
    path: Path,
    keeper: "_Keeper",
    progress: Progress,
) -> None:
    masks, saved = position.masks, position.saved
    for round in range(position.next, position.last + 1):
        begin = saved[1] if saved and saved[0] == round else _rewound(config, start, position.first, path, round, saved)
        _announce(config, task, position, round, masks, begin, progress)
        keeping = keeper.of(config, task, position, path, round)
        try:
            trained = train(task, config.plan, masks, seed=config.seed, begin=begin, keeping=keeping, progress=progress)
        except TrainingDiverged as error:
            raise TrainingDiverged(f"round {round} of {position.last}: {error}") from None
        if round < position.last:
            masks = _pruned(config, task, masks, position.base, round + 1 - position.first)
            ranks.must_agree(masking.digest(masks), "masks")
        keeper.commit(round, trained, masks)
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
    config: SearchConfig, start: Point, first: int, path: Path, round: int, saved: tuple[int, Snapshot] | None
) -> Point:
    """The state that ``round`` trains from."""
    if round == first or config.rewind.to == "start":
        return start
    if config.rewind.to == "none":
        if saved is None or saved[0] != round - 1:
            raise LthkitError(
                f"{files.state_file(path)} is gone and round {round} trains on from it; "
                "restore it or search anew under another name"
            )
        return make_point(0, saved[1].point.modules)
    point = ranks.first(lambda: read_snapshot(files.rewind_file(path))[0].point)
    return point if config.rewind.to == "step" else make_point(0, point.modules)


@dataclass(frozen=True)
class _Keeper:
    """What each round leaves behind, through the journal of rank 0."""

    journal: list[Journal]
    save_every: float

    def of(self, config: SearchConfig, task: Task, position: Position, path: Path, round: int) -> Keeping:
        """What the training of ``round`` keeps while it runs."""

        def write_rewind_point(point: Point) -> None:
            if self.journal:
                write_snapshot(files.rewind_file(path), Snapshot(point), {"step": point.step})

        step = config.rewind.steps(config.plan.total_steps(task.steps_per_epoch()))
        points = {step: write_rewind_point} if step is not None and round == position.first else {}
        ends = round in (position.first, position.last)
        best = config.keep_weights == "all" or (config.keep_weights == "ends" and ends)
        return Keeping(lambda snapshot: self.journal[0].save(round, snapshot), self.save_every, best, points)

    def commit(self, round: int, trained: Snapshot, masks: Masks) -> None:
        """Commit the round; all ranks wait for it."""
        ranks.first(lambda: self.journal[0].commit(round, trained, masks))


def _announce(
    config: SearchConfig,
    task: Task,
    position: Position,
    round: int,
    masks: Mapping[str, Tensor],
    begin: Point | Snapshot,
    progress: Progress,
) -> None:
    total = config.plan.total_steps(task.steps_per_epoch())
    step = (begin.point if isinstance(begin, Snapshot) else begin).step
    skipped = config.rewind.steps(total) or 0 if config.rewind.to == "step" else 0
    later = (position.last - round) * (total - skipped)
    earlier = (round - position.first) * (total - skipped) + step
    progress.begin(round, position.last, masking.sparsity(masks), step, total, earlier, later)


def _settled(config: SearchConfig, path: Path) -> SearchConfig:
    """The configuration with threads and device written down: those of the store if it exists, else this machine's."""
    plan = config.plan
    if path.exists():
        stored = stores.open_store(path).config.get("plan")
        if stored is None:
            raise StoreError(
                f"{path} holds imported masks, not a search to go on with; search under another name, "
                "with it as start_mask"
            )
        kept = {key: getattr(plan, key) or stored.get(key) for key in ("threads", "processes")}
        if plan.device == "auto":
            kept["device"] = stored["device"]
        plan = plan.model_copy(update=kept)
    return config.model_copy(update={"plan": plan.resolved()})


def _check(config: SearchConfig, task: Task) -> None:
    total = config.plan.total_steps(task.steps_per_epoch())
    step = config.rewind.steps(total) or 0
    if step >= total:
        raise LthkitError(f"rewinding to step {step} is beyond the training's {total} steps; choose an earlier step")


def _is_finished(config: SearchConfig, path: Path) -> bool:
    """Whether the store holds all rounds of this very configuration, so that there is nothing to do."""

    def look() -> bool:
        if not path.exists():
            return False
        store = stores.open_store(path)
        return store.scored == store.planned_rounds + 1 and store.config == config.plain()

    return ranks.first(look)


def _shown() -> Progress:
    return progresses.for_here() if ranks.rank() == 0 else Silent()
