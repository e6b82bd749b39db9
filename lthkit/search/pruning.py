"""One pruning of a search: exact counts of what is pruned as one, global or in each layer, nested round by round."""

from collections.abc import Mapping

from torch import Tensor

from lthkit import granularity, masks
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.search.config import Pruning


def pruned(scores: Mapping[str, Tensor], now: Masks, start: Masks, pruning: Pruning, prunings: int) -> Masks:
    """The masks after so many prunings.

    Args:
        scores: of the trained weights; the smallest magnitudes go first.
        now: what is left, after one pruning less.
        start: what the search began with: round(units · (1 − rate)^prunings) of its units are left, halves up. Of a
            pattern n:m one of every m goes each time, until n are left.
        pruning: the search's.
        prunings: 1, 2, …
    """
    pattern = granularity.pattern_of(pruning.granularity)
    if pattern:
        n, m = pattern
        return granularity.prune_pattern(scores, now, max(n, m - prunings), m)
    units = granularity.as_units(start, pruning.granularity)
    keep: int | dict[str, int]
    if pruning.scope == "layer":
        counts = masks.counts_left(units)
        keep = {name: masks.weights_left(count, pruning.rate, prunings) for name, count in counts.items()}
    else:
        keep = masks.weights_left(masks.left(units), pruning.rate, prunings)
    return granularity.prune_units(scores, now, keep, pruning.granularity)


def check_pruning(pruning: Pruning, prunable: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a pattern that none of the prunable weights can have.

    Raises:
        LthkitError: naming it.
    """
    pattern = granularity.pattern_of(pruning.granularity)
    if pattern and not any(granularity.has_groups(shape, pattern[1]) for shape in prunable.values()):
        raise LthkitError(
            f"no prunable weight has input channels in groups of {pattern[1]}, so pruning.granularity "
            f"'{pruning.granularity}' would remove nothing; choose another, or a wider network"
        )
