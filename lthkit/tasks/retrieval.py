"""Top-1 retrieval accuracy, by which contrastive features are scored (Chen et al. 2021, Eq. 2)."""

import torch
from torch import Tensor

from lthkit.tasks.similarity import dot, unit

_ROWS = 1024  # of the similarities, at once


def retrieval_accuracy(first: Tensor, second: Tensor) -> float:
    """The share of 2n features whose nearest neighbour among the 2n − 1 others is the image's other view.

    Nearest is by cosine similarity; a tie is not right, so features that are all alike score 0.

    Args:
        first: (n, d) features z of n images.
        second: (n, d) features z′ of other views of them.

    Returns:
        From 0 to 1; ``retrieval_chance(n)`` by guessing.
    """
    features = unit(torch.cat([first, second]), torch.float64)
    count = len(first)
    partner = torch.arange(2 * count, device=features.device).roll(count)
    right = torch.zeros((), dtype=torch.int64, device=features.device)
    for start in range(0, 2 * count, _ROWS):
        similarity = dot(features[start : start + _ROWS], features)
        row = torch.arange(len(similarity), device=features.device)
        wanted = similarity[row, partner[start : start + _ROWS]].clone()
        similarity[row, row + start] = -torch.inf
        similarity[row, partner[start : start + _ROWS]] = -torch.inf
        right += (wanted > similarity.amax(1)).sum()
    return right.item() / (2 * count)


def retrieval_chance(count: int) -> float:
    """What guessing scores on ``count`` images."""
    return 1 / (2 * count - 1)
