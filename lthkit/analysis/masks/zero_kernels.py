"""Kernels, input channels and output channels that are completely zero, by round, and how many by chance."""

import math
from functools import partial

import numpy as np
import xarray as xr

from lthkit.analysis.masks.density import sparsity
from lthkit.analysis.masks.histograms import each, histogram, kernel_codes, left
from lthkit.analysis.masks.ratios import with_ratios
from lthkit.analysis.masks.searches import Searched, layer_labels, read

UNITS = ("kernel", "input", "output")
# Up to here the probability is a product, exact to rounding; beyond, log-gamma functions, to about 1e-7.
MOST_FACTORS = 64
_log_gamma = np.vectorize(math.lgamma, otypes=[float])


def zero_kernels(searched: Searched) -> xr.Dataset:
    """Completely zero units, dimensions (unit, layer, round), units ``kernel``, ``input``, ``output``.

    A unit is completely zero from the latest code of its weights on, so one pass gives all rounds. Outputs are the
    weight's first axis, inputs its second (for a grouped convolution: places within a group). Kernels of linear
    layers are single weights. In a 1×1 layer a zero kernel is just a zero weight: ``pooled(zero_kernels, "kind")``
    keeps 1×1 and larger kernels apart (Chen et al. 2021, Fig. 6).

    Returns:
        ``counted`` (zero units), ``units`` (how many there are), ``share`` = counted / units; ``expected`` and
        ``chance``: their values if the layer's removed weights lay anywhere with equal probability. Exact
        (hypergeometric): a unit of k weights out of n, m removed, is zero with C(m, k) / C(n, k), which is about
        (1 − density)^k. Labels: ``block``, ``kernel``, ``kind`` of the layers, ``sparsity`` of the rounds.
    """
    search = read(searched)
    counted, units, expected = zip(*each(partial(_units, search.rounds), search.codes.values()), strict=True)
    variables = {
        "counted": (("layer", "unit", "round"), np.array(counted)),
        "units": (("layer", "unit"), np.array(units)),
        "expected": (("layer", "unit", "round"), np.array(expected)),
    }
    coords = layer_labels(search.shapes) | {"unit": list(UNITS), "round": np.arange(search.rounds + 1)}
    coords["sparsity"] = ("round", sparsity(search).values)
    counts = xr.Dataset(variables, coords, {"name": search.name})
    return with_ratios(counts).transpose("unit", "layer", "round")


def _units(rounds: int, code: np.ndarray) -> tuple[list[np.ndarray], list[int], list[np.ndarray]]:
    """Zero units by round, how many units there are, and zero units by chance; of one layer, by kind of unit."""
    kernels = kernel_codes(code)
    latest = (kernels, kernels.max(axis=0), kernels.max(axis=1))
    removed = code.size - left(histogram(code, rounds))
    counted = [unit.size - left(histogram(unit, rounds)) for unit in latest]
    expected = [unit.size * all_removed(code.size, removed, code.size // unit.size) for unit in latest]
    return counted, [unit.size for unit in latest], expected


def all_removed(size: int, removed: np.ndarray, count: int) -> np.ndarray:
    """Probability that ``count`` given weights of ``size`` are all among the ``removed`` ones, drawn at random."""
    if count <= MOST_FACTORS:
        places = np.arange(count)
        return np.prod(np.maximum(removed[:, None] - places, 0) / (size - places), axis=1)
    enough = removed >= count
    most = np.where(enough, removed, count)
    logs = _log_gamma(most + 1) - _log_gamma(most - count + 1)
    return np.where(enough, np.exp(logs - math.lgamma(size + 1) + math.lgamma(size - count + 1)), 0.0)
