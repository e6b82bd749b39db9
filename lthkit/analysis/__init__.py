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
from lthkit.analysis.verdicts.highest import highest_sparsity
from lthkit.analysis.verdicts.rules import commensurate, matching, non_inferior
from lthkit.analysis.verdicts.table import verdict_table
from lthkit.analysis.verdicts.universal import universal

__all__ = [
    "Search",
    "Searched",
    "agreement",
    "block_density",
    "commensurate",
    "curve",
    "difference_cells",
    "highest_sparsity",
    "kernel_patterns",
    "kernels_left",
    "layer_density",
    "like_for_like",
    "matching",
    "non_inferior",
    "overlap",
    "overlaps",
    "pooled",
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
