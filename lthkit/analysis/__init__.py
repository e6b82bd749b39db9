"""Analysis: stores become labelled arrays."""

from lthkit.analysis.curve import curve
from lthkit.analysis.density import kernels_left, layer_density, sparsity, weights_left

__all__ = ["curve", "kernels_left", "layer_density", "sparsity", "weights_left"]
