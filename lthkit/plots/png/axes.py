"""Plotly's axes in matplotlib's terms: categories, scales, ranges, ticks, titles."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

from lthkit.errors import LthkitError
from lthkit.plots.png.spec import Spec, deep
from lthkit.plots.png.style import POINTS, PX_PER_INCH, colour, plain_text
from lthkit.plots.png.ticks import tick_step, tick_texts, ticks

KINDS = ("linear", "log", "category")
# size of a title beside that of other texts
TITLE = 1.2


@dataclass
class Axis:
    """One axis of the figure: its layout, its kind, and its categories in order of appearance."""

    name: str
    layout: Spec
    kind: str = "linear"
    categories: list[Any] = field(default_factory=list)

    @property
    def is_x(self) -> bool:
        return self.name[0] == "x"

    def positions(self, values: Any) -> np.ndarray:
        """Values as floats on this axis; a category is its index, and a number that is none is one already."""
        if self.kind != "category":
            return np.array([np.nan if value is None else value for value in values], dtype=float)
        index = {str(value): place for place, value in enumerate(self.categories)}
        return np.array([index.get(str(value), _number(value)) for value in values], dtype=float)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float, np.number)) else np.nan


def build_axis(name: str, layout: Spec, values: list[Any]) -> Axis:
    """The axis ``name``, its kind told by the layout or by the values of the traces on it.

    Raises:
        LthkitError: if the kind cannot be drawn.
    """
    texts = any(isinstance(value, str) for column in values for value in column)
    kind = layout.get("type") if layout.get("type") not in (None, "-") else ("category" if texts else "linear")
    if kind not in KINDS:
        raise LthkitError(f"axis '{name}' is of type '{kind}', which cannot be drawn as PNG; use {', '.join(KINDS)}")
    categories: list[Any] = []
    if kind == "category":
        ordered = [*layout.get("categoryarray", []), *(value for column in values for value in column)]
        categories = list(dict.fromkeys(str(value) for value in ordered if value is not None))
    return Axis(name, layout, kind, categories)


def dress(axes: Axes, axis: Axis, font: Spec, labelled: bool) -> None:
    """Give one side of ``axes`` the scale, range, ticks, grid and title of ``axis``.

    Args:
        axes: where to draw; the traces are on it already.
        axis: the axis of the figure.
        font: the layout's font.
        labelled: whether this is where the axis' own ticks and title stand (subplots can share one axis).
    """
    _set_range(axes, axis)
    _set_ticks(axes, axis)
    _set_labels(axes, axis, font, labelled)
    side = axes.xaxis if axis.is_x else axes.yaxis
    layout = axis.layout
    if layout.get("showgrid", True):
        side.grid(True, color=colour(layout.get("gridcolor", "rgba(128,128,128,0.25)")), linewidth=POINTS)
    if layout.get("zeroline", False):
        line = axes.axvline if axis.is_x else axes.axhline
        line(0, color=colour(layout.get("zerolinecolor", "#888888")), linewidth=POINTS, zorder=0.9)


def _set_range(axes: Axes, axis: Axis) -> None:
    limits = axes.get_xlim if axis.is_x else axes.get_ylim
    set_limits = axes.set_xlim if axis.is_x else axes.set_ylim
    given = axis.layout.get("range")
    if given is not None and len(given) == 2:
        ends = [10.0**end if axis.kind == "log" else float(end) for end in given]
        set_limits(*ends)
        return
    if axis.kind == "category" and not axis.layout.get("points"):
        set_limits(-0.5, len(axis.categories) - 0.5)
    low, high = sorted(limits())
    if axis.layout.get("rangemode") in ("tozero", "nonnegative"):
        least, most = axes.dataLim.intervalx if axis.is_x else axes.dataLim.intervaly
        low, high = 0.0 if least >= 0 else low, 0.0 if most <= 0 else high
    if low == high:  # of zeros alone
        high = low + 1
    backwards = axis.layout.get("autorange") == "reversed" or axis.layout.get("image")
    set_limits(*((high, low) if backwards else (low, high)))


def _set_ticks(axes: Axes, axis: Axis) -> None:
    side: Any = axes.xaxis if axis.is_x else axes.yaxis
    layout = axis.layout
    if layout.get("tickvals") is not None:
        values = list(layout["tickvals"])
        texts = layout.get("ticktext")
        side.set_major_locator(FixedLocator(axis.positions(values).tolist()))
        labels = [plain_text(text) for text in (values if texts is None else texts)]
        side.set_major_formatter(FixedFormatter(labels))
        side.set_minor_locator(NullLocator())
        return
    side.set_minor_locator(NullLocator())
    if axis.kind == "category":
        _category_ticks(side, axis)
    elif axis.kind == "log":
        side.set_major_formatter(FuncFormatter(lambda value, _: tick_texts(np.array([value]), layout)[0]))
    else:
        places = automatic_places(axes, axis.is_x, layout)
        side.set_major_locator(FixedLocator(places.tolist()))
        side.set_major_formatter(FixedFormatter(tick_texts(places, layout)))


def automatic_places(axes: Axes, is_x: bool, layout: Spec) -> np.ndarray:
    """Where plotly would put the ticks of a linear axis, or of a colour bar drawn as ``axes``."""
    pixels = size_of(axes)[0 if is_x else 1]
    low, high = axes.get_xlim() if is_x else axes.get_ylim()
    return ticks(low, high, layout.get("dtick") or tick_step(low, high, pixels, is_x, layout.get("nticks")))


def size_of(axes: Axes) -> tuple[float, float]:
    """Width and height of a plotting area in pixels."""
    scale = PX_PER_INCH / axes.figure.dpi
    return float(axes.bbox.width * scale), float(axes.bbox.height * scale)


def _category_ticks(side: Any, axis: Axis) -> None:
    every = 1 if axis.layout.get("dtick") == 1 else -(-len(axis.categories) // 40)
    places = list(range(0, len(axis.categories), every))
    side.set_major_locator(FixedLocator(places))
    side.set_major_formatter(FixedFormatter([plain_text(axis.categories[place]) for place in places]))


def _set_labels(axes: Axes, axis: Axis, font: Spec, labelled: bool) -> None:
    layout = axis.layout
    side: Any = axes.xaxis if axis.is_x else axes.yaxis
    opposite = layout.get("side") in ("right", "top")
    if opposite:
        side.set_ticks_position("top" if axis.is_x else "right")
        side.set_label_position("top" if axis.is_x else "right")
    shown = labelled and layout.get("visible", True)
    marks = shown and layout.get("ticks", "") == "outside"
    names = shown and layout.get("showticklabels", True)
    side.set_tick_params(
        length=5 * POINTS if marks else 0,
        color=colour(str(layout.get("tickcolor") or font["color"])),
        labelcolor=colour(deep(layout, "tickfont.color") or font["color"]),
        labelsize=deep(layout, "tickfont.size", font["size"]) * POINTS,
        labelrotation=-float(layout.get("tickangle") or 0),
        **(
            {("labeltop" if opposite else "labelbottom"): names}
            if axis.is_x
            else {("labelright" if opposite else "labelleft"): names}
        ),
    )
    title = deep(layout, "title.text", "")
    if shown and title:
        size = deep(layout, "title.font.size", TITLE * font["size"]) * POINTS
        tint = colour(deep(layout, "title.font.color", font["color"]))
        side.set_label_text(plain_text(title), fontsize=size, color=tint)
        side.labelpad = deep(layout, "title.standoff", 8) * POINTS
