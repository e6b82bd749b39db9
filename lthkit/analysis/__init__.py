"""Analysis: searches become labelled arrays, everything from when each weight died, all rounds in one pass."""

from lthkit.analysis.channels.removable import removable_channels
from lthkit.analysis.curve import curve
from lthkit.analysis.masks.agreement import agreement
from lthkit.analysis.masks.cells import difference_cells, weight_cells, zero_kernel_cells
from lthkit.analysis.masks.density import block_density, kernels_left, layer_density, sparsity, weights_left
from lthkit.analysis.masks.overlap import like_for_like, overlap, overlaps
from lthkit.analysis.masks.patterns import kernel_patterns
from lthkit.analysis.masks.ratios import pooled
from lthkit.analysis.masks.searches import Search, Searched, read
from lthkit.analysis.masks.zero_kernels import zero_kernels
from lthkit.analysis.reach import reach, universal
from lthkit.analysis.verdict_table import verdict_table
from lthkit.analysis.verdicts import commensurate, matching, non_inferior

__all__ = [
    "Search",
    "Searched",
    "agreement",
    "block_density",
    "commensurate",
    "curve",
    "difference_cells",
    "kernel_patterns",
    "kernels_left",
    "layer_density",
    "like_for_like",
    "matching",
    "non_inferior",
    "overlap",
    "overlaps",
    "pooled",
    "reach",
    "read",
    "removable_channels",
    "sparsity",
    "universal",
    "verdict_table",
    "weight_cells",
    "weights_left",
    "zero_kernel_cells",
    "zero_kernels",
]
