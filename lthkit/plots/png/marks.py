"""Scatter and bar traces."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lthkit.errors import LthkitError
from lthkit.plots.png.spec import Spec, deep
from lthkit.plots.png.style import POINTS, RGBA, colormap, colour, dash, numbers, plain_text, symbol

STEPS = {"linear": "default", "hv": "steps-post", "vh": "steps-pre", "hvh": "steps-mid"}
Points = tuple[np.ndarray, np.ndarray]


def draw_scatter(axes: Axes, trace: Spec, x: np.ndarray, y: np.ndarray, tint: str, before: Points | None) -> Any:
    """Lines, markers, text, error bars and filled bands; returns what stands for the trace in the legend.

    Args:
        axes: where to draw.
        trace: the trace.
        x: positions on the axis, NaN for gaps.
        y: likewise.
        tint: the trace's colour where it names none.
        before: the points of the scatter trace before it on these axes, for ``fill="tonexty"``.
    """
    opacity = trace.get("opacity", 1.0)
    mode = trace.get("mode") or ("lines+markers" if len(x) < 20 else "lines")
    base = deep(trace, "line.color") or _single(deep(trace, "marker.color")) or tint
    band = _fill(axes, trace, (x, y), base, before)
    line = Line2D([], [], linestyle="none")
    width = deep(trace, "line.width", 2) if "lines" in mode else 0
    if width:
        line = _line(axes, trace, x, y, colour(deep(trace, "line.color", base), opacity), width)
    if "markers" in mode:
        line = _markers(axes, trace, x, y, base, opacity, line)
    if "text" in mode.split("+"):
        _texts(axes, trace, x, y)
    _errors(axes, trace, x, y, colour(base, opacity))
    return line if width or "markers" in mode else band


def _line(axes: Axes, trace: Spec, x: np.ndarray, y: np.ndarray, rgba: RGBA, width: float) -> Line2D:
    shape = deep(trace, "line.shape", "linear")
    if shape not in STEPS:
        raise LthkitError(f"line shape '{shape}' cannot be drawn as PNG; use one of {', '.join(STEPS)}")
    if trace.get("connectgaps"):
        known = np.isfinite(x) & np.isfinite(y)
        x, y = x[known], y[known]
    style = dash(deep(trace, "line.dash", "solid"))
    drawn = axes.plot(x, y, color=rgba, linewidth=width * POINTS, linestyle=style, drawstyle=STEPS[shape], zorder=2)
    return Line2D([], [], color=rgba, linewidth=drawn[0].get_linewidth(), linestyle=style)


def _markers(axes: Axes, trace: Spec, x: np.ndarray, y: np.ndarray, base: str, opacity: float, line: Line2D) -> Line2D:
    marker = trace.get("marker", {})
    opacity *= marker.get("opacity", 1.0)
    shape, is_open = symbol(marker.get("symbol") or "circle")
    faces = marker_colours(marker, base, opacity, len(x))
    sizes = np.broadcast_to(numbers(np.atleast_1d(marker.get("size", 6))), len(x)) * POINTS
    edge = deep(marker, "line.color")
    edges: Any = faces if is_open or edge is None else np.array([colour(edge, opacity)])
    widths = POINTS * (1.5 if is_open else deep(marker, "line.width", 0))
    axes.scatter(
        x, y, s=sizes**2, c="none" if is_open else faces, marker=shape, edgecolors=edges, linewidths=widths, zorder=3
    )
    first = faces[0] if len(faces) else colour(base, opacity)
    line.set(
        marker=shape,
        markersize=float(sizes[0]) if len(sizes) else 6 * POINTS,
        markerfacecolor="none" if is_open else first,
        markeredgecolor=first,
    )
    return line


def marker_colours(marker: Spec, base: str, opacity: float, count: int) -> np.ndarray:
    """One colour a point (``count``, 4): one for all, one each, or numbers on a colour scale."""
    given = marker.get("color", base)
    if isinstance(given, str):
        return np.tile(colour(given, opacity), (count, 1))
    if all(isinstance(value, str) for value in given):
        return np.array([colour(value, opacity) for value in given])
    values = numbers(given)
    low, high = marker.get("cmin", np.nanmin(values)), marker.get("cmax", np.nanmax(values))
    scale = colormap(marker.get("colorscale"), bool(marker.get("reversescale")))
    return np.asarray(scale((values - low) / ((high - low) or 1.0)))


def _single(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _fill(axes: Axes, trace: Spec, points: Points, base: str, before: Points | None) -> Patch | None:
    kind = trace.get("fill") or "none"
    if kind == "none":
        return None
    x, y = points
    if kind in ("tonexty", "tonext") and before is not None:
        x, y = np.concatenate([x, before[0][::-1]]), np.concatenate([y, before[1][::-1]])
        known = np.isfinite(x) & np.isfinite(y)
        x, y = x[known], y[known]
    elif kind in ("tozeroy", "tonexty", "tonext"):
        x, y = np.concatenate([x, x[::-1]]), np.concatenate([y, np.zeros_like(y)])
    elif kind != "toself":
        raise LthkitError(f"fill '{kind}' cannot be drawn as PNG; use tonexty, tozeroy or toself")
    given = trace.get("fillcolor")
    rgba = colour(given) if given else colour(base, 0.5)
    gaps = np.flatnonzero(~(np.isfinite(x) & np.isfinite(y)))
    for part_x, part_y in zip(np.split(x, gaps), np.split(y, gaps), strict=True):
        known = np.isfinite(part_x) & np.isfinite(part_y)
        axes.fill(part_x[known], part_y[known], color=rgba, linewidth=0, zorder=1)
    return Patch(color=rgba, linewidth=0)


def _texts(axes: Axes, trace: Spec, x: np.ndarray, y: np.ndarray) -> None:
    vertical, horizontal = (trace.get("textposition") or "middle center").split()
    above = {"top": "bottom", "middle": "center", "bottom": "top"}[vertical]
    beside = {"left": "right", "center": "center", "right": "left"}[horizontal]
    tint = colour(deep(trace, "textfont.color", "#767676"))
    shift = {"top": 4, "middle": 0, "bottom": -4}[vertical]
    texts = trace.get("text", [])
    for text, left, up in zip([texts] * len(x) if isinstance(texts, str) else texts, x, y, strict=True):
        axes.annotate(
            plain_text(text),
            (left, up),
            xytext=(0, shift),
            textcoords="offset points",
            ha=beside,
            va=above,
            color=tint,
            fontsize=deep(trace, "textfont.size", 12) * POINTS,
        )


def _errors(axes: Axes, trace: Spec, x: np.ndarray, y: np.ndarray, rgba: RGBA) -> None:
    error = trace.get("error_y") or {}
    if not error.keys() & {"array", "value"} or error.get("visible") is False:
        return
    if error.get("type", "data") not in ("data", "constant"):
        raise LthkitError(f"error bars of type '{error['type']}' cannot be drawn as PNG; give them as data")
    up = numbers(np.broadcast_to(error["value"] if error.get("type") == "constant" else error["array"], len(x)))
    down = up if error.get("arrayminus") is None or error.get("symmetric") else numbers(error["arrayminus"])
    tint = colour(error["color"]) if "color" in error else rgba
    width = error.get("thickness", 2) * POINTS
    axes.errorbar(
        x,
        y,
        yerr=np.stack([down, up]),
        fmt="none",
        ecolor=tint,
        elinewidth=width,
        capthick=width,
        capsize=error.get("width", 4) * POINTS,
        zorder=2.5,
    )


def draw_bars(axes: Axes, trace: Spec, place: np.ndarray, length: np.ndarray, tint: str, layout: "BarPlace") -> Any:
    """Bars of one trace; returns what stands for it in the legend.

    Args:
        axes: where to draw.
        trace: the trace.
        place: centre of each bar along its axis.
        length: signed length.
        tint: the trace's colour where it names none.
        layout: (offset from the centre, width, base of each bar).
    """
    offset, width, base = layout
    marker = trace.get("marker", {})
    faces = marker_colours(marker, tint, trace.get("opacity", 1.0) * marker.get("opacity", 1.0), len(place))
    edge = deep(marker, "line.color")
    dress = {
        "color": faces,
        "edgecolor": colour(edge) if edge else "none",
        "linewidth": POINTS * deep(marker, "line.width", 0),
        "zorder": 2,
    }
    if trace.get("orientation") == "h":
        axes.barh(place + offset, length, height=width, left=base, **dress)
    else:
        axes.bar(place + offset, length, width=width, bottom=base, **dress)
        _errors(axes, trace, place + offset, base + length, colour("#767676"))
    return Patch(color=faces[0] if len(faces) else colour(tint))


BarPlace = tuple[float, float, np.ndarray]


def place_bars(traces: list[tuple[np.ndarray, np.ndarray]], mode: str, gap: float) -> list[BarPlace]:
    """Offset, width and bases of the bars of all bar traces on the same axes.

    Args:
        traces: centre and length of the bars of each trace.
        mode: plotly's ``barmode``: group, stack, relative or overlay.
        gap: share of the room between two centres that stays empty.

    Raises:
        LthkitError: for another mode.
    """
    if mode not in ("group", "stack", "relative", "overlay"):
        raise LthkitError(f"barmode '{mode}' cannot be drawn as PNG; use group, stack, relative or overlay")
    centres = np.unique(np.concatenate([place for place, _ in traces]))
    room = (np.diff(centres).min() if len(centres) > 1 else 1.0) * (1 - gap)
    if mode in ("group", "overlay"):
        shares = len(traces) if mode == "group" else 1
        width = room / shares
        starts = [(index - (shares - 1) / 2) * width if shares > 1 else 0.0 for index in range(len(traces))]
        return [(start, width, np.zeros(len(place))) for start, (place, _) in zip(starts, traces, strict=True)]
    tops: dict[tuple[float, bool], float] = {}
    placed = []
    for place, length in traces:
        base = np.zeros(len(place))
        for index, (centre, size) in enumerate(zip(place, length, strict=True)):
            key = (float(centre), bool(size < 0) and mode == "relative")
            base[index] = tops.get(key, 0.0)
            tops[key] = base[index] + np.nan_to_num(size)
        placed.append((0.0, room, base))
    return placed
