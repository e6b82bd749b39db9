"""What the training of a round begins with, and a finished search as it began."""

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from lthkit import ranks
from lthkit.catalog import Catalog, load_catalog
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


def begun(facts: Facts, round: int, last: Callable[[], Mapping[str, Tensor]]) -> Point:
    """The state that the training of a round begins with, before its mask is applied, by the search's rewinding.

    Args:
        facts: of the search.
        round: which.
        last: gives the state at the end of the round before, where the search trains on from it.

    Raises:
        LthkitError: if what it goes back to is not kept.
    """
    to = facts.config.rewind.to
    if round == facts.first or to == "start":
        return facts.start
    if to == "none":
        return make_point(0, dict(last()))
    point = ranks.first(lambda: read_rewind_point(facts))
    return point if to == "step" else make_point(0, point.modules)


def begun_in(facts: Facts, store: Store, round: int) -> Point:
    """The same of a stored search, from what it kept."""
    return begun(facts, round, lambda: kept_state(store, round - 1, "last").state)
