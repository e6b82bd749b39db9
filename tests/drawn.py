"""What is to be seen in a picture of a figure, not its pixels: as matplotlib draws it, and as a browser does."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.container import BarContainer
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Text
from playwright.sync_api import Page

from lthkit.plots.png.render import draw

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Words:
    """A text; ``kind`` is tick, legend, bar title, bar tick or other; its corners in pixels from the top left."""

    kind: str
    text: str
    corners: np.ndarray

    @cached_property
    def box(self) -> Box:
        return *self.corners.min(axis=0).tolist(), *self.corners.max(axis=0).tolist()


@dataclass
class Drawn:
    """One picture.

    Attributes:
        width: in pixels.
        height: likewise.
        words: all texts to be seen.
        panels: plotting areas with marks, by box, and how many marks of each kind.
        bars: boxes of the colour bars.
    """

    width: float
    height: float
    words: list[Words] = field(default_factory=list)
    panels: list[tuple[Box, Counter[str]]] = field(default_factory=list)
    bars: list[Box] = field(default_factory=list)

    def texts(self, *kinds: str) -> list[str]:
        return sorted(one.text for one in self.words if one.kind in kinds)

    def faults(self) -> Iterator[str]:
        """Texts that overlap each other, stand on the wrong panel, or are cut off; colour bars likewise."""
        for one, other in combinations(self.words, 2):
            if _meet(one.box, other.box) and _deep(one.corners, other.corners) > 2:
                yield f"'{one.text}' overlaps '{other.text}'"
        for one in self.words:
            if _beyond(one.box, self) > 1:
                yield f"'{one.text}' is cut off"
            if one.kind != "other" and any(_over(one, box) for box, _ in self.panels):
                yield f"'{one.text}' ({one.kind}) lies over a panel"
            if not one.kind.startswith("bar") and any(_over(one, bar) for bar in self.bars):
                yield f"'{one.text}' lies over a colour bar"
        for bar in self.bars:
            if _beyond(bar, self) > 1:
                yield "a colour bar is cut off"
            if any(_deep(_corners(bar), _corners(box)) > 2 for box, _ in self.panels):
                yield "a colour bar lies over a panel"


def _beyond(box: Box, drawn: Drawn) -> float:
    return max(-box[0], -box[1], box[2] - drawn.width, box[3] - drawn.height)


def _over(words: Words, box: Box) -> bool:
    return _meet(words.box, box) and _deep(words.corners, _corners(box)) > 2


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _corners(box: Box) -> np.ndarray:
    x0, y0, x1, y1 = box
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _deep(one: np.ndarray, other: np.ndarray) -> float:
    """How far two rectangles, turned or not, reach into each other, in pixels (separating axes)."""
    sides = np.concatenate([np.diff(one, axis=0)[:2], np.diff(other, axis=0)[:2]])
    lengths = np.linalg.norm(sides, axis=1)
    normals = sides[lengths > 0] / lengths[lengths > 0, None]
    a, b = one @ normals.T, other @ normals.T
    return float((np.minimum(a.max(0), b.max(0)) - np.maximum(a.min(0), b.min(0))).min(initial=np.inf))


def _plain(text: str) -> str:
    return " ".join(text.replace(r"\$", "$").split())


def in_matplotlib(figure: go.Figure, width: int, height: int) -> Drawn:
    """The figure as our PNG shows it."""
    canvas = draw(figure, width, height, scale=1)
    canvas.draw_without_rendering()
    drawn = Drawn(width, height)

    def read(text: Text, kind: str) -> None:
        if text.get_visible() and _plain(text.get_text()):
            drawn.words.append(Words(kind, _plain(text.get_text()), _text_corners(text, height)))

    for text in canvas.texts:
        read(text, "other")
    for legend in canvas.legends:
        for text in [*legend.get_texts(), legend.get_title()]:
            read(text, "legend")
    for axes in canvas.axes:
        x0, y0, x1, y1 = axes.get_window_extent().extents
        box = x0, height - y1, x1, height - y0
        is_bar = axes.get_label() == "<colorbar>"
        for side in (axes.xaxis, axes.yaxis):
            for text in _tick_labels(side):
                read(text, "bar tick" if is_bar else "tick")
            read(side.label, "bar title" if is_bar else "other")
        for text in axes.texts:
            read(text, "bar title" if is_bar else "other")
        marks = Counter() if is_bar else _marks(axes)
        if is_bar:
            drawn.bars.append(box)
        elif marks:
            drawn.panels.append((box, marks))
    return drawn


def _tick_labels(side) -> Iterator[Text]:
    low, high = sorted(side.get_view_interval())
    places = side.get_majorticklocs()
    slack = 1e-6 * (high - low)
    for place, tick in zip(places, side.get_major_ticks(len(places)), strict=True):
        if low - slack <= place <= high + slack:
            yield tick.label1
            yield tick.label2


def _text_corners(text: Text, height: float) -> np.ndarray:
    turn = text.get_rotation()
    x0, y0, x1, y1 = Text.get_window_extent(text).extents
    middle = np.array([(x0 + x1) / 2, height - (y0 + y1) / 2])
    text.set_rotation(0)
    flat = Text.get_window_extent(text)
    text.set_rotation(turn)
    angle = -np.deg2rad(turn)
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    half = np.array([flat.width, flat.height]) / 2
    return middle + (np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half) @ turned


def _marks(axes: Axes) -> Counter[str]:
    """Lines, points, bars, cells, bands and error bars of the traces; shapes have an id that says so."""
    marks: Counter[str] = Counter(bars=sum(len(one) for one in axes.containers if isinstance(one, BarContainer)))
    for child in axes.get_children():
        if child.get_gid() == "shape":
            continue
        if isinstance(child, Line2D):
            marks["lines"] += child.get_linestyle() != "None" and bool(np.isfinite(child.get_xydata()).all(1).any())
        elif isinstance(child, PathCollection):
            marks["points"] += int(np.isfinite(np.ma.filled(child.get_offsets(), np.nan)).all(axis=1).sum())
        elif isinstance(child, LineCollection):
            marks["error bars"] += len(child.get_segments())
        elif isinstance(child, QuadMesh):
            marks["cells"] += int(np.isfinite(np.ma.filled(child.get_array(), np.nan)).sum())
        elif isinstance(child, Polygon):
            marks["bands"] += 1
        elif isinstance(child, AxesImage):
            marks["images"] += 1
    return +marks


# texts with their corners (also of turned ones), panels with their marks, colour bars
SEEN = """plot => {
  const frame = plot.getBoundingClientRect();
  const corners = node => {
    const { x, y, width, height } = node.getBBox(), matrix = node.getScreenCTM();
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]].map(([left, top]) => {
      const at = new DOMPoint(left, top).matrixTransform(matrix);
      return [at.x - frame.left, at.y - frame.top];
    });
  };
  const box = node => {
    const { left, top, right, bottom } = node.getBoundingClientRect();
    return [left - frame.left, top - frame.top, right - frame.left, bottom - frame.top];
  };
  const hidden = node => { for (let at = node; at !== plot; at = at.parentNode) {
    const { visibility, display, opacity } = getComputedStyle(at);
    if (visibility === 'hidden' || display === 'none' || opacity === '0') return true;
  } return false; };
  const ticks = [...Array(16).keys()].map(n => `.x${n || ''}tick, .y${n || ''}tick`).join();
  const kind = node => node.closest('.colorbar') ? (node.closest('.cbtitle') ? 'bar title' : 'bar tick')
    : node.closest('.legend') ? 'legend' : node.closest(ticks) ? 'tick' : 'other';
  const spoken = node => [...node.querySelectorAll(':scope > .line')].map(line => line.textContent).join(' ')
    || node.textContent;
  const words = [...plot.querySelectorAll('svg text')].filter(node => node.textContent.trim() && !hidden(node))
    .map(node => [kind(node), spoken(node), corners(node)]);
  const panels = Object.values(plot._fullLayout._plots).map(({ xaxis, yaxis, plot: layer }) => {
    const all = selector => [...layer.node().querySelectorAll(selector)];
    const lined = trace => [...trace.querySelectorAll('path.js-line')]
      .some(path => path.getAttribute('d') && parseFloat(getComputedStyle(path).strokeWidth));
    const cells = plot.calcdata.map(([first]) => first).filter(({ trace, z }) => z && trace.visible === true
      && trace.xaxis === xaxis._id && trace.yaxis === yaxis._id && all('.heatmaplayer image').length);
    return [[xaxis._offset, yaxis._offset, xaxis._offset + xaxis._length, yaxis._offset + yaxis._length], {
      lines: all('.scatterlayer .trace').filter(lined).length,
      points: all('.scatterlayer .points path.point').length,
      bars: all('.barlayer .point path').length,
      'error bars': all('.errorbar').length,
      bands: all('.fills path.js-fill').filter(path => path.getAttribute('d')).length,
      cells: cells.flatMap(({ z }) => z.flatMap(row => [...row])).filter(Number.isFinite).length,
      images: all('.imagelayer image').length,
    }];
  });
  return { words, panels, bars: [...plot.querySelectorAll('.colorbar .cbfills')].map(box) };
}"""
SHOW = """async ([figure, width, height]) => {
  const plot = document.getElementById('plot');
  const layout = { ...figure.layout, width, height };
  await Plotly.newPlot(plot, figure.data, layout, { staticPlot: true });
  await document.fonts.ready;
}"""


def in_browser(page: Page, figure: go.Figure, width: int, height: int) -> Drawn:
    """The figure as plotly.js shows it; ``page`` has plotly.js and an element of the id ``plot``."""
    page.evaluate(SHOW, [json.loads(figure.to_json()), width, height])
    seen = page.evaluate(f"() => ({SEEN})(document.getElementById('plot'))")
    words = [Words(kind, _plain(text), np.array(corners)) for kind, text, corners in seen["words"]]
    panels = [(tuple(box), +Counter(marks)) for box, marks in seen["panels"]]
    return Drawn(width, height, words, [(box, marks) for box, marks in panels if marks], list(map(tuple, seen["bars"])))
