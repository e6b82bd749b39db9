"""What one pruning costs: 52 tensors of ResNet-50, 23,445,504 weights."""

from torch.nn.utils import prune as torch_prune

from bench.measure import Measured, Row, ratio, timed
from lthkit import masks, models


def prune() -> Measured:
    """Exact global pruning of 20 % against torch's own, which is given its network back after each time."""
    network = models.build(models.ModelSpec(name="resnet50"), 1000, seed=0)
    weights = {name: network.get_parameter(name).detach().clone() for name in models.prunable(network)}
    dense = masks.dense(models.prunable(network))
    keep = masks.weights_left(masks.size(dense), 0.2, 1)
    pairs = [(network.get_submodule(name.removesuffix(".weight")), "weight") for name in weights]

    def theirs() -> None:
        torch_prune.global_unstructured(pairs, torch_prune.L1Unstructured, amount=0.2)

    def restore() -> None:
        for (module, name), weight in zip(pairs, weights.values(), strict=True):
            torch_prune.remove(module, name)
            module.get_parameter(name).data.copy_(weight)

    return ratio(timed(lambda: masks.prune(weights, dense, keep)), timed(theirs, restore))


ROWS = (Row("prune", 0.15, "one pruning of ResNet-50 ÷ torch.nn.utils.prune.global_unstructured", prune),)
