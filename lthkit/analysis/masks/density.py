"""How many weights are left: in all, by block, by layer, by kernel; every round from one reading of the codes."""

import numpy as np
import xarray as xr

from lthkit.analysis.labels import labelled
from lthkit.analysis.masks.histograms import histogram, left
from lthkit.analysis.masks.searches import Search, Searched, layer_labels, read
from lthkit.errors import StoreError
from lthkit.store import as_store


def weights_left(searched: Searched) -> xr.DataArray:
    """Weights left, dimensions (layer, round), rounds 0…``rounds``, layers in depth order.

    The attribute ``weights`` has each layer's size; labels beside the layers are ``block``, ``kernel`` and ``kind``
    (1×1 or larger). A weight of code c is left in the rounds before c: one histogram a layer and its cumulative
    sum give all rounds.
    """
    search = read(searched)
    kept = left(np.stack([histogram(code, search.rounds) for code in search.codes.values()]))
    coords = layer_labels(search.shapes) | {"round": np.arange(search.rounds + 1)}
    return labelled(xr.DataArray(kept, coords, ("layer", "round"), "weights_left", {"weights": kept[:, 0].tolist()}))


def layer_density(searched: Searched) -> xr.DataArray:
    """Fraction of each layer's weights kept, 0…1, dimensions (layer, round); beside the rounds ``sparsity``."""
    counts = weights_left(searched)
    density = counts / counts.sel(round=0)
    density = density.drop_attrs().rename("density").assign_coords(sparsity=("round", _sparsity(counts)))
    return labelled(density)


def block_density(searched: Searched) -> xr.DataArray:
    """Fraction of each block's weights kept, 0…1, dimensions (block, round); beside the rounds ``sparsity``."""
    counts = weights_left(searched)
    labels = list(dict.fromkeys(counts["block"].values.tolist()))
    sums = np.stack([counts.values[counts["block"].values == label].sum(axis=0) for label in labels])
    coords = {"block": labels, "round": counts["round"].values, "sparsity": ("round", _sparsity(counts))}
    return labelled(xr.DataArray(sums / sums[:, :1], coords, ("block", "round"), "density"))


def sparsity(searched: Searched) -> xr.DataArray:
    """Fraction of the prunable weights removed, 0…1, dimension round (0…``rounds``)."""
    counts = weights_left(searched)
    return labelled(xr.DataArray(_sparsity(counts), {"round": counts["round"].values}, ("round",), "sparsity"))


def _sparsity(counts: xr.DataArray) -> np.ndarray:
    total = counts.values.sum(axis=0)
    return np.asarray(1 - total / total[0])


def kernels_left(searched: Searched, layer: str, round: int) -> xr.DataArray:
    """Weights left in each kernel of one layer at one round: uint16, dimensions (out, in).

    A linear layer's kernels are single weights. Attributes: ``layer``, ``round``, ``kernel_size`` (weights per kernel).

    Raises:
        StoreError: if there is no such layer, or the round is not committed.
    """
    search = checked(searched, layer, round)
    mask = search.codes[layer] > round
    kernels = mask.reshape(*mask.shape[:2], -1)
    attrs = {"layer": layer, "round": round, "kernel_size": kernels.shape[2]}
    counts = kernels.sum(axis=2, dtype=np.uint16)
    return labelled(xr.DataArray(counts, dims=("out", "in"), name="weights_left", attrs=attrs))


def checked(searched: Searched, layer: str, round: int = 0) -> Search:
    """The search, if it has this layer and round.

    Raises:
        StoreError: if it has not.
    """
    given = searched if isinstance(searched, Search) else as_store(searched)
    search = read(given)
    where = given.name if isinstance(given, Search) else given.path
    if layer not in search.codes:
        raise StoreError(f"{where} has no layer '{layer}'; it has {', '.join(search.codes)}")
    if not 0 <= round <= search.rounds:
        raise StoreError(f"{where} has no round {round}; choose one from 0 to {search.rounds}")
    return search
