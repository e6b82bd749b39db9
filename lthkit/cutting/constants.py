"""What channels that do not depend on the input hold: read from one pass through the masked network."""

import copy
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, fx

# how far what is the same at all places may differ between them, relative to its size, by the precision of the pass
_NOISE = {torch.float64: 1e-10, torch.float32: 1e-6}


class Constants:
    """The output of chosen steps for one input, in double precision where the network allows it.

    Args:
        network: as a graph, masked, in evaluation mode; not changed.
        nodes: whose outputs are read.
        images: (1, C, H, W), any.
    """

    def __init__(self, network: fx.GraphModule, nodes: Collection[fx.Node], images: Tensor) -> None:
        names = {node.name for node in nodes}
        try:
            self._seen = _read(copy.deepcopy(network).double(), names, images.double())
            self.noise = _NOISE[torch.float64]
        except (RuntimeError, TypeError):  # a step that insists on single precision
            self._seen = _read(network, names, images)
            self.noise = _NOISE[torch.float32]

    def of(self, node: fx.Node) -> Tensor:
        """(1, C, …), float64; true only of channels that do not depend on the input."""
        return self._seen[node.name].double()


def _read(network: fx.GraphModule, names: Collection[str], images: Tensor) -> dict[str, Tensor]:
    seen: dict[str, Tensor] = {}

    class Reader(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            result = super().run_node(n)
            if n.name in names:
                seen[n.name] = result.clone()  # a later step may work in place
            return result

    with torch.no_grad():
        Reader(network).run(images)
    return seen
