"""What the training of a finished search's round began with."""

from pathlib import Path

from lthkit import masks as masking
from lthkit.catalog import Catalog, load_catalog
from lthkit.masks import Masks
from lthkit.search.facts import Facts
from lthkit.search.journal import read_rewind_point
from lthkit.search.kept import config_of, kept_state
from lthkit.search.prepare import prepare
from lthkit.search.record import must_belong
from lthkit.store import Store
from lthkit.train import Point, make_point


def facts_of(store: Store, catalog: Catalog | None = None) -> Facts:
    """A stored search as it began: its task, weights and masks, on the same samples.

    Raises:
        LthkitError: if they are others now, or cannot be used.
    """
    facts = prepare(config_of(store), Path(store.path), catalog or load_catalog())
    must_belong(store, facts)
    return facts


def begun(facts: Facts, store: Store, round: int) -> Point:
    """The state that the training of a round began with, before its mask was applied, by the search's rewinding.

    Raises:
        LthkitError: if what it went back to is not kept.
    """
    to = facts.config.rewind.to
    if round == facts.first or to == "start":
        return facts.start
    if to == "none":
        return make_point(0, kept_state(store, round - 1, "last").state)
    point = read_rewind_point(facts)
    return point if to == "step" else make_point(0, point.modules)


def masks_of(store: Store, round: int) -> Masks:
    """The masks of a round as tensors."""
    return masking.as_tensors(store.masks(round))
