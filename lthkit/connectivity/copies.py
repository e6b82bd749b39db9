"""A round's training again, and again: copies that differ only in the order of the data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lthkit import masks as masking
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.search import begin
from lthkit.search.facts import Facts
from lthkit.seeds import derive
from lthkit.store import Store
from lthkit.train import Point, load_tensors, save_tensors, train


@dataclass(frozen=True, eq=False)
class Copy:
    """One training of a subnetwork.

    Attributes:
        order: which order of the data it had.
        state: of all modules at its end.
        path: where it is kept.
    """

    order: int
    state: Mapping[str, Tensor]
    path: Path


def trained_copies(
    facts: Facts,
    store: Store,
    round: int,
    masks: Masks,
    orders: int,
    folder: Path,
    *,
    named: str = "ticket",
    told: Callable[[str], None] | None = None,
) -> list[Copy]:
    """Trainings under one mask from what the round began with, each with another order of data and augmentation.

    Each is kept in ``folder`` and read from there the next time, if it is of the same search, mask and order.

    Args:
        facts: of the search, ``begin.facts_of``.
        store: of the search.
        round: whose beginning and schedule they share.
        masks: of the subnetwork: the round's, or a control's.
        orders: how many.
        folder: where they are kept.
        named: begins the files' names.
        told: called with a copy's label when it is there.

    Raises:
        LthkitError: if what the round began with is not kept, or a file in the folder is of another training.
    """
    start = begin.begun_in(facts, store, round)
    copies = []
    for order in range(orders):
        copies.append(_copy(facts, round, masks, order, start, folder, named))
        if told:
            told(f"{named}, round {round}, order {order}")
    return copies


def _copy(facts: Facts, round: int, masks: Masks, order: int, start: Point, folder: Path, named: str) -> Copy:
    path = folder / f"{named}-round-{round:03d}-order-{order}.safetensors"
    said = {"search": facts.identity, "mask_sha256": masking.masks_sha256(masks), "round": round, "order": order}
    if path.exists():
        state, known = load_tensors(path)
        if any(known.get(key) != value for key, value in said.items()):
            raise LthkitError(f"{path} is of another search, mask or order; choose another folder, or remove it")
        return Copy(order, state, path)
    seed = derive(facts.config.seed, "order", order)
    trained = train(facts.task, facts.config.plan, masks, seed=seed, begin=start)
    state = trained.point.modules
    save_tensors(path, state, said)
    return Copy(order, state, path)
