"""The legend: a column beside the axes, or rows as full as they can be."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.transforms import Bbox, BboxTransformTo, ScaledTranslation

from lthkit.plots.png.decorations import ALIGN, automatic
from lthkit.plots.png.spec import Spec, deep
from lthkit.plots.png.style import POINTS, PX_PER_INCH, colour, plain_text

Entry = tuple[Any, str]
PLACES = {"top": "upper", "middle": "center", "bottom": "lower"}
# pixels of a line or marker with the gaps around it; height of a row in sizes of its font
HANDLE, ROW = 55, 1.7


def draw_legend(canvas: Figure, layout: Spec, entries: list[Entry], paper: Bbox) -> None:
    """The legend, where the layout puts it: right of the axes, or in rows when it is horizontal."""
    legend = layout.get("legend", {})
    if not entries or not layout.get("showlegend", len(entries) > 1):
        return
    lying = legend.get("orientation") == "h"
    x, y = legend.get("x", 0.0 if lying else 1.02), legend.get("y", -0.1 if lying else 1.0)
    side, rise = legend.get("xanchor", "left"), legend.get("yanchor", "auto")
    rise = rise if rise != "auto" else ("top" if lying else automatic(y, "bottom", "middle", "top"))
    side = ALIGN[side if side != "auto" else automatic(x, "left", "center", "right")]
    font = {**layout["font"], **legend.get("font", {})}
    named = [(handle, plain_text(label)) for handle, label in entries]
    room = paper.width * canvas.get_size_inches()[0] * PX_PER_INCH
    rows = _rows(named, room, font["size"]) if lying else [named]
    below = {"top": 0.0, "middle": (len(rows) - 1) / 2, "bottom": len(rows) - 1.0}[rise]
    page = BboxTransformTo(paper) + canvas.transFigure
    for number, row in enumerate(rows):
        up = ScaledTranslation(0, (below - number) * ROW * font["size"] / PX_PER_INCH, canvas.dpi_scale_trans)
        place_legend: Any = canvas.legend
        drawn = place_legend(
            [handle for handle, _ in row],
            [label for _, label in row],
            loc="center" if (rise, side) == ("middle", "center") else f"{PLACES[rise]} {side}",
            bbox_to_anchor=(x, y),
            bbox_transform=page + up,
            ncols=len(row) if lying else 1,
            fontsize=font["size"] * POINTS,
            labelcolor=colour(font["color"]),
            frameon=False,
            borderaxespad=0.3,
            handlelength=2.4,
            columnspacing=1.0,
            title=plain_text(deep(legend, "title.text", "")) * (number == 0) or None,
            title_fontsize=font["size"] * POINTS,
            alignment="left",
        )
        drawn.get_title().set_color(colour(font["color"]))


def _rows(entries: list[Entry], room: float, size: float) -> list[list[Entry]]:
    """As many entries in each row as fit into ``room`` pixels."""
    rows: list[list[Entry]] = [[]]
    taken = 0.0
    for entry in entries:
        width = HANDLE + 0.58 * size * len(entry[1])
        if rows[-1] and taken + width > room:
            rows.append([])
            taken = 0.0
        rows[-1].append(entry)
        taken += width
    return rows
