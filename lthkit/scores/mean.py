"""The mean over classes, of which some may have no score."""

from torch import Tensor


def mean_over_classes(scores: Tensor) -> float:
    """The mean of (classes,) scores without those that are NaN; NaN if all are, as then nothing was scored."""
    return scores.nanmean().item()
