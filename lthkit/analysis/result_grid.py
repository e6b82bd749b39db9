"""Results of many runs as one grid, and the dense runs in it."""

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from lthkit.errors import LthkitError

SUBNETWORK = ("source", "weights", "target", "mask", "round")
CURVE = SUBNETWORK[:4]
DIMENSIONS = (*SUBNETWORK, "search_seed", "training_seed")
DENSE = "dense"

_MEASURED = ("score", "best_step", "least_loss_step")


def checked(results: xr.Dataset) -> xr.Dataset:
    """The results in the order of ``DIMENSIONS``, with NaN for what was not measured.

    Raises:
        LthkitError: naming a dimension, variable or attribute that is missing, or if there is no run at all.
    """
    for name in DIMENSIONS:
        if name not in results.dims or name not in results.coords:
            raise LthkitError(
                f"the results have no dimension '{name}' with labels; give all of {', '.join(DIMENSIONS)}"
            )
    for name in ("score", "sparsity"):
        if name not in results:
            raise LthkitError(f"the results have no variable '{name}'; collect them with score and sparsity")
    for name in ("metric", "higher_is_better"):
        if name not in results.attrs:
            raise LthkitError(f"the results do not say '{name}'; set it as an attribute")
    if not np.isfinite(results["score"].values).any():
        raise LthkitError("the results hold no run at all; train something first")
    absent = {name: xr.full_like(results["score"], np.nan, float) for name in _MEASURED if name not in results}
    order = {name: results.indexes[name] for name in DIMENSIONS}
    filled = results.assign(absent)[[*_MEASURED, "sparsity"]]
    shaped = {
        name: filled[name].expand_dims({d: order[d] for d in DIMENSIONS if d not in filled[name].dims})
        for name in filled
    }
    return xr.Dataset({name: values.transpose(*DIMENSIONS) for name, values in shaped.items()}, attrs=results.attrs)


def subnetworks(runs: xr.Dataset) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Every subnetwork that was run or could be expected to be, with its runs as (search seed, training seed).

    Expected is a round on a curve (source, weights, target, mask) that has a run, if the mask was run at that round
    on any curve.
    """
    measured = {name: runs[name].values for name in (*_MEASURED, "sparsity")}
    labels = {name: runs[name].values.tolist() for name in SUBNETWORK}
    ran = np.isfinite(measured["score"]).any(axis=(-2, -1))
    expected = ran.any(axis=(0, 1, 2)) & ran.any(axis=4, keepdims=True)
    for at in product(*(range(len(values)) for values in labels.values())):
        place: dict[str, Any] = {name: labels[name][index] for name, index in zip(SUBNETWORK, at, strict=True)}
        if expected[at]:
            here = {name: measured[name][at] for name in measured}
            removed = here["sparsity"][np.isfinite(here["sparsity"])]
            yield place | {"sparsity": float(np.median(removed)) if removed.size else math.nan}, here


class Dense:
    """The dense runs of a data set of results (as ``checked`` gives), each counted once."""

    def __init__(self, runs: xr.Dataset) -> None:
        self.labels = {name: runs[name].values.tolist() for name in SUBNETWORK}
        self.measured = {name: runs[name].values for name in _MEASURED}

    def runs(self, source: str, target: str, weights: str) -> dict[str, Any]:
        """Scores and steps of the dense network trained from ``weights`` (empty if there is none), and ``repeated``."""
        place = {"source": source, "weights": weights, "target": target, "mask": DENSE, "round": 0}
        if any(label not in self.labels[name] for name, label in place.items()):
            return {name: np.array([]) for name in _MEASURED} | {"repeated": 0}
        at = tuple(self.labels[name].index(label) for name, label in place.items())
        return _once({name: values[at] for name, values in self.measured.items()})


def _once(runs: dict[str, np.ndarray]) -> dict[str, Any]:
    """Runs (search seed, training seed) in one row; equal ones of a training seed once, none of a seed as NaN."""
    columns = np.stack([runs[name] for name in _MEASURED], axis=-1)
    rows: list[np.ndarray] = []
    for found in columns.transpose(1, 0, 2):
        known = {row.tobytes(): row for row in found[np.isfinite(found[:, 0])]}
        rows += list(known.values()) or [np.full(len(_MEASURED), np.nan)]
    kept = np.stack(rows)
    repeated = np.isfinite(columns[..., 0]).sum() - np.isfinite(kept[:, 0]).sum()
    return dict(zip(_MEASURED, kept.T, strict=True)) | {"repeated": int(repeated)}
