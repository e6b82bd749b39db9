"""Every figure as PNG against the same figure in a real browser: what is there and where, not pixels."""

import os
from inspect import signature

import browser
import numpy as np
import plotly.graph_objects as go
import pytest
from figures import DRAWN
from plotly.offline import get_plotlyjs

from lthkit import plots

MISSING = browser.missing()
REQUIRED = os.environ.get("LTHKIT_REQUIRE_BROWSER", "") not in ("", "0")
if MISSING and not REQUIRED:
    pytest.skip(f"no browser test: {MISSING}", allow_module_level=True)

from drawn import Drawn, in_browser, in_matplotlib  # noqa: E402 (needs playwright)

PAGE = "<body style='margin: 0; background: white'><div id='plot'></div></body>"
# pixels: plots in a browser leave a colour bar and its texts more room, how much depends on the fonts there are
SHIFTED = 32


@pytest.fixture(scope="module")
def page():
    """One page for all figures."""
    with browser.chromium(1200, 1000) as (page, errors):
        page.set_content(PAGE)
        page.add_script_tag(content=get_plotlyjs())
        yield page
        assert errors == []


def test_no_figure_is_missing():
    drawn = {name.partition(",")[0] for name in DRAWN}
    public = {name for name in plots.__all__ if signature(getattr(plots, name)).return_annotation is go.Figure}
    assert len(public) >= 17
    assert drawn == public | {"explore"}


@pytest.mark.parametrize("name", DRAWN)
def test_png_shows_what_a_browser_shows(page, name):
    figure = DRAWN[name]()
    size = figure.layout.width or 900, figure.layout.height or 500
    ours, theirs = in_matplotlib(figure, *size), in_browser(page, figure, *size)
    assert list(ours.faults()) == []
    assert list(theirs.faults()) == []
    for kind in ("tick", "legend", "bar title", "bar tick", "other"):
        assert ours.texts(kind) == theirs.texts(kind)
    np.testing.assert_allclose(tick_places(ours), tick_places(theirs), atol=SHIFTED)
    assert len(ours.bars) == len(theirs.bars)
    mine, yours = (sorted(one.panels, key=lambda panel: panel[0][:2]) for one in (ours, theirs))
    assert [marks for _, marks in mine] == [marks for _, marks in yours]
    np.testing.assert_allclose([box for box, _ in mine], [box for box, _ in yours], atol=SHIFTED)


def tick_places(drawn: Drawn) -> list[list[float]]:
    """Where the ticks' texts stand, so that axes with other ranges are found out, in order of the texts."""
    ticks = [one for one in drawn.words if one.kind == "tick"]
    return [place for _, *place in sorted((one.text, *one.corners.mean(axis=0)) for one in ticks)]


def test_faults_are_found(page):
    """The comparison is worth something: it sees what is wrong in a figure."""
    figure = go.Figure(go.Heatmap(z=[[1, 2]], colorbar={"x": 0.4, "title": {"text": "title"}}))
    figure.update_layout(
        title={"text": "far too long " * 20}, xaxis={"tickvals": [0, 0.001], "ticktext": ["one", "two"]}
    )
    figure.add_annotation(text="cut", x=1, y=1, xref="paper", yref="paper", xshift=90, showarrow=False)
    faults = "; ".join(in_browser(page, figure, 600, 400).faults())
    for fault in ("'one' overlaps 'two'", "too long' is cut off", "'cut' is cut off", "a colour bar lies over a panel"):
        assert fault in faults
    assert "'one' overlaps 'two'" in "; ".join(in_matplotlib(figure, 600, 400).faults())
