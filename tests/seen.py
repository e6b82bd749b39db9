"""What a person sees of an explorer in a page, for tests in a browser."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from plotly.colors import hex_to_rgb, unlabel_rgb

from lthkit.explorer.pictures import Picture
from lthkit.explorer.traces import MAP_AXES

PLOT = ".lthkit-plot"
# from a key press to the frame after the redraw that it leads to
_TIMED = """() => {
  window.took = null;
  document.addEventListener('keydown', () => {
    const start = performance.now();
    const done = () => requestAnimationFrame(() => setTimeout(() => { window.took = performance.now() - start; }));
    document.querySelector('.lthkit-plot').addEventListener('lthkit-drawn', done, { once: true });
  }, { capture: true, once: true });
}"""
_PLACE = """([axis, row, column]) => {
  const plot = document.querySelector('.lthkit-plot');
  const { [`xaxis${axis}`]: x, [`yaxis${axis}`]: y } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  return [box.left + x._offset + x.l2p(column), box.top + y._offset + y.l2p(row)];
}"""
_PIXELS = """([axis, places]) => {
  const plot = document.querySelector('.lthkit-plot');
  const { [`xaxis${axis}`]: x, [`yaxis${axis}`]: y } = plot._fullLayout;
  const context = plot.querySelector('canvas').getContext('2d');
  const ratio = window.devicePixelRatio;
  const pixels = places.map(([row, column]) => {
    const at = [x._offset + x.l2p(column), y._offset + y.l2p(row)].map((value) => Math.floor(value * ratio));
    return [...context.getImageData(at[0], at[1], 1, 1).data];
  });
  return { pixels, size: [Math.floor(y._length), Math.floor(x._length)] };
}"""
_OVERLAPS = """(root) => {
  const plot = document.querySelector(root);
  const edge = plot.getBoundingClientRect();
  const texts = [...plot.querySelectorAll('.main-svg text')].filter((one) =>
    one.textContent.trim() && one.getBoundingClientRect().width && !one.closest('.heatmaplayer, .textpoint'));
  const boxes = texts.map((one) => one.getBoundingClientRect());
  const found = [];
  const into = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  for (let i = 0; i < texts.length; i++) {
    for (let j = i + 1; j < texts.length; j++)
      if (into(boxes[i], boxes[j])) found.push(`${texts[i].textContent} | ${texts[j].textContent}`);
    if (boxes[i].left < edge.left - 2 || boxes[i].right > edge.right + 2) found.push(`out: ${texts[i].textContent}`);
  }
  return found;
}"""
# WCAG 2.2's contrast of every text with the first opaque background behind it
_CONTRASTS = """(root) => {
  const parse = (colour) => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = '#000';
    c.fillStyle = colour; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => { for (let at = node; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor; const rgba = colour.match(/[\\d.]+/g)?.map(Number) ?? [];
    if (colour !== 'transparent' && (rgba.length < 4 || rgba[3] > 0.9)) return parse(colour); }
    return [255, 255, 255]; };
  const found = [];
  for (const node of document.querySelectorAll(`${root} *`)) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const box = node.getBoundingClientRect();
    if (!own || !box.width || box.height < 4 || node.closest('.lthkit-tip, datalist, style, option')) continue;
    const style = getComputedStyle(node);
    const svg = node instanceof SVGElement;
    if (svg && node.closest('.heatmaplayer')) continue; // numbers within cells: their own ink on their own cell
    const [a, b] = [light(parse(svg ? style.fill : style.color)), light(behind(node))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), node.textContent.slice(0, 40)]);
  }
  return found;
}"""


def place(page, axis: int, row: float, column: float) -> list[float]:
    """Where a place of a subplot is in the page."""
    return page.evaluate(_PLACE, [axis, row, column])


def press_timed(page, key: str) -> float:
    """Milliseconds from a key to the frame after the redraw."""
    page.evaluate(_TIMED)
    page.keyboard.press(key)
    page.wait_for_function("window.took !== null")
    return page.evaluate("window.took")


def overlaps(page, root: str = PLOT) -> list[str]:
    """Texts of a figure that run into each other or out of it; those within cells and bars are not meant."""
    return page.evaluate(_OVERLAPS, root)


def least_contrast(page, root: str = ".lthkit") -> tuple[float, str]:
    """The lowest contrast of a text with its background, and which."""
    return tuple(min(page.evaluate(_CONTRASTS, root)))


def await_title(page, *parts: str) -> None:
    """Wait until the figure is drawn whose title has these parts."""
    page.wait_for_function(
        "parts => { const said = document.querySelector('.lthkit-plot')?.getAttribute('aria-label');"
        " return said && parts.every(part => said.includes(part)); }",
        arg=list(parts),
    )


def pick(page, label: str, option: str) -> None:
    """Choose from a field by its label."""
    page.locator(".lthkit-field", has_text=re.compile(rf"^{label}")).locator("select").select_option(label=option)


def screenshots(tmp_path_factory) -> Path:
    """A folder for screenshots: that of the environment, to be looked at, or one that is thrown away."""
    folder = Path(os.environ.get("LTHKIT_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def assert_painted(page, drawn: Sequence[Picture], count: int = 60) -> None:
    """Pixels of every map, drawn at random, have the colour of the cell that is there.

    Where a pixel has several cells, it has the colour of one of them.
    """
    page.wait_for_timeout(250)
    draws = np.random.default_rng(0)
    for axis, picture in zip(MAP_AXES, drawn, strict=False):
        rows, columns = (draws.integers(0, size, count) for size in picture.cells.shape)
        places = [
            [
                picture.down.first + (row + 0.5) * picture.down.step - 0.5,
                picture.across.first + (column + 0.5) * picture.across.step - 0.5,
            ]
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
        found = page.evaluate(_PIXELS, [axis, places])
        near = [
            size // pixels + (size > pixels) for size, pixels in zip(picture.cells.shape, found["size"], strict=True)
        ]
        pixels = np.array(found["pixels"])
        assert (pixels[:, 3] == 255).mean() > 0.95
        fits = [
            _is_one_of(pixel[:3], picture, row, column, near)
            for pixel, row, column in zip(pixels, rows, columns, strict=True)
        ]
        assert np.mean(fits) > 0.94, picture.name


def _is_one_of(pixel: np.ndarray, picture: Picture, row: int, column: int, near: Sequence[int]) -> bool:
    rows, columns = (slice(max(at - by, 0), at + by + 1) for at, by in zip((row, column), near, strict=True))
    cells = np.unique(picture.cells[rows, columns])
    return any(np.abs(pixel - _colour(picture, int(cell))).max() <= 3 for cell in cells)


def _colour(picture: Picture, cell: int) -> list[float]:
    """The colour of a cell by plotly's rule: evenly between the steps of the scale around it."""
    places = np.array([place for place, _ in picture.scale.steps])
    colours = np.array([_rgb(colour) for _, colour in picture.scale.steps])
    at = cell / picture.scale.top
    high = max(int(np.argmax(places >= at - 1e-9)), 1)
    span = places[high] - places[high - 1]
    share = min(max((at - places[high - 1]) / span, 0), 1) if span else 1
    return (colours[high - 1] + share * (colours[high] - colours[high - 1])).tolist()


def _rgb(colour: str) -> tuple[float, ...]:
    return hex_to_rgb(colour) if colour.startswith("#") else unlabel_rgb(colour)
