"""Colour bars beside the data, with title and ticks."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator
from matplotlib.transforms import Bbox, ScaledTranslation

from lthkit.plots.png.axes import TITLE, automatic_places
from lthkit.plots.png.spec import Spec, deep
from lthkit.plots.png.style import POINTS, PX_PER_INCH, colour, plain_text
from lthkit.plots.png.ticks import tick_texts

PAD = 10
THICKNESS = 30


def draw_colorbar(canvas: Figure, drawn: Any, bar: Spec, layout: Spec, paper: Bbox) -> None:
    """A colour bar at the layout's place (right of the axes by default), its title above or beside it."""
    width, height = canvas.get_size_inches() * PX_PER_INCH
    font = {"size": layout["font"]["size"], "color": layout["font"]["color"]}
    title, size = plain_text(deep(bar, "title.text", "")), deep(bar, "title.font.size", TITLE * font["size"])
    beside = deep(bar, "title.side") == "right"
    head = (title.count("\n") + 1) * size * 1.3 if title and not beside else 0.0
    length = bar.get("len", 1.0) * paper.height - (2 * PAD + head) / height
    low = paper.y0 + (bar.get("y", 0.5) - bar.get("len", 1.0) / 2) * paper.height + PAD / height
    left = paper.x0 + bar.get("x", 1.02) * paper.width + PAD / width
    # matplotlib calls its own colour bars so
    box = canvas.add_axes((left, low, bar.get("thickness", THICKNESS) / width, length), label="<colorbar>")
    canvas.colorbar(drawn, cax=box).outline.set_visible(False)
    tint = colour(deep(bar, "tickfont.color", font["color"]))
    points = deep(bar, "tickfont.size", font["size"]) * POINTS
    box.tick_params(labelsize=points, labelcolor=tint, color=tint, length=4 * POINTS)
    _set_ticks(box, bar)
    dress = {"color": colour(font["color"]), "fontsize": size * POINTS}
    if beside:
        box.yaxis.set_label_text(title, **dress)
    elif title:
        up = ScaledTranslation(0, 6 / PX_PER_INCH, canvas.dpi_scale_trans)
        box.text(0, 1, title, transform=box.transAxes + up, ha="left", va="bottom", **dress)


def _set_ticks(box: Axes, bar: Spec) -> None:
    given, texts = bar.get("tickvals"), bar.get("ticktext")
    places = automatic_places(box, False, bar) if given is None else given
    if given is None or texts is None:
        texts = tick_texts(places, bar)
    box.yaxis.set_major_locator(FixedLocator(list(places)))
    box.yaxis.set_major_formatter(FixedFormatter([plain_text(text) for text in texts]))
