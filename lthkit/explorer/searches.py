"""What is looked at: searches, their scores, and controls of every round beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import xarray as xr

from lthkit.analysis import Search, Searched, curve, read
from lthkit.errors import LthkitError
from lthkit.store import Store, as_store

COMPLEMENT = "complement"


@dataclass(frozen=True)
class Subject:
    """A search or a control of one, as the explorer looks at it.

    Attributes:
        search: its codes by name.
        store: what it was read from, if from a store.
        inverse: whether its masks are the complements of the codes' masks.
        of: the search that it is a control of.
    """

    search: Search
    store: Store | None = None
    inverse: bool = False
    of: str | None = None

    def curve(self) -> xr.Dataset | None:
        """Score by round; None where the store keeps none."""
        if self.store is None or not self.store.metrics or not self.store.scored:
            return None
        return curve(self.store)


def subjects(given: Mapping[str, Searched], controls: Sequence[str] = (), seed: int = 0) -> dict[str, Subject]:
    """Everything that can be looked at, by name.

    Args:
        given: searches by name.
        controls: kinds of masks shown beside the first search: ``complement``, ``layer_random``, ``random``,
            ``layer_shuffled``. Their masks are, bit for bit, those of the recipes with this seed.
        seed: of the draws.

    Raises:
        LthkitError: if there is no search, or no such control.
    """
    if not given:
        raise LthkitError("there is nothing to explore; give at least one store")
    found = {name: _subject(search, name) for name, search in given.items()}
    first = next(iter(found))
    for kind in controls:
        control = _control(found[first].search, kind, seed)
        found[control.search.name] = replace(control, of=first)
    return found


def known_controls() -> tuple[str, ...]:
    """Kinds of masks that can be shown at every round of a search."""
    from lthkit.controls import NESTED  # who looks at masks alone does not wait for what draws them

    return COMPLEMENT, *NESTED


def _subject(given: Searched, name: str) -> Subject:
    if isinstance(given, Search):
        return Subject(read(given, name))
    store = as_store(given)
    return Subject(read(store, name), store)


def _control(search: Search, kind: str, seed: int) -> Subject:
    if kind not in known_controls():
        raise LthkitError(f"there is no control '{kind}' of every round; choose from {', '.join(known_controls())}")
    name = f"{kind.replace('_', ' ')} of {search.name}"
    if kind == COMPLEMENT:
        return Subject(Search(search.codes, search.rounds, name), inverse=True)
    from lthkit.controls import nested_codes

    return Subject(Search(nested_codes(kind, search.codes, search.rounds, seed), search.rounds, name))


def named(store: Searched | Mapping[str, Searched], other: Searched | None) -> dict[str, Searched]:
    """The searches that a user gives, each under a name of its own.

    Raises:
        LthkitError: if there is none, or a second one beside searches by name.
    """
    if isinstance(store, Mapping):
        if other is not None:
            raise LthkitError("searches by name already hold all that is explored; add the other one to them")
        return dict(store)
    given = [one for one in (store, other) if one is not None]
    names = [one.name if isinstance(one, Search) else as_store(one).path.stem for one in given]
    if len(names) == 2 and names[0] == names[1]:
        names = [f"{name} {side}" for name, side in zip(names, "AB", strict=True)]
    return dict(zip(names, given, strict=True))
