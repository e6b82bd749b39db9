"""Which evaluation of a training counts: the one rule for the loop, stored scores and results."""

import math
from collections.abc import Sequence


def best(values: Sequence[float], higher_is_better: bool) -> int | None:
    """Index of the first of the best values, as selection by validation means it.

    Args:
        values: the selecting metric, one per evaluation in order of steps (a list or a one-dimensional array).
        higher_is_better: the metric's direction.

    Returns:
        None where nothing counts: NaN and infinite values never do, and never keep a later one from counting.
    """
    sign = 1 if higher_is_better else -1
    finite = [index for index, value in enumerate(values) if math.isfinite(value)]
    return max(finite, key=lambda index: sign * values[index], default=None)
