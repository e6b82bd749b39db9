"""Arrays become plotly figures; nothing here shows them or reads from disk."""

from lthkit.plots.against import scores_against
from lthkit.plots.animation import animation
from lthkit.plots.connectivity import barriers, barriers_between_rounds, early_bird_map
from lthkit.plots.curves import sparsity_curve, training_curves
from lthkit.plots.densities import block_densities, density_heat
from lthkit.plots.latency import score_against_latency
from lthkit.plots.layer_sensitivity import layer_sensitivity
from lthkit.plots.layers import kernel_heatmap, layer_densities
from lthkit.plots.maps import difference_map, weight_map, zero_kernels_map
from lthkit.plots.panels import Reference, score_panels
from lthkit.plots.paper import paper
from lthkit.plots.patterns import kernel_grid
from lthkit.plots.per_class import per_class
from lthkit.plots.png import png
from lthkit.plots.predictions import predictions
from lthkit.plots.results import results_curves
from lthkit.plots.save import save
from lthkit.plots.sensitivity import sensitivity_bars
from lthkit.plots.sensitivity_curves import sensitivity_curves
from lthkit.plots.similarity import overlap_by_layer, overlap_curve, overlap_matrix
from lthkit.plots.theme import config
from lthkit.plots.verdict_map import verdict_map
from lthkit.plots.zero_kernels import zero_kernels_curve

__all__ = [
    "Reference",
    "animation",
    "barriers",
    "barriers_between_rounds",
    "block_densities",
    "config",
    "density_heat",
    "difference_map",
    "early_bird_map",
    "kernel_grid",
    "kernel_heatmap",
    "layer_densities",
    "layer_sensitivity",
    "overlap_by_layer",
    "overlap_curve",
    "overlap_matrix",
    "paper",
    "per_class",
    "png",
    "predictions",
    "results_curves",
    "save",
    "score_against_latency",
    "score_panels",
    "scores_against",
    "sensitivity_bars",
    "sensitivity_curves",
    "sparsity_curve",
    "training_curves",
    "verdict_map",
    "weight_map",
    "zero_kernels_curve",
    "zero_kernels_map",
]
