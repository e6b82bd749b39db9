"""The graph of a masked network, rewritten without the channels that are cut."""

import operator
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from lthkit.analysis.channels.trace import JOINING, RESHAPING, Trace, name_of, source_of
from lthkit.cutting.constants import Constants
from lthkit.cutting.parts import channelwise_part, is_layer, layer_part, with_bias

_OUT_OF_PLACE: dict[Any, Any] = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}


class Cutter:
    """Cuts a masked network.

    Args:
        whole: the network, masked, in evaluation mode; the cut one shares nothing with it that is changed.
        traced: its steps.
        images: (1, C, H, W), any.

    Attributes:
        facts: how many output channels layers have, how many of them are cut, and how many values for each place were
            added.
    """

    def __init__(self, whole: nn.Module, traced: Trace, images: Tensor) -> None:
        self._signals, self._dependencies = traced.signals, traced.dependencies
        self._network = fx.GraphModule(whole, traced.graph)
        self._modules = dict(self._network.named_modules())
        self._layers = {node: source for node in traced.graph.nodes if (source := self._layer_source(node)) is not None}
        self._kept = traced.dependencies.kept()
        dead = [node for node, signal in traced.signals.items() if not signal.live.all()]
        self._constants = Constants(self._network, dead, images)
        self.facts: dict[str, Any] = {"channels": 0, "channels_cut": 0, "terms": 0}

    def keep_at_borders(self) -> None:
        """Keep channels that hold what would differ at a border, until none of them is cut."""
        found = True
        while found:
            found = False
            for node, source in self._layers.items():
                added = self._added(node, source)
                if added is not None and not self._is_flat(added):
                    something = self._constants.of(source).flatten(2).any(2)[0].cpu().numpy()
                    self._dependencies.wanted.append(self._signals[source].ids[self._gone(source) & something])
                    found = True
            self._kept = self._dependencies.kept()

    def cut(self) -> fx.GraphModule:
        """The network without them."""
        graph = self._network.graph
        parts = {node: self._part(node) for node in graph.nodes if node.op == "call_module"}
        terms: dict[fx.Node, Tensor] = {}
        for node, source in self._layers.items():
            added = self._added(node, source)
            if added is not None and self._is_flat(added):
                parts[node] = with_bias(parts[node], added.reshape(*added.shape[:2], -1)[0].mean(1))
            elif added is not None:
                terms[node] = added
        for node in list(graph.nodes):
            if self._is_constant(node):
                self._hold(node)
            elif node in terms:
                self._add_term(node, terms[node])
            elif node in self._signals:
                self._fit(node)
        for node, part in parts.items():
            owner, _, name = str(node.target).rpartition(".")
            setattr(self._network.get_submodule(owner), name, part)
        graph.eliminate_dead_code()
        self._network.delete_all_unused_submodules()
        graph.lint()
        self._network.recompile()
        return self._network

    def _layer_source(self, node: fx.Node) -> fx.Node | None:
        """What goes into a layer whose channels are known; None of other steps."""
        if node.op != "call_module" or node not in self._signals or not is_layer(self._modules[str(node.target)]):
            return None
        source = source_of(node)
        return source if source in self._signals else None

    def _chosen(self, node: fx.Node) -> np.ndarray:
        return self._kept[self._signals[node].ids]

    def _gone(self, source: fx.Node) -> np.ndarray:
        """Which channels are cut that hold the same for every input."""
        return ~self._chosen(source) & ~self._signals[source].live

    def _part(self, node: fx.Node) -> nn.Module:
        """The module of a step, of the channels that are kept."""
        module = self._modules[str(node.target)]
        if node not in self._signals:
            return module
        chosen = torch.from_numpy(self._chosen(node))
        if not is_layer(module):
            return channelwise_part(module, chosen)
        self.facts["channels"] += len(chosen)
        self.facts["channels_cut"] += int((~chosen).sum())
        source = self._layers.get(node)
        return module if source is None else layer_part(module, chosen, torch.from_numpy(self._chosen(source)))

    def _added(self, node: fx.Node, source: fx.Node) -> Tensor | None:
        """What cut inputs give to a layer's kept outputs, (1, out, …), float64; None for nothing."""
        layer: Any = self._modules[str(node.target)]
        chosen, gone = torch.from_numpy(self._chosen(node)), self._gone(source)
        if not gone.any() or not chosen.any() or getattr(layer, "groups", 1) > 1:
            return None
        values = self._constants.of(source).clone()
        values[:, torch.from_numpy(~gone)] = 0
        if not values.any():
            return None
        rows = layer_part(layer, chosen, torch.ones(len(gone), dtype=torch.bool)).double()
        with torch.no_grad():
            added: Tensor = rows(values) - rows(torch.zeros_like(values))
        return added if added.any() else None

    def _is_flat(self, added: Tensor) -> bool:
        """Whether it is the same at all places."""
        places = added.reshape(*added.shape[:2], -1)
        spread = (places.amax(2) - places.amin(2)).max()
        return bool(spread <= self._constants.noise * places.abs().max().clamp(min=1))

    def _is_constant(self, node: fx.Node) -> bool:
        """Whether all that is kept of a step is the same for every input."""
        signal = self._signals.get(node)
        if signal is None or node.op == "placeholder":
            return False
        chosen = self._kept[signal.ids]
        return bool(chosen.any() and not signal.live[chosen].any())

    def _hold(self, node: fx.Node) -> None:
        """In place of a step that gives the same for every input, what it gives."""
        value = self._constants.of(node)[:, torch.from_numpy(self._chosen(node))]
        graph, held = self._network.graph, self._buffer(node, value)
        first = next(one for one in graph.nodes if one.op == "placeholder")
        with graph.inserting_after(held):
            count = graph.call_method("size", (first, 0))
        with graph.inserting_after(count):
            wide = graph.call_method("expand", (held, count, *[-1] * (value.ndim - 1)))
        for user in node.users:
            if user.args and user.args[0] is node:  # must not change what is held
                user.target = _OUT_OF_PLACE.get(user.target, user.target)
                if user.op == "call_method":
                    user.target = str(user.target).rstrip("_")
                elif user.kwargs.get("inplace"):
                    user.kwargs = {**user.kwargs, "inplace": False}
        node.replace_all_uses_with(wide)

    def _add_term(self, node: fx.Node, added: Tensor) -> None:
        """Behind a layer, a value for each place."""
        self.facts["terms"] += 1
        held = self._buffer(node, added)
        with self._network.graph.inserting_after(held):
            total = self._network.graph.call_function(operator.add, (node, held))
        node.replace_all_uses_with(total, delete_user_cb=lambda user: user is not total)

    def _buffer(self, node: fx.Node, value: Tensor) -> fx.Node:
        name = f"held_{node.name}"
        self._network.register_buffer(name, value.to(next(self._network.parameters())))
        with self._network.graph.inserting_after(node):
            return self._network.graph.get_attr(name)

    def _fit(self, node: fx.Node) -> None:
        """A step whose arguments tell of channels."""
        name = name_of(node)
        if name in JOINING:
            listed: Any = node.args[0] if node.args else node.kwargs["tensors"]
            parts = [part for part in listed if self._chosen(part).any()]
            if node.args:
                node.args = (parts, *node.args[1:])
            else:
                node.kwargs = {**node.kwargs, "tensors": parts}
        elif node.op != "call_module" and name in RESHAPING and not self._chosen(node).all():
            node.op, node.target = "call_function", torch.flatten
            node.args, node.kwargs = (source_of(node), 1), {}
