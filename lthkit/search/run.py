"""Iterative magnitude pruning: train, prune, rewind, again (Chen et al. 2021, Algorithm 1); zero rounds only train."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lthkit import masks as masking
from lthkit import progress as progresses
from lthkit import ranks
from lthkit import store as stores
from lthkit.catalog import Catalog, load_catalog
from lthkit.data import SceneSplits, Splits
from lthkit.errors import LthkitError, TrainingDiverged
from lthkit.masks import Masks
from lthkit.progress import Progress, Silent
from lthkit.search.begin import begun
from lthkit.search.config import SearchConfig
from lthkit.search.facts import Facts
from lthkit.search.journal import Journal, Position
from lthkit.search.origin import find_origin
from lthkit.search.prepare import check_path, prepare, settled
from lthkit.search.pruning import pruned, scorer
from lthkit.search.record import as_now
from lthkit.search.result import read_result
from lthkit.seeds import derive
from lthkit.store import Store, beside
from lthkit.train import Keeping, Point, Snapshot, train


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
    run(config, path, catalog=catalog, save_every=save_every, progress=progress)
    return stores.open_store(path)


def train_once(
    config: SearchConfig,
    path: str | Path,
    *,
    catalog: Catalog | None = None,
    samples: Splits | SceneSplits | None = None,
    save_every: float = 60.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train one subnetwork (mask, weights) once: a search of zero rounds whose outcome is one small file.

    Dense reference, ticket and every control go through this call, and through the same runner as a search: same
    batches, same schedule, resumable to the bit, one process or several.

    Args:
        config: the whole training; ``pruning.rounds`` is 0.
        path: of the result, ending in ``.json``.
        catalog: as for ``find_ticket``.
        save_every: as for ``find_ticket``.
        progress: as for ``find_ticket``.
        samples: what ``data.load`` gives for ``config.data``, if it is at hand.

    Returns:
        The result: labels, settings, hashes, evaluations and their summary; read, if it was finished before.

    Raises:
        LthkitError: before training, on whatever does not fit together.
    """
    path = Path(path)
    run(config, path, catalog=catalog, samples=samples, save_every=save_every, progress=progress)
    return ranks.first(lambda: read_result(path))


@progresses.stoppable()
def run(
    config: SearchConfig,
    path: Path,
    *,
    catalog: Catalog | None = None,
    samples: Splits | SceneSplits | None = None,
    save_every: float = 60.0,
    progress: Progress | None = None,
) -> None:
    """The one runner of searches and single trainings. Arguments and errors as ``find_ticket`` and ``train_once``."""
    check_path(path, config)
    with ranks.joined(config.plan.resolved().device):
        config = ranks.first(lambda: settled(config, path))
        if ranks.first(lambda: _is_finished(config, path)):
            return
        facts = prepare(config, path, catalog or load_catalog(), samples)
        ranks.must_agree(facts.identity, "settings, starting mask, weights or samples")
        ranks.must_agree(facts.start_sha256, "starting weights")
        shown = progress or (progresses.for_here() if ranks.rank() == 0 else Silent())
        _Search(facts, _Written(facts, save_every), shown).to_the_end()


@dataclass(frozen=True)
class _Search:
    """Algorithm 1 on every rank; what it writes goes through rank 0's journal."""

    facts: Facts
    written: "_Written"
    progress: Progress

    def to_the_end(self) -> None:
        try:
            position = self.written.open()
            masks, before = position.masks, position.saved
            for round in range(position.next, self.facts.last + 1):
                trained = self.train(round, masks, self.begin(round, before))
                if round < self.facts.last:
                    masks = self.prune(masks, round + 1)
                self.written.commit(round, trained, masks)
                before = (round, trained)
            self.written.finish()
        finally:
            self.progress.close()
            self.written.close()

    def begin(self, round: int, before: tuple[int, Snapshot] | None) -> Point | Snapshot:
        """The state that ``round`` goes on from, or trains from: rewound after the one ``before``."""
        if before and before[0] == round:
            return before[1]
        return begun(self.facts, round, lambda: self._last_of(round - 1, before).modules)

    def train(self, round: int, masks: Masks, begin: Point | Snapshot) -> Snapshot:
        """The training of ``round`` under its masks."""
        config, task = self.facts.config, self.facts.task
        self._announce(round, masks, begin)
        keeping = self.written.keeping(round)
        try:
            return train(
                task, config.plan, masks, seed=config.seed, begin=begin, keeping=keeping, progress=self.progress
            )
        except TrainingDiverged as error:
            where = f"round {round} of {self.facts.last}: " if config.pruning.rounds else ""
            raise TrainingDiverged(f"{where}{error}") from None

    def prune(self, masks: Masks, round: int) -> Masks:
        """The masks of ``round``."""
        config, task = self.facts.config, self.facts.task
        score, steps = scorer(config.pruning.criterion, config, task, derive(config.seed, "prune", round))
        left = pruned(score, masks, self.facts.origin.masks, config.pruning, round - self.facts.first, steps)
        ranks.must_agree(masking.masks_sha256(left), "masks")
        return left

    def _last_of(self, round: int, before: tuple[int, Snapshot] | None) -> Point:
        if before is None or before[0] != round:
            raise LthkitError(
                f"{beside.state_file(self.facts.path)} is gone and round {round + 1} trains on from it; "
                "restore it or search anew under another name"
            )
        return before[1].point

    def _announce(self, round: int, masks: Masks, begin: Point | Snapshot) -> None:
        config, first, last = self.facts.config, self.facts.first, self.facts.last
        total = config.plan.total_steps(self.facts.task.steps_per_epoch())
        step = (begin.point if isinstance(begin, Snapshot) else begin).step
        each = total - (config.rewind.steps(total) or 0 if config.rewind.to == "step" else 0)
        earlier, later = (round - first) * each + step, (last - round) * each
        self.progress.begin(round, last, masking.sparsity(masks), step, total, earlier, later)


class _Written:
    """The journal of rank 0 as all ranks use it: they wait for it, and raise what it raises."""

    def __init__(self, facts: Facts, save_every: float) -> None:
        self.facts, self.save_every = facts, save_every
        self.journal: Journal | None = None

    def open(self) -> Position:
        """Where the search stands."""

        def opened() -> Position:
            self.journal = Journal(self.facts)
            return self.journal.position()

        return ranks.first(opened)

    def keeping(self, round: int) -> Keeping:
        """What the training of ``round`` keeps while it runs."""
        facts, journal = self.facts, self.journal
        if journal is None:
            return Keeping()
        step = facts.config.rewind.steps(facts.config.plan.total_steps(facts.task.steps_per_epoch()))
        points = {step: journal.keep_rewind_point} if step is not None and round == facts.first else {}
        return Keeping(
            lambda snapshot: journal.save(round, snapshot), self.save_every, journal.keeps_weights(round), points
        )

    def commit(self, round: int, trained: Snapshot, masks: Masks) -> None:
        """Commit the round."""
        ranks.first(lambda: self._own().commit(round, trained, masks))

    def finish(self) -> None:
        """Remove what a finished search needs no more."""
        ranks.first(lambda: self._own().finish())

    def _own(self) -> Journal:
        """Rank 0's, once it is open."""
        if self.journal is None:
            raise RuntimeError("the journal is not open")
        return self.journal

    def close(self) -> None:
        """Let others write."""
        if self.journal:
            self.journal.close()


def _is_finished(config: SearchConfig, path: Path) -> bool:
    """Whether the store holds all rounds of this very configuration, so that there is nothing to do."""
    if path.suffix != ".zarr" or not path.exists():
        return False
    store = stores.open_store(path)
    if store.scored != store.planned_rounds + 1 or as_now(store.config) != config.plain():
        return False
    if config.mask is None or not Path(config.mask.source).exists():  # what is finished needs its source no more
        return True
    if config.mask.criterion:  # it would take the task to make this mask again
        return True
    return find_origin(config, store.parameters).mask_sha256 == store.provenance.get("mask_sha256")
