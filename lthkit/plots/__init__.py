"""Arrays become plotly figures; nothing here shows them or reads from disk."""

from lthkit.plots.curves import sparsity_curve, training_curves
from lthkit.plots.layers import kernel_heatmap, layer_densities
from lthkit.plots.png import png
from lthkit.plots.save import save
from lthkit.plots.theme import config

__all__ = ["config", "kernel_heatmap", "layer_densities", "png", "save", "sparsity_curve", "training_curves"]
