"""A plotly figure drawn by matplotlib: what plotly.js would show, as PNG bytes."""

import io

import plotly.graph_objects as go
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from lthkit.errors import LthkitError
from lthkit.plots.png.decorations import draw_annotations, draw_shapes, draw_title
from lthkit.plots.png.legends import draw_legend
from lthkit.plots.png.sheet import Sheet
from lthkit.plots.png.spec import Spec, deep, spec_of
from lthkit.plots.png.style import PX_PER_INCH, colour

TRACES = ("scatter", "scattergl", "bar", "heatmap", "image")
Margins = tuple[float, float, float, float]
MOST_MARGIN = 0.9


def png(
    figure: go.Figure,
    width: int | None = None,
    height: int | None = None,
    scale: float = 2,
    background: str | None = "white",
) -> bytes:
    """The figure as PNG, drawn without a browser; the arguments are those of :func:`draw`.

    Raises:
        LthkitError: naming a trace type or setting that cannot be drawn.
    """
    canvas = draw(figure, width, height, scale, background)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", dpi=canvas.dpi, facecolor=canvas.get_facecolor(), metadata={"Software": None})
    return buffer.getvalue()


def vector(figure: go.Figure, format: str) -> bytes:
    """The figure as ``svg`` or ``pdf``: texts stay texts, heatmaps are images; the same figure gives the same bytes.

    Raises:
        LthkitError: naming a trace type or setting that cannot be drawn.
    """
    # a creation date would make each file another one
    metadata = {"Date": None} if format == "svg" else {"CreationDate": None}
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "lthkit", "pdf.fonttype": 42}):
        canvas = draw(figure, scale=2)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format=format, facecolor=canvas.get_facecolor(), metadata=metadata)
    return buffer.getvalue()


def draw(
    figure: go.Figure,
    width: int | None = None,
    height: int | None = None,
    scale: float = 2,
    background: str | None = "white",
) -> Figure:
    """The figure as matplotlib's, laid out.

    Draws traces of type scatter (lines, markers, text, error bars, filled bands), bar, heatmap and image, with
    the layout's titles, axes, subplots, legend, colour bars, shapes and annotations.

    Args:
        figure: it is not changed.
        width: in pixels before scaling; the figure's own or 900.
        height: likewise; the figure's own or 500.
        scale: picture pixels per pixel.
        background: colour below a transparent paper; None keeps it transparent.

    Raises:
        LthkitError: naming a trace type or setting that cannot be drawn.
    """
    traces, layout = spec_of(figure)
    layout["font"] = {"size": 12, "color": "#444444"} | layout.get("font", {})
    size = (width or layout.get("width") or 900, height or layout.get("height") or 500)
    _refuse_unknown(traces)
    left, right, top, bottom = (
        deep(layout, f"margin.{side}", default) for side, default in zip("lrtb", (80, 80, 100, 80), strict=True)
    )
    margins = _capped((left, right, top, bottom), *size)
    # Drawn twice: the first time shows by how much labels, legend and titles overflow the margins.
    canvas, texts = _laid_out(traces, layout, size, margins, scale, background)
    return _laid_out(traces, layout, size, _grown(canvas, texts, margins, scale), scale, background)[0]


def _refuse_unknown(traces: list[Spec]) -> None:
    for trace in traces:
        kind = trace.get("type", "scatter")
        if kind not in TRACES:
            raise LthkitError(f"a trace of type '{kind}' cannot be drawn as PNG; use one of {', '.join(TRACES)}")
        for key in {"scatter": ("error_x", "stackgroup"), "bar": ("text", "texttemplate", "error_x")}.get(kind, ()):
            given = trace.get(key)
            # a template's error bars have a colour but no data
            if given is not None and not (isinstance(given, dict) and "array" not in given):
                raise LthkitError(f"'{key}' of a {kind} trace cannot be drawn as PNG; leave it out")


def _laid_out(
    traces: list[Spec], layout: Spec, size: tuple[int, int], margins: Margins, scale: float, background: str | None
) -> tuple[Figure, list[Text]]:
    width, height = size
    canvas = Figure(figsize=(width / PX_PER_INCH, height / PX_PER_INCH), dpi=PX_PER_INCH * scale)
    FigureCanvasAgg(canvas)
    paper_colour = colour(layout.get("paper_bgcolor", "white"))
    canvas.set_facecolor(colour(background) if background and paper_colour[3] == 0 else paper_colour)
    left, right, top, bottom = margins
    paper = Bbox([[left / width, bottom / height], [1 - right / width, 1 - top / height]])
    sheet = Sheet(canvas, layout, paper, traces)
    draw_shapes(canvas, layout, sheet.places, paper)
    draw_annotations(canvas, layout, sheet.places, paper)
    draw_legend(canvas, layout, sheet.entries, paper)
    return canvas, draw_title(canvas, layout)


def _grown(canvas: Figure, titles: list[Text], margins: Margins, scale: float) -> Margins:
    """Margins with room for everything that overflowed them, and for the titles above the rest."""
    canvas.draw_without_rendering()
    width, height = canvas.get_size_inches() * PX_PER_INCH
    lowest = min((title.get_window_extent().y0 / scale for title in titles), default=height)
    for title in titles:
        title.set_visible(False)
    box = canvas.get_tightbbox().transformed(canvas.dpi_scale_trans)
    x0, y0, x1, y1 = (edge / scale for edge in box.extents)
    left, right, top, bottom = margins
    pad = 8
    grown = (
        left + max(0, pad - x0),
        right + max(0, x1 + pad - width),
        top + max(0, y1 + pad - lowest),
        bottom + max(0, pad - y0),
    )
    return _capped(grown, width, height)


def _capped(margins: Margins, width: float, height: float) -> Margins:
    """Margins that leave the data at least a tenth of the picture."""
    left, right, top, bottom = margins
    across = min(1.0, MOST_MARGIN * width / max(left + right, 1))
    up = min(1.0, MOST_MARGIN * height / max(top + bottom, 1))
    return left * across, right * across, top * up, bottom * up
