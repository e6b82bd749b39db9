"""What counts say: sums over layers, and the ratios that follow from them."""

import numpy as np
import xarray as xr

from lthkit.analysis.labels import labelled

RATIOS = ("union", "hamming", "jaccard", "chance_layers", "times_chance", "share", "chance")


def pooled(counts: xr.Dataset, by: str | None = None) -> xr.Dataset:
    """Counts summed over layers, and their ratios made anew.

    Args:
        counts: what ``overlap``, ``zero_kernels`` or ``agreement`` gives, with the dimension layer.
        by: a label of the layers (``block``, ``kind``, ``kernel``), which becomes the dimension; None sums all.
    """
    bare = counts.drop_vars([name for name in RATIOS if name in counts])
    summed = bare[[name for name, values in bare.items() if "layer" in values.dims]]
    if by is None:
        total = summed.sum("layer", keep_attrs=True)
    else:
        labels = list(dict.fromkeys(counts[by].values.tolist()))
        parts = [summed.isel(layer=np.flatnonzero(counts[by].values == label)).sum("layer") for label in labels]
        total = xr.concat(parts, xr.Variable(by, labels)).assign_attrs(counts.attrs)
    rest = bare[[name for name, values in bare.items() if "layer" not in values.dims]]
    return with_ratios(total.merge(rest)).assign_attrs(counts.attrs)


def with_ratios(counts: xr.Dataset) -> xr.Dataset:
    """The same dataset, labelled, with the ratios of whatever it counts; a ratio of nothing (no weight left) is NaN."""
    return labelled(_overlap(counts) if "intersection" in counts else _shares(counts))


def _overlap(counts: xr.Dataset) -> xr.Dataset:
    both, expected = counts["intersection"], counts["expected"]
    either = counts["left_a"] + counts["left_b"] - both
    by_chance = counts["left_a"] + counts["left_b"] - expected
    jaccard, by_layers = divided(both, either), divided(expected, by_chance)
    derived = {
        "union": either.transpose(*both.dims),
        "hamming": (either - both).transpose(*both.dims),
        "jaccard": jaccard,
        "chance_layers": by_layers,
        "times_chance": divided(jaccard, by_layers),
    }
    return counts.assign(derived)


def _shares(counts: xr.Dataset) -> xr.Dataset:
    return counts.assign(
        share=divided(counts["counted"], counts["units"]), chance=divided(counts["expected"], counts["units"])
    )


def divided(part: xr.DataArray, whole: xr.DataArray) -> xr.DataArray:
    """``part / whole`` in ``part``'s order of dimensions, NaN where ``whole`` is 0."""
    return (part / whole.where(whole > 0)).transpose(*part.dims)
