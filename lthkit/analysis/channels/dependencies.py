"""How channels run through a network: which depend on its input, and which must be kept or cut together.

Channels that an element-wise step, normalisation, pooling or addition ties to each other form one class: to remain an
ordinary dense network, all of a class are cut or none.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Signal:
    """The channels of one tensor: their classes, and which depend on the network's input."""

    ids: np.ndarray
    live: np.ndarray


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer in the network.

    Attributes:
        name: of the module.
        alive: (out, in), kernels with a weight left.
        inputs: signal that goes in.
        outputs: signal that comes out.
        depthwise: each output channel is tied to the input channel of the same number.
        kernel: weights per kernel.
        groups: of a grouped convolution, all of whose channels are kept; else 1.
        places: at how many places of one input each weight is applied.
    """

    name: str
    alive: np.ndarray
    inputs: Signal
    outputs: Signal
    depthwise: bool
    kernel: int
    groups: int
    places: int


@dataclass
class Dependencies:
    """All layers in order of the computation, and the classes of all channels."""

    layers: list[Layer] = field(default_factory=list)
    wanted: list[np.ndarray] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)

    def fresh(self, count: int, live: np.ndarray | None = None) -> Signal:
        """A signal of new classes."""
        first = len(self.parents)
        self.parents.extend(range(first, first + count))
        return Signal(np.arange(first, first + count), np.ones(count, bool) if live is None else live)

    def want(self, signal: Signal) -> Signal:
        """The same signal, all its channels to be kept."""
        self.wanted.append(signal.ids)
        return signal

    def root(self, channel: int) -> int:
        """The class that a channel belongs to."""
        while self.parents[channel] != channel:
            self.parents[channel] = self.parents[self.parents[channel]]
            channel = self.parents[channel]
        return channel

    def tie(self, a: Signal, b: Signal) -> Signal:
        """Channels of equal number in one class; the result depends on the input where either does."""
        for one, other in zip(a.ids.tolist(), b.ids.tolist(), strict=True):
            self.parents[self.root(one)] = self.root(other)
        return Signal(b.ids, a.live | b.live)

    def kept(self) -> np.ndarray:
        """By channel: whether it has to be kept, because of what it is needed for, in the end the network's output.

        The least set such that: wanted channels are in it; with a layer's output all inputs that depend on the
        network's input and reach it through a weight that is left; with a channel all of its class.
        """
        roots = np.array([self.root(channel) for channel in range(len(self.parents))])
        kept = np.zeros(len(roots), bool)
        for ids in self.wanted:
            kept[roots[ids]] = True
        before = -1
        while before != (before := int(kept.sum())):
            for layer in reversed([layer for layer in self.layers if not layer.depthwise]):
                used = layer.alive[kept[roots[layer.outputs.ids]]].any(axis=0) & layer.inputs.live
                kept[roots[layer.inputs.ids[used]]] = True
        return kept[roots]
