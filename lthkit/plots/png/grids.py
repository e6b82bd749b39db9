"""Heatmap and image traces."""

import base64
import io
import re
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.image import imread

from lthkit.errors import LthkitError
from lthkit.plots.png.axes import Axis
from lthkit.plots.png.spec import Spec, deep
from lthkit.plots.png.style import POINTS, colormap, colour, numbers, plain_text


def draw_heatmap(axes: Axes, trace: Spec, across: Axis, up: Axis, shared: Spec) -> Any:
    """Cells of a matrix, each exactly its colour; returns the mappable for the colour bar.

    Args:
        axes: where to draw.
        trace: the trace; ``x`` and ``y`` are centres (as many as cells) or edges (one more).
        across: the x axis.
        up: the y axis.
        shared: the layout's colour axis of this trace, or the trace itself.
    """
    cells = np.array([numbers(row) for row in trace["z"]])
    cells = cells.T if trace.get("transpose") else cells
    x = edges(trace, "x", across, cells.shape[1])
    y = edges(trace, "y", up, cells.shape[0])
    low = shared.get("zmin", shared.get("cmin"))
    high = shared.get("zmax", shared.get("cmax"))
    known = cells[np.isfinite(cells)]
    norm = Normalize(
        vmin=low if low is not None else known.min(initial=0.0 if not known.size else known[0]),
        vmax=high if high is not None else known.max(initial=1.0 if not known.size else known[0]),
    )
    scale = colormap(shared.get("colorscale"), bool(shared.get("reversescale")))
    gap = max(trace.get("xgap", 0), trace.get("ygap", 0)) * POINTS
    lines: Spec = {"edgecolors": axes.figure.get_facecolor()} if gap else {"antialiased": False}
    drawn = axes.pcolormesh(
        x, y, np.ma.masked_invalid(cells), cmap=scale, norm=norm, linewidth=gap, zorder=0.7, **lines
    )
    drawn.set_alpha(trace.get("opacity"))
    drawn.set_rasterized(True)  # in SVG and PDF one image, not a shape a cell
    if trace.get("texttemplate"):
        _texts(axes, trace, cells, (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2, scale(norm(cells)))
    return drawn


def edges(trace: Spec, key: str, axis: Axis, count: int) -> np.ndarray:
    """The ``count`` + 1 edges of the cells along one axis."""
    given = trace.get(key)
    if given is None:
        start, step = trace.get(f"{key}0", 0), trace.get(f"d{key}", 1)
        return start + step * (np.arange(count + 1) - 0.5)
    places = axis.positions(given)
    if len(places) == count + 1:
        return places
    if len(places) != count:
        raise LthkitError(f"a heatmap has {count} cells along {key} but {len(places)} {key} values; give one a cell")
    middles = (places[1:] + places[:-1]) / 2
    first = places[0] - (middles[0] - places[0]) if count > 1 else places[0] - 0.5
    last = places[-1] + (places[-1] - middles[-1]) if count > 1 else places[0] + 0.5
    return np.concatenate([[first], middles, [last]])


def _texts(axes: Axes, trace: Spec, cells: np.ndarray, x: np.ndarray, y: np.ndarray, tints: np.ndarray) -> None:
    light = tints[..., :3] @ [0.299, 0.587, 0.114] > 0.55
    for row, up in enumerate(y):
        for column, left in enumerate(x):
            text = _filled(trace, cells, row, column)
            given = deep(trace, "textfont.color")
            tint = colour(given) if given else colour("#222222" if light[row, column] else "#FFFFFF")
            axes.text(
                left,
                up,
                text,
                ha="center",
                va="center",
                color=tint,
                zorder=2,
                fontsize=deep(trace, "textfont.size", 12) * POINTS,
            )


def _filled(trace: Spec, cells: np.ndarray, row: int, column: int) -> str:
    if not np.isfinite(cells[row, column]):
        return ""
    known = {"z": lambda shape: format(cells[row, column], shape), "text": lambda _: str(trace["text"][row][column])}
    pattern = r"%\{(\w+)(?::([^}]*))?\}"

    def fill(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise LthkitError(f"texttemplate '{trace['texttemplate']}' cannot be drawn as PNG; use %{{z}} or %{{text}}")
        return known[match[1]](match[2] or "g")

    return plain_text(re.sub(pattern, fill, trace["texttemplate"]))


def draw_image(axes: Axes, trace: Spec) -> None:
    """A picture, pixel by pixel, its first row at the smaller y (plotly turns that axis round).

    Raises:
        LthkitError: if the picture is neither an array nor embedded as base64.
    """
    if trace.get("z") is not None:
        pixels = np.asarray(trace["z"], dtype=np.uint8)
    else:
        head, _, body = str(trace.get("source", "")).partition(";base64,")
        if not head.startswith("data:image/"):
            raise LthkitError("an image trace has neither z nor a base64 source; give the pixels as z")
        pixels = imread(io.BytesIO(base64.b64decode(body)), format=head.removeprefix("data:image/"))
    height, width = pixels.shape[:2]
    left, top = trace.get("x0", 0), trace.get("y0", 0)
    across, down = trace.get("dx", 1), trace.get("dy", 1)
    extent = (left - across / 2, left + across * (width - 0.5), top + down * (height - 0.5), top - down / 2)
    axes.imshow(
        pixels,
        extent=extent,
        interpolation="nearest",
        aspect="equal",
        origin="upper",
        zorder=0.7,
        alpha=trace.get("opacity"),
    )
