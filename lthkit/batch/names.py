"""Sentences about names that are not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str], has: str = "there is") -> str:
    """A hint that ends a sentence: known names near to ``name``, of dotted ones those with the same end first.

    Args:
        name: that is not known.
        known: those that are.
        has: begins the list of all, where none is near.
    """
    names = list(known)
    ends = [other for other in names if other.rpartition(".")[2] == name.rpartition(".")[2]]
    near = list(dict.fromkeys([*ends, *get_close_matches(name, names, n=3)]))[:3]
    return f"did you mean {' or '.join(repr(match) for match in near)}?" if near else f"{has} {', '.join(names)}"
