"""Cosine similarity at full precision, which autocast would compute in bfloat16."""

import torch
from torch import Tensor
from torch.nn.functional import normalize


def unit(features: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """(n, d) features divided by their length."""
    return normalize(features.to(dtype))


def dot(first: Tensor, second: Tensor) -> Tensor:
    """(n, m) products of (n, d) and (m, d), outside of autocast: of unit vectors their cosine similarity."""
    with torch.autocast(first.device.type, enabled=False):
        return first @ second.T
