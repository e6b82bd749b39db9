"""Tracing a network's channels step by step, by torch.fx.

A step that is not known to work channel by channel keeps all its channels, so what is found removable can really be
removed.
"""

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn.modules import batchnorm, dropout, instancenorm, padding, pooling

from lthkit.analysis.channels.dependencies import Dependencies, Layer, Signal
from lthkit.errors import LthkitError
from lthkit.models.prunable import CONVOLUTIONS

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
CHANNEL_MODULES = (
    *(batchnorm._BatchNorm, instancenorm._InstanceNorm, dropout._DropoutNd, nn.Identity, nn.Upsample),
    *(pooling._MaxPoolNd, pooling._AvgPoolNd, pooling._AdaptiveAvgPoolNd, pooling._AdaptiveMaxPoolNd),
    *(padding._ConstantPadNd, padding._ReflectionPadNd, padding._ReplicationPadNd),
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus),
    *(nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.LogSigmoid, nn.Softsign),
)
CHANNEL_FUNCTIONS = frozenset(
    (
        *("relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "elu", "selu", "gelu", "silu", "mish", "softplus"),
        *("sigmoid", "tanh", "hardtanh", "hardsigmoid", "hardswish", "abs", "exp", "sqrt", "neg", "pow", "clamp"),
        *("dropout", "dropout2d", "stochastic_depth", "contiguous", "clone", "to", "float", "detach", "interpolate"),
        *("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d"),
        *("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool2d"),
    )
)
REDUCTIONS = frozenset(("mean", "sum", "amax"))
PAIRWISE = frozenset(("add", "add_", "iadd", "sub", "mul", "mul_", "imul", "truediv", "div"))
IN_PLACE = frozenset(("iadd", "isub", "imul", "itruediv"))
JOINING = frozenset(("cat", "concat"))
RESHAPING = frozenset(("flatten", "view", "reshape", "squeeze"))
SHAPE = "lthkit_shape"


@dataclass(frozen=True)
class Trace:
    """A network step by step.

    Attributes:
        graph: its steps; modules are named as in the network.
        signals: the channels that come out of a step; absent of what is no tensor of channels.
        dependencies: which channels depend on each other.
        kept_whole: kinds of steps that are not known to work channel by channel, and how often they came.
    """

    graph: fx.Graph
    signals: dict[fx.Node, Signal]
    dependencies: Dependencies
    kept_whole: dict[str, int]


def trace(network: nn.Module, kernels: Mapping[str, np.ndarray], input_shape: tuple[int, ...]) -> Trace:
    """Which channels depend on each other as one input goes through the network.

    Args:
        network: any module that torch.fx can trace; it is neither run nor changed (a copy without values is).
        kernels: by module name, (out, in), which kernels have a weight left; all in layers not named.
        input_shape: of one input, (C, H, W).

    Raises:
        LthkitError: if the network cannot be traced or does not take this input.
    """
    kind = type(network).__name__
    graph = copy.deepcopy(network).eval().to("meta", torch.float32)
    try:
        traced = fx.symbolic_trace(graph)
    except Exception as error:
        raise LthkitError(
            f"torch.fx cannot follow {kind} ({_brief(error)}), so what could be cut out of it is not known; "
            "write its forward without branches on the data"
        ) from error
    _name_what_is_changed(traced)
    try:
        _Shapes(traced).run(torch.zeros(1, *input_shape, device="meta"))
    except Exception as error:
        raise LthkitError(f"{kind} does not take an input of shape {input_shape} ({_brief(error)})") from error
    tracer = _Tracer(traced, kernels)
    for node in traced.graph.nodes:
        tracer.step(node)
    return Trace(traced.graph, tracer.signals, tracer.dependencies, dict(tracer.kept_whole))


def _name_what_is_changed(traced: fx.GraphModule) -> None:
    """After a step in place, the tensor that it changed is known as what the step gives."""
    place = {node: number for number, node in enumerate(traced.graph.nodes)}
    modules = dict(traced.named_modules())
    for node in place:
        if node.all_input_nodes and _is_in_place(node, modules):
            later = [user for user in node.all_input_nodes[0].users if place[user] > place[node]]
            node.all_input_nodes[0].replace_all_uses_with(node, delete_user_cb=later.__contains__)


def _is_in_place(node: fx.Node, modules: Mapping[str, nn.Module]) -> bool:
    if node.op == "call_module":
        return bool(getattr(modules[str(node.target)], "inplace", False))
    name = name_of(node)
    return name in IN_PLACE or (name.endswith("_") and name[:1] != "_") or bool(node.kwargs.get("inplace"))


def _is_plain(value: Any) -> bool:
    """Whether a value is a number or a shape, which carries no channel's content."""
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return isinstance(value, (int, float, str, torch.dtype, torch.device, type(None)))


class _Shapes(fx.Interpreter):
    """Notes at each node what comes out: its shape, or () in place of several tensors; nothing for other values."""

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, torch.Tensor):
            n.meta[SHAPE] = tuple(result.shape)
        elif not _is_plain(result):
            n.meta[SHAPE] = ()
        return result


class _Tracer:
    """Steps through the nodes of a traced network and notes the signal of each."""

    def __init__(self, traced: fx.GraphModule, kernels: Mapping[str, np.ndarray]) -> None:
        self.dependencies, self.kernels = Dependencies(), kernels
        self.modules = dict(traced.named_modules())
        calls = [node.target for node in traced.graph.nodes if node.op == "call_module"]
        self.shared = {name for name in calls if calls.count(name) > 1}
        self.signals: dict[fx.Node, Signal] = {}
        self.kept_whole: Counter[str] = Counter()

    def step(self, node: fx.Node) -> None:
        if node.op in ("placeholder", "output"):
            self._keep_all(node)
        elif node.op == "call_module" and isinstance(self.modules[node.target], (*CONVOLUTIONS, nn.Linear)):
            self._layer(node)
        elif node.op != "get_attr":
            signal = self._passed(node)
            if signal is None:
                self._note(node)
                self._keep_all(node)
            else:
                self.signals[node] = signal

    def _keep_all(self, node: fx.Node) -> None:
        """Nothing is known of this step: all that goes in and comes out stays."""
        shape = shape_of(node)
        if shape is None and node.op != "output":
            return  # a size or another number that is no channel's content
        for source in node.all_input_nodes:
            if source in self.signals:
                self.dependencies.want(self.signals[source])
        if shape is not None and len(shape) > 1:
            self.signals[node] = self.dependencies.want(self.dependencies.fresh(shape[1]))

    def _note(self, node: fx.Node) -> None:
        """Note a step that keeps channels which came to it."""
        if shape_of(node) is not None and any(source in self.signals for source in node.all_input_nodes):
            what = type(self.modules[str(node.target)]).__name__ if node.op == "call_module" else name_of(node)
            self.kept_whole[what] += 1

    def _passed(self, node: fx.Node) -> Signal | None:
        """The signal after a step that works channel by channel; None for any other step."""
        shape, source = shape_of(node), source_of(node)
        given = self.signals.get(source) if source is not None else None
        if shape is None or len(shape) < 2 or given is None or source is None:
            return None
        if node.op == "call_module":
            module = self.modules[node.target]
            if isinstance(module, nn.Flatten):
                return _flattened(given, shape_of(source), shape)
            return given if isinstance(module, CHANNEL_MODULES) and shape[1] == len(given.ids) else None
        name = name_of(node)
        if name in RESHAPING:
            return _flattened(given, shape_of(source), shape)
        if name in JOINING:
            return self._joined(node)
        if name in PAIRWISE:
            return self._paired(node)
        fits = name in CHANNEL_FUNCTIONS or (name in REDUCTIONS and _over_places(node, source))
        return given if fits and shape[1] == len(given.ids) else None

    def _joined(self, node: fx.Node) -> Signal | None:
        axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        parts = [self.signals.get(source) for source in node.all_input_nodes]
        listed: Any = node.args[0] if node.args else node.kwargs.get("tensors")
        if axis != 1 or not isinstance(listed, (list, tuple)) or None in parts:
            return None
        known = [self.signals[source] for source in listed]
        return Signal(np.concatenate([part.ids for part in known]), np.concatenate([part.live for part in known]))

    def _paired(self, node: fx.Node) -> Signal | None:
        operands = [value for value in (*node.args, *node.kwargs.values()) if isinstance(value, fx.Node)]
        tensors = [value for value in operands if shape_of(value) is not None]
        signals = [self.signals.get(value) for value in tensors]
        shapes = [shape_of(value) or () for value in tensors]
        if None in signals or len({len(shape) for shape in shapes}) > 1 or len({shape[1] for shape in shapes}) > 1:
            return None
        result = self.signals[tensors[0]]
        for other in tensors[1:]:
            result = self.dependencies.tie(result, self.signals[other])
        return result

    def _layer(self, node: fx.Node) -> None:
        name, source = str(node.target), source_of(node)
        module: Any = self.modules[name]
        out, inner, kernel, transposed = _sizes(module)
        shape, below = shape_of(node) or (), shape_of(source) or () if source is not None else ()
        places = prod(shape[1:-1]) if isinstance(module, nn.Linear) else prod((below if transposed else shape)[2:])
        groups = getattr(module, "groups", 1)
        depthwise = groups == out == inner and groups > 1
        given = self.signals.get(source) if source is not None else None
        plain = (groups == 1 or depthwise) and name not in self.shared
        if given is None or not plain or (isinstance(module, nn.Linear) and len(shape) != 2):
            self._note(node)
            self._keep_all(node)
            outputs, inputs = (self.dependencies.want(self.dependencies.fresh(count)) for count in (out, inner))
            alive, depthwise = np.ones((out, inner), bool), False
        else:
            alive = self.kernels.get(name, np.ones((out, 1 if depthwise else inner), bool))
            alive = alive.T if transposed and not depthwise else alive
            inputs = given
            outputs = self._through(alive.reshape(out, -1), given, depthwise)
            self.signals[node] = outputs
        self.dependencies.layers.append(Layer(name, alive, inputs, outputs, depthwise, kernel, groups, places))

    def _through(self, alive: np.ndarray, given: Signal, depthwise: bool) -> Signal:
        if depthwise:
            return Signal(given.ids, given.live & alive[:, 0])
        return self.dependencies.fresh(len(alive), (alive & given.live).any(axis=1))


def _sizes(module: Any) -> tuple[int, int, int, bool]:
    """Output and input channels, weights per kernel, and whether the weight's first axis is the input."""
    if isinstance(module, nn.Linear):
        return module.out_features, module.in_features, 1, False
    return module.out_channels, module.in_channels, prod(module.kernel_size), isinstance(module, TRANSPOSED)


def name_of(node: fx.Node) -> str:
    """What a step calls, by its own name."""
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


def shape_of(node: fx.Node | None) -> tuple[int, ...] | None:
    """Of what comes out of a step, for one input; None of what is no tensor."""
    return node.meta.get(SHAPE) if node is not None else None


def source_of(node: fx.Node) -> fx.Node | None:
    """The first tensor that goes into a step, also out of a list."""
    return next((source for source in node.all_input_nodes if shape_of(source) is not None), None)


def _flattened(given: Signal, before: tuple[int, ...] | None, after: tuple[int, ...]) -> Signal | None:
    """Channels of (B, C, …) in (B, C · …)."""
    if before is None or len(before) < 2 or after != (before[0], prod(before[1:])):
        return None
    times = prod(before[2:])
    return Signal(np.repeat(given.ids, times), np.repeat(given.live, times))


def _over_places(node: fx.Node, source: fx.Node) -> bool:
    """Whether a reduction leaves the axes of batch and channels."""
    axes = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    length = len(shape_of(source) or ())
    listed = [axes] if isinstance(axes, int) else axes
    return isinstance(listed, (list, tuple)) and all(isinstance(axis, int) and axis % length > 1 for axis in listed)


def _brief(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:160].rstrip(". ")
