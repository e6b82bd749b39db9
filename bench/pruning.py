"""What one pruning costs: 52 tensors of ResNet-50, 23,445,504 weights."""

import copy

from torch import nn
from torch.nn.utils import prune as torch_prune

from bench.measure import Measured, Row, Side, ratio, timed
from lthkit import masks, models

RATE = 0.2


def prune() -> Measured:
    """Exact global pruning of 20 % against torch's own."""
    network = models.build(models.ModelSpec(name="resnet50"), 1000, seed=0)
    dense = masks.dense(models.prunable(network))
    weights = {name: network.get_parameter(name).detach() for name in dense}
    keep = masks.weights_left(masks.size(dense), RATE, 1)
    ours = timed(lambda: masks.prune(weights, dense, keep))
    # torch works on a network of its own, because it replaces the parameters
    return ratio(ours, global_unstructured(copy.deepcopy(network)))


def global_unstructured(network: nn.Module) -> Side:
    """A side that prunes by torch, and gives the network its weights back outside the time."""
    weights = {name: network.get_parameter(name).detach().clone() for name in models.prunable(network)}
    modules = [network.get_submodule(name.removesuffix(".weight")) for name in weights]
    pairs = [(module, "weight") for module in modules]

    def work() -> None:
        torch_prune.global_unstructured(pairs, torch_prune.L1Unstructured, amount=RATE)

    def restore() -> None:
        for module, weight in zip(modules, weights.values(), strict=True):
            torch_prune.remove(module, "weight")
            module.get_parameter("weight").data.copy_(weight)

    return timed(work, restore)


_TORCH = "torch.nn.utils.prune.global_unstructured"
ROWS = (Row("prune", 0.15, "one pruning of ResNet-50", _TORCH, prune),)
