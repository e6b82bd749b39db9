"""Figures for papers and talks: SVG and PDF, the theme for print, films."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest
from figures import DRAWN
from PIL import Image

from lthkit import plots
from lthkit.errors import LthkitError
from lthkit.plots.paper import WIDTHS

LINE = go.Figure(go.Scatter(x=[1, 2, 3], y=[0, 1, 4], name="a line"), layout={"title": "what it is", "height": 400})


@pytest.fixture(scope="module")
def heat():
    return DRAWN["kernel_heatmap"]()


@pytest.mark.parametrize("ending", [".svg", ".pdf"])
def test_the_same_figure_gives_the_same_bytes(tmp_path, heat, ending):
    one, other = (plots.save(heat, tmp_path / f"{name}{ending}")[0].read_bytes() for name in "ab")
    assert one == other


def test_texts_of_an_svg_are_texts(tmp_path):
    (path,) = plots.save(LINE, tmp_path / "line.svg")
    root = ElementTree.parse(path).getroot()
    texts = {"".join(one.itertext()).strip() for one in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"what it is", "1.0", "3.0"} <= texts or {"what it is", "1", "3"} <= texts


def test_a_heatmap_is_one_image_not_a_shape_a_cell(tmp_path):
    noise = np.random.default_rng(0).integers(0, 200, (300, 300)).astype(np.uint8)
    (path,) = plots.save(go.Figure(go.Heatmap(z=noise, showscale=False)), tmp_path / "noise.svg")
    text = path.read_text(encoding="utf-8")
    assert text.count("<image") == 1
    assert text.count("<path") < 200


@pytest.mark.parametrize(("theme", "width"), [("paper", "column"), ("paper-wide", "page")])
def test_a_figure_for_print_is_black_without_a_title_and_as_wide_as_said(tmp_path, theme, width):
    before = LINE.to_plotly_json()
    (path,) = plots.save(LINE, tmp_path / "line.svg", theme)
    assert LINE.to_plotly_json() == before
    text = path.read_text(encoding="utf-8")
    assert "what it is" not in text
    points = float(re.search(r'<svg[^>]* width="([\d.]+)pt"', text)[1])
    assert points == pytest.approx(WIDTHS[width] * 72 / 100)
    sizes = {float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", text)}
    assert sizes
    assert all(6.5 <= size <= 9 for size in sizes)


@pytest.mark.parametrize("name", list(DRAWN))
def test_every_figure_is_printed(name):
    made = plots.paper(DRAWN[name](), "page")
    assert made.layout.title.text == ""
    assert made.layout.width == WIDTHS["page"]
    for axis in [*made.select_xaxes(), *made.select_yaxes()]:
        assert axis.linecolor == "#000000"
        if axis.ticktext:
            assert len(axis.ticktext) == len(axis.tickvals)


def test_an_unknown_theme_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(LthkitError, match="there is no theme 'dark'; choose from paper, paper-wide"):
        plots.save(LINE, tmp_path / "line.png", "dark")
    assert not list(tmp_path.iterdir())


def test_a_page_says_what_it_shows(tmp_path):
    (path,) = plots.save(LINE, tmp_path / "line.html", alt='three "points"')
    text = path.read_text(encoding="utf-8")
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<title>what it is</title>" in text
    assert 'role="figure" aria-label="three &quot;points&quot;"' in text
    assert "height:400px" in text.replace(" ", "")


def coloured(colours):
    for colour in colours:
        yield go.Figure(layout={"paper_bgcolor": colour, "plot_bgcolor": colour, "width": 120, "height": 80})


def test_a_film_has_every_figure_in_its_own_colours(tmp_path):
    colours = ["#FF0000", "#00FF00", "#0000FF"]
    path = plots.animation(coloured(colours), tmp_path / "new" / "film.gif", seconds=0.2)
    film = Image.open(path)
    assert (film.n_frames, film.size, film.info["loop"]) == (3, (120, 80), 0)
    times = []
    for place, colour in enumerate(colours):
        film.seek(place)
        times.append(film.info["duration"])
        pixel = np.array(film.convert("RGB").getpixel((2, 2)))
        assert np.abs(pixel - [int(colour[at : at + 2], 16) for at in (1, 3, 5)]).max() <= 2
    assert times == [200, 200, 600]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_a_film_for_talks(tmp_path):
    path = plots.animation(coloured(["#FF0000", "#0000FF"]), tmp_path / "film.mp4")
    said = ["-v", "error", "-show_entries", "stream=codec_name,pix_fmt", "-of", "csv=p=0", str(path)]
    assert subprocess.run(["ffprobe", *said], capture_output=True, text=True).stdout.strip() == "h264,yuv420p"


def test_a_film_that_cannot_be_made_is_refused(tmp_path, monkeypatch):
    with pytest.raises(LthkitError, match="there is no figure for a film"):
        plots.animation([], tmp_path / "film.gif")
    with pytest.raises(LthkitError, match=r"'film\.avi' is no film"):
        plots.animation([LINE], tmp_path / "film.avi")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(LthkitError, match="ffmpeg, which is missing; install it, or save as"):
        plots.animation([LINE], tmp_path / "film.mp4")
    assert not list(tmp_path.iterdir())
