"""What cutting out gains: ResNet-18 with three of every four filters of each convolution removed, one image."""

from functools import partial

import torch

from bench.measure import Measured, Row, ratio, timed
from lthkit import cutting, granularity, masks, models

SHAPE = (3, 224, 224)
REMOVED = 0.75


def cut() -> Measured:
    """The network cut out against the dense one."""
    network = models.build(models.ModelSpec(name="resnet18"), 1000, seed=0).eval()
    prunable = models.prunable(network, first=True)
    weights = {name: network.get_parameter(name) for name in prunable}
    dense = masks.dense(prunable)
    keep = {name: round((1 - REMOVED) * len(mask)) for name, mask in dense.items()}
    ticket = granularity.prune_units(weights, dense, keep, "filter")
    small = cutting.cut_network(network, ticket, SHAPE)
    images = torch.randn(1, *SHAPE)
    with torch.inference_mode():
        return ratio(timed(partial(small, images)), timed(partial(network, images)))


ROWS = (Row("cut-filters", 0.4, "ResNet-18 cut to a quarter of its filters, one image of 224 pixels", "dense", cut),)
