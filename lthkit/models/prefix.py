"""Where in somebody else's checkpoint the network's tensors lie: containers and prefixes stripped as one.

A nested container ``{"state_dict": {"module.conv1.weight": …}}`` is flattened to the dotted name
``state_dict.module.conv1.weight``; what stands before the network's own name is the prefix. Within lthkit's own
states it is never searched for: there the network has its address (`lthkit.tasks.address`).
"""

from collections import Counter
from collections.abc import Mapping

from lthkit.errors import LthkitError

Shapes = Mapping[str, tuple[int, ...]]


def choose_prefix(found: Shapes, wanted: Shapes, stated: str | None, source: str) -> str:
    """The prefix under which ``found`` holds most of ``wanted`` by name and shape, "" or ending in a dot.

    Among equals a query encoder goes before the others (``encoder_q``: MoCo); two networks that fit equally well are
    the user's choice. A ``stated`` prefix wins; containers before it may be left out. The caller checks that all of
    the network is there.

    Args:
        found: name → shape in the checkpoint, flattened.
        wanted: name → shape of the network's body.
        stated: the prefix that the user stated, None or "" to search.
        source: what the checkpoint is called, for errors.

    Raises:
        LthkitError: nothing fits, the stated prefix does not occur, or several networks fit equally well.
    """
    scores = _scores(found, wanted)
    if stated:
        scores = _matching(scores, stated.rstrip(".") + ".", source)
    if not scores:
        some = ", ".join(list(found)[:3]) or "no tensor at all"
        raise LthkitError(f"checkpoint '{source}' holds no tensor of this network (it holds {some} …); name another")
    ranked = sorted(scores, key=lambda prefix: _rank(prefix, scores))
    equals = [prefix for prefix in ranked if _rank(prefix, scores) == _rank(ranked[0], scores)]
    if len(equals) > 1 and 2 * scores[equals[0]][0] > len(wanted):
        raise LthkitError(
            f"checkpoint '{source}' fits this network equally well under {_quoted(equals)}; state which by 'prefix'"
        )
    return ranked[0]


def _scores(found: Shapes, wanted: Shapes) -> dict[str, tuple[int, int]]:
    """prefix → (tensors that fit by name and shape, tensors that fit by name)."""
    shapes: Counter[str] = Counter()
    names: Counter[str] = Counter()
    for full, shape in found.items():
        parts = full.split(".")
        for cut in range(len(parts)):
            name = ".".join(parts[cut:])
            if name in wanted:
                prefix = full.removesuffix(name)
                names[prefix] += 1
                shapes[prefix] += shape == wanted[name]
    return {prefix: (shapes[prefix], names[prefix]) for prefix in names}


def _matching(scores: dict[str, tuple[int, int]], stated: str, source: str) -> dict[str, tuple[int, int]]:
    fitting = {prefix: score for prefix, score in scores.items() if f".{prefix}".endswith(f".{stated}")}
    if not fitting:
        there = _quoted(sorted(scores, key=lambda prefix: _rank(prefix, scores))[:3]) or "no other"
        raise LthkitError(
            f"checkpoint '{source}' holds no tensor of this network under the prefix '{stated}'; it does under {there}"
        )
    return fitting


def _rank(prefix: str, scores: dict[str, tuple[int, int]]) -> tuple[int, int, bool]:
    shapes, names = scores[prefix]
    return -shapes, -names, "encoder_q" not in prefix.split(".")


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
