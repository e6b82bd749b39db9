"""A plotly figure as plain dictionaries: arrays decoded, the template's defaults filled in."""

import base64
from typing import Any

import numpy as np
import plotly.graph_objects as go

Spec = dict[str, Any]


def spec_of(figure: go.Figure) -> tuple[list[Spec], Spec]:
    """The traces that are visible and the layout, each with its template's defaults beneath."""
    plain = decode(figure.to_plotly_json())
    layout = plain.get("layout", {})
    template = layout.pop("template", {})
    defaults = template.get("layout", {})
    layout = merge({key: value for key, value in defaults.items() if key not in ("xaxis", "yaxis")}, layout)
    axes = {key for key in layout if key.startswith(("xaxis", "yaxis"))} | _axes_used(plain["data"])
    for key in axes:
        layout[key] = merge(defaults.get(key[:5], {}), layout.get(key, {}))
    traces = [_with_defaults(trace, template) for trace in plain["data"]]
    return [trace for trace in traces if trace.get("visible", True) is True], layout


def _with_defaults(trace: Spec, template: Spec) -> Spec:
    defaults = template.get("data", {}).get(trace.get("type", "scatter"), [{}])
    return merge(defaults[0], trace) if defaults else trace


def _axes_used(traces: list[Spec]) -> set[str]:
    used = {"xaxis", "yaxis"} if not traces else set()
    for trace in traces:
        used |= {axis_key(trace.get("xaxis", "x")), axis_key(trace.get("yaxis", "y"))}
    return used


def axis_key(name: str) -> str:
    """``x2`` → ``xaxis2``: the layout's key of a trace's axis."""
    return f"{name[0]}axis{name[1:]}"


def axis_name(key: str) -> str:
    """``xaxis2`` → ``x2``, the inverse of :func:`axis_key`."""
    return key[0] + key[5:]


def merge(defaults: Spec, given: Spec) -> Spec:
    """``given`` over ``defaults``, mapping by mapping."""
    merged = dict(defaults)
    for key, value in given.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def decode(value: Any) -> Any:
    """Plotly's base64 arrays as NumPy arrays, everywhere inside ``value``."""
    if isinstance(value, dict):
        if "bdata" in value and "dtype" in value:
            return _array(value)
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [decode(item) for item in value]
    return value


def _array(value: Spec) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype=np.dtype(value["dtype"]).newbyteorder("<"))
    shape = value.get("shape")
    if shape is None:
        return flat
    return flat.reshape([int(part) for part in shape.split(",")] if isinstance(shape, str) else shape)


def deep(spec: Spec, path: str, default: Any = None) -> Any:
    """``spec["a"]["b"]`` for ``path`` "a.b"; ``default`` where any part is missing or None."""
    value: Any = spec
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return default if value is None else value
