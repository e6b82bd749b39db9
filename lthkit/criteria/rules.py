"""Each criterion as one pure function; the weights with the smallest scores in absolute value go first."""

from collections.abc import Mapping

import torch
from torch import Tensor

Values = Mapping[str, Tensor]
"""Tensors by parameter name."""


def magnitude(weights: Values) -> Values:
    """The weights themselves (both papers): what is compared is their absolute value."""
    return weights


def snip(weights: Values, gradients: Values) -> Values:
    """Connection sensitivity, the magnitude of θ · ∂L/∂θ (Lee et al. 2019, arXiv 1810.02340, equation 4)."""
    return {name: (weight * gradients[name]).abs() for name, weight in weights.items()}


def grasp(weights: Values, products: Values) -> Values:
    """Gradient signal preservation: the largest −θ · Hg goes first (Wang et al. 2020, arXiv 2002.07376, equation 8).

    A score is the place, from 1 on, in the order of θ · Hg over all weights; of equal ones the earlier is lower.
    """
    kept = torch.cat([(weight * products[name]).reshape(-1).double() for name, weight in weights.items()])
    places = torch.empty_like(kept)
    places[kept.argsort(stable=True)] = torch.arange(1, len(kept) + 1, dtype=kept.dtype, device=kept.device)
    parts = places.split([weight.numel() for weight in weights.values()])
    return {name: part.view(weight.shape) for (name, weight), part in zip(weights.items(), parts, strict=True)}


def synflow(weights: Values, gradients: Values) -> Values:
    """Synaptic flow, ``|θ| · ∂R/∂|θ|`` (Tanaka et al. 2020, arXiv 2006.05467, equation 2), of one iteration."""
    return {name: weight.detach().abs().double() * gradients[name] for name, weight in weights.items()}
