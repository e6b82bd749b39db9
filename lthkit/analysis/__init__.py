"""Analysis: searches become labelled arrays, everything from when each weight died, all rounds in one pass."""

from lthkit.analysis.agreement import agreement
from lthkit.analysis.curve import curve
from lthkit.analysis.density import block_density, kernels_left, layer_density, sparsity, weights_left
from lthkit.analysis.maps import difference_map, kernel_map, weight_map
from lthkit.analysis.overlap import like_for_like, overlap, overlaps
from lthkit.analysis.patterns import kernel_patterns
from lthkit.analysis.ratios import pooled
from lthkit.analysis.reach import reach, universal
from lthkit.analysis.removable import removable
from lthkit.analysis.searches import Search, Searched, read
from lthkit.analysis.verdict_table import verdict_table
from lthkit.analysis.verdicts import commensurate, matching, non_inferior
from lthkit.analysis.zeros import zeros

__all__ = [
    "Search",
    "Searched",
    "agreement",
    "block_density",
    "commensurate",
    "curve",
    "difference_map",
    "kernel_map",
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
    "removable",
    "sparsity",
    "universal",
    "verdict_table",
    "weight_map",
    "weights_left",
    "zeros",
]
