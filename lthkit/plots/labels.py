"""What figures call masks, start weights and numbers of runs."""

from collections.abc import Iterable, Sequence

from lthkit.analysis.verdicts.samples import Sample

_THETA = {"pretrained": "θp", "random": "θ0", "rewound": "θk", "source": "θS", "redrawn": "θ′"}


def weights_label(weights: str) -> str:
    """Start weights as the papers call them, with what is said about them in brackets; other labels stay."""
    kind, _, said = weights.partition(" ")
    return _THETA.get(kind, kind) + (f" ({said})" if said else "")


def mask_label(mask: str) -> str:
    """A mask kind as legends call it."""
    return mask.replace("_", " ")


def runs_label(samples: Sequence[Sample]) -> str:
    """ "n = 3", or "n = 2 to 3" where points differ."""
    return count_label([found.n for found in samples if found.n] or [0])


def count_label(numbers: Iterable[int]) -> str:
    """The same of plain numbers of runs."""
    low, *_, high = sorted([*numbers] * 2)
    return f"n = {low}" if low == high else f"n = {low} to {high}"
