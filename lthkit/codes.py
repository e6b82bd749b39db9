"""Codes: a whole search as one number a weight, ``pruned_at``.

Masks of iterative pruning are nested, so the first round in which a weight is absent (1…254), or 255 for a survivor,
says all masks: that of round r is ``codes > r``. Apart from ``masks``, so that reading a store does not import torch.
"""

from collections.abc import Mapping

import numpy as np

Codes = dict[str, np.ndarray]
"""uint8 arrays by parameter name, in the manifest's order."""

SURVIVOR = 255
MOST_ROUNDS = 254


def survivors(parameters: Mapping[str, tuple[int, ...]]) -> Codes:
    """The codes of ``{name: shape}`` before any pruning: every weight a survivor."""
    return {name: np.full(shape, SURVIVOR, np.uint8) for name, shape in parameters.items()}
