"""Criteria: what is pruned first. A criterion is one pure function from trained weights to scores, both by name.

The weights with the smallest scores in absolute value go first (``masks.prune``).
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from torch import Tensor

from lthkit.errors import LthkitError
from lthkit.factories import find_callable

Criterion = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]


def magnitude(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The weights themselves (both papers): what is compared is their absolute value."""
    return weights


CRITERIA: dict[str, Criterion] = {"magnitude": magnitude}


def find_criterion(name: str) -> Criterion:
    """The criterion of a name, or one's own ``package.module:function``.

    Raises:
        LthkitError: if there is none, or it cannot be imported.
    """
    if ":" in name:
        return find_callable(name, f"criterion '{name}'")
    if name not in CRITERIA:
        near = get_close_matches(name, CRITERIA, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"choose {', '.join(CRITERIA)} or package.module:function"
        raise LthkitError(f"there is no criterion '{name}'; {hint}")
    return CRITERIA[name]
