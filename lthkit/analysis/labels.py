"""What each array and coordinate is called in figures and tables, and in which unit it is: ``long_name``, ``units``."""

from collections.abc import Mapping
from typing import TypeVar

import xarray as xr

Labelled = TypeVar("Labelled", xr.DataArray, xr.Dataset)

# Units as in the CF conventions: "1" for fractions and plain numbers, else what is counted. One name may stand for
# the same thing as a share and as a count; what is not the usual unit is said where the array is made.
LABELS: Mapping[str, tuple[str, str]] = {
    "block": ("block", "1"),
    "column": ("cell", "1"),
    "counted": ("counted", "1"),
    "chance": ("share by chance", "1"),
    "chance_global": ("overlap by chance at the networks' densities", "1"),
    "chance_layers": ("overlap by chance at the layers' densities", "1"),
    "density": ("weights left", "1"),
    "difference": ("difference", "1"),
    "expected": ("expected by chance", "1"),
    "first_input": ("first input channel", "1"),
    "hamming": ("weights left in exactly one", "weights"),
    "height": ("row of the kernel", "1"),
    "in": ("input channel", "1"),
    "input": ("input channel", "1"),
    "inputs": ("input channels", "channels"),
    "inputs_removed": ("removed input channels", "channels"),
    "intersection": ("weights left in both", "weights"),
    "jaccard": ("left in both ÷ left in either", "1"),
    "kept_by_all": ("weights left in all", "weights"),
    "kept_by_any": ("weights left in any", "weights"),
    "kernel": ("kernel", "1"),
    "kind": ("kind of kernel", "1"),
    "last_input": ("last input channel", "1"),
    "layer": ("layer", "1"),
    "left_a": ("weights left in a", "weights"),
    "left_b": ("weights left in b", "weights"),
    "multiply_adds": ("multiply-adds per input", "operations"),
    "multiply_adds_removed": ("removed multiply-adds per input", "operations"),
    "out": ("output channel", "1"),
    "output": ("output channel", "1"),
    "outputs": ("output channels", "channels"),
    "outputs_dead": ("dead output channels", "channels"),
    "outputs_removed": ("removed output channels", "channels"),
    "pair": ("pair of searches", "1"),
    "pair_chance": ("overlap by chance at the layers' densities", "1"),
    "pair_jaccard": ("left in both ÷ left in either", "1"),
    "part": ("part", "1"),
    "pruned_at": ("died in round", "1"),
    "round": ("round", "1"),
    "round_a": ("round of a", "1"),
    "round_b": ("round of b", "1"),
    "row": ("cell", "1"),
    "score": ("score", "1"),
    "best_step": ("steps to the best evaluation", "steps"),
    "search": ("search", "1"),
    "search_sparsity": ("prunable weights removed", "1"),
    "share": ("share", "1"),
    "sparsity": ("prunable weights removed", "1"),
    "sparsity_a": ("prunable weights removed in a", "1"),
    "sparsity_b": ("prunable weights removed in b", "1"),
    "times_chance": ("overlap ÷ chance", "1"),
    "union": ("weights left in either", "weights"),
    "unit": ("unit", "1"),
    "units": ("units", "1"),
    "validation": ("validation score", "1"),
    "wall_time": ("wall time", "s"),
    "weights": ("weights", "weights"),
    "weights_left": ("weights left", "weights"),
    "weights_removed": ("removed weights", "weights"),
    "width": ("column of the kernel", "1"),
    "zero_kernels": ("completely zero kernels", "kernels"),
}


METRICS = {"mean_iou": "mean IoU", "pixel_accuracy": "pixel accuracy"}
"""How metrics are written whose names are not words."""


def metric_name(metric: str, first: bool = False) -> str:
    """A metric in words; ``first``: as the first word of a title."""
    name = METRICS.get(metric, metric)
    return name[:1].upper() + name[1:] if first else name


def score_name(metric: str, test_share: float = 1.0) -> str:
    """What scores are called: ``test accuracy``; of a quick look ``accuracy on 10 % of the test split``."""
    name = metric_name(metric)
    return f"test {name}" if test_share == 1 else f"{name} on {100 * test_share:g} % of the test split"


def labelled(array: Labelled, **names: tuple[str, str]) -> Labelled:
    """The same array or dataset with ``long_name`` and ``units`` on itself, its variables and its coordinates,
    as far as they are known.

    Args:
        array: changed in place, and returned.
        names: name and unit of variables where they are not those of ``LABELS``.
    """
    variables = dict(array.coords)
    variables |= dict(array.data_vars) if isinstance(array, xr.Dataset) else {array.name: array}
    for name in variables.keys() & (LABELS.keys() | names.keys()):
        long_name, units = names.get(str(name)) or LABELS[str(name)]
        variables[name].attrs |= {"long_name": long_name, "units": units}
    return array
