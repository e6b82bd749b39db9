"""Agreement between any number of searches (seeds, starting weights) at the same rounds."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import xarray as xr

from lthkit.analysis.labels import labelled
from lthkit.analysis.masks.density import sparsity
from lthkit.analysis.masks.histograms import histogram, left
from lthkit.analysis.masks.ratios import with_ratios
from lthkit.analysis.masks.searches import Searched, common_layers, layer_labels, read
from lthkit.errors import LthkitError


def agreement(searches: Mapping[str, Searched]) -> xr.Dataset:
    """On how many weights all searches agree, dimensions (layer, round), and the overlap of each two.

    All agree on a weight that all have left (its earliest code is later than the round) or all have removed (its
    latest code is not): two histograms a layer give all rounds. Compared are the rounds that all have and the
    layers of equal name and shape; ``pooled`` sums over layers.

    Returns:
        ``counted`` (weights on which all agree), ``units`` (weights), ``share`` = counted / units; ``expected`` and
        ``chance``: the same for independent masks with the layers' own densities, n·(Π d + Π (1 − d));
        ``kept_by_all`` and ``kept_by_any`` (weights). Over the pairs of searches, all compared layers together:
        ``pair_jaccard`` and ``pair_chance`` (layers' own densities), dimensions (pair, round).
        ``search_sparsity`` (search, round). Attribute ``compared`` says what was compared.

    Raises:
        LthkitError: if there are fewer than two searches, or they have no layer in common.
    """
    known = [read(searched, name) for name, searched in searches.items()]
    if len(known) < 2:
        raise LthkitError(f"agreement needs two searches, not {len(known)}; name at least two")
    names, left_out = common_layers(known)
    rounds = min(search.rounds for search in known)
    codes = {name: [search.codes[name] for search in known] for name in names}
    size = np.array([codes[name][0].size for name in names])
    earliest = np.stack([_left(np.minimum, codes[name], rounds) for name in names])
    latest = np.stack([_left(np.maximum, codes[name], rounds) for name in names])
    density = (
        np.stack([[left(histogram(code, rounds)) for code in codes[name]] for name in names]) / size[:, None, None]
    )
    by_chance = size[:, None] * (density.prod(axis=1) + (1 - density).prod(axis=1))
    variables = {
        "counted": (("layer", "round"), earliest + size[:, None] - latest),
        "units": ("layer", size),
        "expected": (("layer", "round"), by_chance),
        "kept_by_all": (("layer", "round"), earliest),
        "kept_by_any": (("layer", "round"), latest),
        "search_sparsity": (("search", "round"), np.stack([sparsity(search).values[: rounds + 1] for search in known])),
    }
    coords = layer_labels({name: codes[name][0].shape for name in names})
    coords |= {"round": np.arange(rounds + 1), "search": list(searches)}
    said = f"{len(names)} layers, {size.sum():,} weights, rounds 0 to {rounds} of {len(known)} searches"
    said += f"; {len(left_out)} layers not common to all left out" if left_out else ""
    counts = xr.Dataset(variables, coords, {"compared": said})
    return with_ratios(counts).merge(_pairs(list(searches), codes, density, size), combine_attrs="override")


def _pairs(names: list[str], codes: dict[str, list[np.ndarray]], density: np.ndarray, size: np.ndarray) -> xr.Dataset:
    rounds = density.shape[2] - 1
    kept = density * size[:, None, None]
    overlap, chance = [], []
    for one, other in combinations(range(len(names)), 2):
        each = [_left(np.minimum, [layer[one], layer[other]], rounds) for layer in codes.values()]
        both = np.sum(each, axis=0)
        alone = kept[:, one].sum(axis=0) + kept[:, other].sum(axis=0)
        expected = (kept[:, one] * density[:, other]).sum(axis=0)
        overlap.append(_ratio(both, alone - both))
        chance.append(_ratio(expected, alone - expected))
    labels = [f"{a} and {b}" for a, b in combinations(names, 2)]
    variables = {"pair_jaccard": (("pair", "round"), overlap), "pair_chance": (("pair", "round"), chance)}
    return labelled(xr.Dataset(variables, {"pair": labels, "round": np.arange(rounds + 1)}))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _left(extreme: np.ufunc, codes: list[np.ndarray], rounds: int) -> np.ndarray:
    met = codes[0]
    for code in codes[1:]:
        met = extreme(met, code)
    return left(histogram(met, rounds))
