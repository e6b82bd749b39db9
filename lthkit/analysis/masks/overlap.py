"""How far searches agree on what they keep, at all pairs of rounds, and how far they would by chance."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import xarray as xr

from lthkit.analysis.labels import labelled
from lthkit.analysis.masks.density import sparsity
from lthkit.analysis.masks.histograms import both_left, each, joint_histogram, left
from lthkit.analysis.masks.ratios import with_ratios
from lthkit.analysis.masks.searches import Searched, common_layers, layer_labels, read
from lthkit.errors import LthkitError

TOLERANCE = 0.02


def overlap(a: Searched, b: Searched) -> xr.Dataset:
    """Overlap of two searches, dimensions (layer, round_a, round_b); ``pooled`` gives it by block or in all.

    Compared are the layers of equal name and shape, at all pairs of rounds; searches may differ in rounds and rate.
    One joint histogram a layer and its two-dimensional cumulative sum give all pairs (no loop over rounds).

    Returns:
        ``intersection`` and ``union`` (weights left in both, in either), ``hamming`` (left in exactly one),
        ``jaccard`` = intersection / union, the relative similarity of Chen et al. 2021, Fig. 6 (NaN where neither
        has a weight left), ``left_a``, ``left_b``, ``weights``. Beside them what independent random masks would
        have: ``chance_global`` for two masks of the searches' densities over all compared layers,
        d_a·d_b / (d_a + d_b − d_a·d_b); ``chance_layers`` for masks with each layer's own densities, expected
        intersection (``expected`` = Σ n·d_a·d_b) over expected union; ``times_chance`` = jaccard / chance_layers.
        Labels: ``block``, ``kernel``, ``kind`` of the layers, ``sparsity_a`` and ``sparsity_b`` of the whole
        searches. Attributes: ``a``, ``b`` (names), ``compared`` (a sentence), ``left_out`` (layers not compared).

    Raises:
        LthkitError: if no layer is common to both.
    """
    first, second = read(a), read(b)
    names, left_out = common_layers([first, second])
    rounds = first.rounds, second.rounds
    joint = np.stack(each(lambda name: joint_histogram(first.codes[name], second.codes[name], rounds), names))
    left_a, left_b = left(joint.sum(axis=2)), left(joint.sum(axis=1))
    size = joint.sum(axis=(1, 2))
    variables = {
        "intersection": (("layer", "round_a", "round_b"), np.stack([both_left(counts) for counts in joint])),
        "left_a": (("layer", "round_a"), left_a),
        "left_b": (("layer", "round_b"), left_b),
        "weights": ("layer", size),
        "expected": (("layer", "round_a", "round_b"), left_a[:, :, None] * left_b[:, None, :] / size[:, None, None]),
        "chance_global": (("round_a", "round_b"), _chance(left_a.sum(0) / size.sum(), left_b.sum(0) / size.sum())),
    }
    coords = layer_labels({name: first.codes[name].shape for name in names})
    for side, search, kept in (("a", first, left_a.sum(0)), ("b", second, left_b.sum(0))):
        coords[f"round_{side}"] = np.arange(search.rounds + 1)
        complete = len(search.codes) == len(names)
        removed = 1 - kept / size.sum() if complete else sparsity(search).values
        coords[f"sparsity_{side}"] = (f"round_{side}", removed)
    attrs = {"a": first.name, "b": second.name, "compared": _said(size, left_out), "left_out": left_out}
    return with_ratios(xr.Dataset(variables, coords, attrs))


def overlaps(searches: Mapping[str, Searched]) -> dict[str, xr.Dataset]:
    """``overlap`` of every two of the searches, by ``"name and name"``.

    Raises:
        LthkitError: if there are fewer than two, or two have no layer in common.
    """
    if len(searches) < 2:
        raise LthkitError(f"an overlap needs two searches, not {len(searches)}; name at least two")
    known = {name: read(searched, name) for name, searched in searches.items()}
    return {f"{a} and {b}": overlap(known[a], known[b]) for a, b in combinations(known, 2)}


def like_for_like(counts: xr.Dataset, tolerance: float = TOLERANCE) -> xr.Dataset:
    """The pairs of rounds of equal sparsity, as the paper compares (Chen et al. 2021, Fig. 6), dimension round.

    Each round of a meets the round of b nearest in density; pairs whose densities differ by more than ``tolerance``
    (as a fraction of the higher) are left out, so searches of different rates meet where they can. Round 0 always
    stays: both are dense.

    Args:
        counts: an ``overlap``, pooled or not.
        tolerance: 0…1.

    Returns:
        The same variables with dimension ``round`` (that of a) for the pairs; labels ``round_a``, ``round_b``,
        ``sparsity`` (that of a), ``sparsity_b``.
    """
    kept_a, kept_b = 1 - counts["sparsity_a"].values, 1 - counts["sparsity_b"].values
    higher = np.maximum.outer(kept_a, kept_b)
    apart = np.abs(np.subtract.outer(kept_a, kept_b)) / np.where(higher > 0, higher, 1)
    partner = apart.argmin(axis=1)
    chosen = np.flatnonzero(apart[np.arange(len(partner)), partner] <= tolerance)
    pairs = counts.isel(round_a=("round", chosen), round_b=("round", partner[chosen]))
    return labelled(pairs.assign_coords(round=chosen).rename(sparsity_a="sparsity"))


def _said(size: np.ndarray, left_out: list[str]) -> str:
    said = f"{len(size)} layers, {size.sum():,} weights compared"
    return f"{said}; {len(left_out)} layers not common to both left out" if left_out else said


def _chance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    both = np.multiply.outer(a, b)
    either = np.add.outer(a, b) - both
    return np.divide(both, either, out=np.full_like(both, np.nan), where=either > 0)
