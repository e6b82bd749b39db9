"""Figures and explorers in pages of their own, in a real browser: live figures, a recorded page, Voilà."""

import json
import os

import browser
import nbformat
import pytest
import resnet50_sized
import seen
from figures import DRAWN
from plotly.offline import get_plotlyjs
from seen import PLOT, assert_painted, await_title, pick

from lthkit.explorer import explore
from lthkit.explorer.pictures import pictures

MISSING = browser.missing()
REQUIRED = os.environ.get("LTHKIT_REQUIRE_BROWSER", "") not in ("", "0")
if MISSING and not REQUIRED:
    pytest.skip(f"no browser test: {MISSING}", allow_module_level=True)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return resnet50_sized.stores(tmp_path_factory.mktemp("searches"), ("first", "second"))


@pytest.fixture
def twin(stores):
    return explore(stores)


@pytest.fixture
def shots(tmp_path_factory):
    return seen.screenshots(tmp_path_factory)


def test_figures_keep_their_height_and_fit_their_cell(tmp_path):
    code = (
        "import lthkit, plotly.graph_objects as go\n"
        "lthkit.show(go.Figure(go.Scatter(y=[1, 2, 3])).update_layout(title='three'), alt='three points that rise')"
    )
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)], metadata={"kernelspec": kernel})
    nbformat.write(made, tmp_path / "figure.ipynb")
    with browser.jupyterlab(tmp_path) as address, browser.chromium() as (page, errors):
        browser.run_all(page, address.format("figure.ipynb"))
        figure = page.locator(".js-plotly-plot")
        figure.locator(".main-svg").first.wait_for(state="attached")
        page.wait_for_timeout(500)
        high = figure.bounding_box()["height"]
        assert high > 300
        for width, height in ((1500, 700), (1500, 1100), (1143, 900), (1143, 500), (1500, 900)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(700)
            box, cell = figure.bounding_box(), page.locator(".jp-OutputArea-output").last.bounding_box()
            assert box["height"] == high
            assert box["width"] <= cell["width"] + 1
            assert box["width"] > 0.9 * cell["width"]
        assert page.get_by_role("img", name="three points that rise").count() == 1
        page.keyboard.press("Control+s")
        page.wait_for_timeout(1500)
        assert "image/png" in (tmp_path / "figure.ipynb").read_text()
    assert errors == []


def test_a_recorded_page_needs_no_kernel_and_no_network(tmp_path, stores, twin, shots):
    path = twin.save(tmp_path / "search.html")
    print(f"\na page of {resnet50_sized.ROUNDS} rounds: {path.stat().st_size / 1e6:.1f} MB")
    assert path.stat().st_size < 15_000_000
    with browser.chromium(1200, 1150) as (page, errors):
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        await_title(page, "Weights left in first, round 7")
        page.wait_for_selector(f"{PLOT} .main-svg", state="attached")
        assert page.locator("#first").count() == 0  # the picture that stood until then
        page.get_by_role("slider", name="round").focus()
        page.keyboard.press("ArrowRight")
        await_title(page, "round 8 ")
        twin.choose(round=8)
        assert_painted(page, pictures(twin.model, twin.choices))
        pick(page, "view", "completely zero kernels")
        twin.choose(view="zero")
        await_title(page, "zero kernels in first, round 8 ")
        assert_painted(page, pictures(twin.model, twin.choices))
        assert (page.title(), page.locator("html").get_attribute("lang")) == ("first and second: 19 rounds", "en")
        page.emulate_media(color_scheme="dark")
        assert seen.least_contrast(page)[0] >= 4.5
        page.screenshot(path=shots / "recorded-dark.png")
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert errors == []


def test_explorer_as_voila_app_in_the_dark(tmp_path, stores, shots):
    parameters = {"stores": list(stores.values()), "names": list(stores), "out": str(tmp_path), "view": "overlap"}
    notebook = browser.prepared("07_explore", tmp_path, parameters)
    twin = explore(stores, view="overlap")
    with browser.voila(notebook) as address, browser.chromium() as (page, errors):
        page.goto(f"{address}?theme=dark")
        page.wait_for_selector(f"{PLOT} .main-svg", state="attached")
        await_title(page, "Overlap of first and second, round 7")
        page.get_by_role("slider", name="round").focus()
        page.keyboard.press("ArrowRight")
        await_title(page, "round 8")
        twin.choose(round=8)
        assert_painted(page, pictures(twin.model, twin.choices))
        assert "import lthkit" not in page.content()
        assert seen.least_contrast(page)[0] >= 4.5
        page.screenshot(path=shots / "voila.png")
    # Voilà's own page asks another server for the symbols on its buttons
    assert [error for error in errors if "fontawesome" not in error] == []


def test_no_text_of_any_figure_collides_in_a_narrow_cell(tmp_path):
    (tmp_path / "plotly.js").write_text(get_plotlyjs(), encoding="utf-8")
    # a notebook's cell of 768 pixels
    text = '<body style="margin: 0"><div id="plot" style="width: 743px"></div><script src="plotly.js"></script></body>'
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    draw = "figure => Plotly.newPlot('plot', figure.data, { ...figure.layout, width: 743 }, { displayModeBar: false })"
    found = {}
    with browser.chromium(800, 1150) as (page, errors):
        page.goto((tmp_path / "page.html").as_uri())
        for name, make in DRAWN.items():
            if not name.startswith("explore"):
                page.evaluate("Plotly.purge('plot')")
                page.evaluate(f"figure => ({draw})(figure).then(() => null)", json.loads(make().to_json()))
                found[name] = seen.overlaps(page, "#plot")
    assert {name: texts for name, texts in found.items() if texts} == {}
    assert errors == []
