"""How many weights are left: in all, by layer, by kernel; every round from one reading of the codes."""

import numpy as np
import xarray as xr

from lthkit.errors import StoreError
from lthkit.store import Store


def weights_left(store: Store) -> xr.DataArray:
    """Weights left, dimensions (layer, round), rounds 0…``store.rounds``, layers in manifest order.

    The attribute ``weights`` has each layer's size. A weight of code c is left in the rounds before c: one
    histogram a layer and its cumulative sum give all rounds.
    """
    codes = store.codes()
    died = np.stack([np.bincount(code.ravel(), minlength=256) for code in codes.values()])
    sizes = died.sum(axis=1)
    left = sizes[:, None] - np.cumsum(died, axis=1)[:, : store.rounds + 1]
    coords = {"layer": list(codes), "round": np.arange(store.rounds + 1)}
    return xr.DataArray(left, coords, ("layer", "round"), "weights_left", {"weights": sizes.tolist()})


def layer_density(store: Store) -> xr.DataArray:
    """Fraction of each layer's weights kept, 0…1, dimensions (layer, round)."""
    left = weights_left(store)
    density = left / xr.DataArray(left.attrs["weights"], dims="layer")
    return density.rename("density")


def sparsity(store: Store) -> xr.DataArray:
    """Fraction of the prunable weights removed, 0…1, dimension round (0…``store.rounds``)."""
    left = weights_left(store)
    removed = 1 - left.sum("layer") / sum(left.attrs["weights"])
    return removed.rename("sparsity")


def kernels_left(store: Store, layer: str, round: int) -> xr.DataArray:
    """Weights left in each kernel of one layer at one round: uint16, dimensions (out, in).

    A linear layer's kernels are single weights. Attributes: ``layer``, ``round``, ``kernel_size`` (weights a kernel).

    Raises:
        StoreError: if there is no such layer, or the round is not committed.
    """
    if layer not in store.parameters:
        raise StoreError(f"{store.path} has no layer '{layer}'; it has {', '.join(store.parameters)}")
    mask = store.masks(round)[layer]
    kernels = mask.reshape(*mask.shape[:2], -1)
    attrs = {"layer": layer, "round": round, "kernel_size": kernels.shape[2]}
    left = kernels.sum(axis=2, dtype=np.uint16)
    return xr.DataArray(left, dims=("out", "in"), name="weights_left", attrs=attrs)
