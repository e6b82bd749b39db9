"""What stands around the data: titles, shapes and annotations."""

import re
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox, BboxTransformTo, Transform, blended_transform_factory

from lthkit.errors import LthkitError
from lthkit.plots.png.axes import Axis
from lthkit.plots.png.spec import Spec, deep
from lthkit.plots.png.style import POINTS, PX_PER_INCH, colour, dash, plain_text

ALIGN = {"left": "left", "center": "center", "right": "right"}
RISE = {"top": "top", "middle": "center", "bottom": "bottom"}
Places = dict[str, tuple[Axes, Axis]]


def draw_title(canvas: Figure, layout: Spec) -> list[Text]:
    """Title and, below it, subtitle; lines that are too long are broken."""
    title = layout.get("title") or {}
    font = layout["font"]
    width, height = canvas.get_size_inches() * PX_PER_INCH
    texts: list[Text] = []
    top = 16.0
    parts = [
        (title.get("text"), deep(title, "font.size", 17), deep(title, "font.color", font["color"])),
        (
            deep(title, "subtitle.text"),
            deep(title, "subtitle.font.size", 12),
            deep(title, "subtitle.font.color", font["color"]),
        ),
    ]
    x = title.get("x", 0.05)
    side = title.get("xanchor", "auto")
    side = side if side != "auto" else ("left" if x < 1 / 3 else "right" if x > 2 / 3 else "center")
    for text, size, tint in parts:
        if not text:
            continue
        lines = wrap(plain_text(text), round((width - 24) / (0.56 * size)))
        texts.append(
            canvas.text(
                max(x, 12 / width) if side == "left" else x,
                1 - top / height,
                "\n".join(lines),
                ha=ALIGN[side],
                va="top",
                fontsize=size * POINTS,
                color=colour(tint),
            )
        )
        top += len(lines) * size * 1.2 + 6
    return texts


def wrap(text: str, most: int) -> list[str]:
    """Lines of at most ``most`` characters, broken at white space; given breaks are kept."""
    lines = []
    for line in text.split("\n"):
        current = ""
        for word in line.split(" "):
            if current and len(current) + 1 + len(word) > most:
                lines.append(current)
                current = word
            else:
                current = f"{current} {word}" if current else word
        lines.append(current)
    return lines


def draw_shapes(canvas: Figure, layout: Spec, places: Places, paper: Bbox) -> None:
    """Rectangles and lines.

    Raises:
        LthkitError: naming another type of shape.
    """
    for shape in layout.get("shapes", []):
        kind = shape.get("type", "rect")
        if kind not in ("rect", "line"):
            raise LthkitError(f"shape '{kind}' cannot be drawn as PNG; use rect or line")
        axes, move = _frame(canvas, shape, places, paper)
        (x0, x1), (y0, y1) = (_place(shape, side, places) for side in "xy")
        line = shape.get("line", {})
        dress: Spec = {
            "linestyle": dash(line.get("dash", "solid")),
            "linewidth": line.get("width", 2) * POINTS,
            "zorder": 0.8 if shape.get("layer") == "below" else 2.2,
            "transform": move,
            "gid": "shape",
        }
        tint = colour(line.get("color", layout["font"]["color"]), shape.get("opacity", 1.0))
        if kind == "line":
            artist: Any = Line2D([x0, x1], [y0, y1], color=tint, **dress)
        else:
            face = colour(shape.get("fillcolor", "rgba(0,0,0,0)"), shape.get("opacity", 1.0))
            artist = Rectangle((x0, y0), x1 - x0, y1 - y0, facecolor=face, edgecolor=tint, **dress)
        if axes is None:
            canvas.add_artist(artist)
        else:
            axes.add_artist(artist)


def _place(shape: Spec, side: str, places: Places) -> list[float]:
    ends = [shape.get(f"{side}0", 0), shape.get(f"{side}1", 1)]
    ref = shape.get(f"{side}ref", side)
    axis = None if ref == "paper" or ref.endswith("domain") else places[ref][1]
    return [float(end) for end in (ends if axis is None else axis.positions(ends))]


def _frame(canvas: Figure, item: Spec, places: Places, paper: Bbox) -> tuple[Axes | None, Transform]:
    """Where an item's coordinates count, and the axes that clip it (none on paper)."""
    page = BboxTransformTo(paper) + canvas.transFigure
    sides, owner = [], None
    for side in "xy":
        ref = item.get(f"{side}ref", "paper" if "showarrow" in item and side not in item else side)
        if ref == "paper":
            sides.append(page)
            continue
        name = ref.removesuffix(" domain")
        if name not in places:
            raise LthkitError(f"a shape or annotation refers to axis '{name}', on which there is no trace")
        axes = places[name][0]
        owner = axes
        sides.append(axes.transAxes if ref.endswith("domain") else axes.transData)
    return owner, blended_transform_factory(*sides)


def draw_annotations(canvas: Figure, layout: Spec, places: Places, paper: Bbox) -> None:
    """Texts, with or without an arrow. On logarithmic axes their places are exponents, as in plotly."""
    for note in layout.get("annotations", []):
        owner, move = _frame(canvas, note, places, paper)
        x, y = (_note_place(note, side, places) for side in "xy")
        arrow = note.get("showarrow", True)
        shift = (note.get("ax", -10), -note.get("ay", -30)) if arrow else (note.get("xshift", 0), note.get("yshift", 0))
        side = note.get("xanchor", "auto")
        rise = note.get("yanchor", "auto")
        paper_side = note.get("xref") == "paper" and not arrow
        paper_rise = note.get("yref") == "paper" and not arrow
        # on its own plot: whatever is drawn on a later one would hide it
        axes = owner or (canvas.axes[0] if canvas.axes else canvas.add_subplot(frameon=False))
        text = axes.annotate
        text(
            plain_text(note.get("text", "")),
            xy=(x, y),
            xycoords=move,
            xytext=(shift[0] * POINTS, shift[1] * POINTS),
            textcoords="offset points",
            ha=ALIGN[side if side != "auto" else automatic(x, "left", "center", "right") if paper_side else "center"],
            va=RISE[rise if rise != "auto" else automatic(y, "bottom", "middle", "top") if paper_rise else "middle"],
            multialignment=note.get("align", "center"),
            rotation=-float(note.get("textangle") or 0),
            fontsize=deep(note, "font.size", layout["font"]["size"]) * POINTS,
            fontweight="bold" if re.fullmatch(r"<b>[^<]*</b>", note.get("text", "")) else "normal",
            color=colour(deep(note, "font.color", layout["font"]["color"]), note.get("opacity", 1.0)),
            arrowprops=_arrow(note, layout) if arrow else None,
            bbox=_box(note),
            annotation_clip=False,
            zorder=4,
        )


def automatic(place: float, low: str, middle: str, high: str) -> str:
    return low if place < 1 / 3 else high if place > 2 / 3 else middle


def _note_place(note: Spec, side: str, places: Places) -> float:
    ref = note.get(f"{side}ref", side)
    value = note.get(side, 0.5)
    if ref == "paper" or ref.endswith("domain"):
        return float(value)
    axis = places[ref][1]
    return 10.0 ** float(value) if axis.kind == "log" else float(axis.positions([value])[0])


def _arrow(note: Spec, layout: Spec) -> Spec:
    tint = colour(note.get("arrowcolor", layout["font"]["color"]))
    return {
        "arrowstyle": "-|>",
        "color": tint,
        "linewidth": note.get("arrowwidth", 1) * POINTS,
        "shrinkA": 0,
        "shrinkB": 0,
    }


def _box(note: Spec) -> Spec | None:
    if "bgcolor" not in note and "bordercolor" not in note:
        return None
    return {
        "facecolor": colour(note.get("bgcolor", "rgba(0,0,0,0)")),
        "edgecolor": colour(note.get("bordercolor", "rgba(0,0,0,0)")),
        "pad": note.get("borderpad", 1) + 2,
    }
