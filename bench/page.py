"""What a user of the explorer waits for, in a real page: JupyterLab in Chromium, stores of ResNet-50's size.

The page and the stores are those of the browser's tests.
"""

import sys
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from bench.measure import Measured, Row, Skipped
from lthkit.explorer import VIEWS

sys.path.append(str(Path(__file__).parents[1] / "tests"))
MOVES, ROUNDS = 30, 18
# whether another state is drawn, and whether the picture that stays in the notebook shows it
_CHANGED = "said => document.querySelector('.lthkit-plot').getAttribute('aria-label') !== said"
_KEPT = "said => document.querySelector('.lthkit-still img')?.alt === said"


def redraw() -> Measured:
    """From a key on the slider to the frame after the redraw: of every view 30 moves, the slowest view's 95 %.

    Raises:
        Skipped: where there is no Chromium or JupyterLab.
    """
    import browser

    if missing := browser.missing():
        raise Skipped(missing)
    with TemporaryDirectory() as folder:
        tails = _tails(Path(folder))
    return Measured(max(tails), (min(tails), max(tails)), MOVES * len(tails))


def _tails(folder: Path) -> list[float]:
    import browser
    import resnet50_sized
    from seen import PLOT, await_title, pick

    stores = resnet50_sized.stores(folder, ("first", "second"))
    given = {"stores": list(stores.values()), "names": list(stores), "out": str(folder), "round": 0}
    notebook = browser.prepared("07_explore", folder, given)
    with browser.jupyterlab(folder) as address, browser.chromium() as (page, _):
        browser.run_all(page, address.format(notebook.name))
        page.wait_for_selector(f"{PLOT} .main-svg", state="attached")
        await_title(page, "round 0 ")
        page.wait_for_timeout(3000)
        tails = []
        for view in VIEWS:
            before = page.locator(PLOT).get_attribute("aria-label")
            pick(page, "view", view.label)
            if view is not VIEWS[0]:
                page.wait_for_function(_CHANGED, arg=before)
            # the drawing of the picture takes the kernel's time
            page.wait_for_function(_KEPT, arg=page.locator(PLOT).get_attribute("aria-label"))
            tails.append(_tail(page))
        return tails


def _tail(page) -> float:  # type: ignore[no-untyped-def]
    """Seconds that 95 % of the moves stay below, up the rounds and down again."""
    import seen

    page.get_by_role("slider", name="round").focus()
    keys = (["ArrowRight"] * ROUNDS + ["ArrowLeft"] * ROUNDS)[:MOVES]
    times = []
    for key in keys:
        times.append(seen.press_timed(page, key) / 1000)
        page.wait_for_timeout(60)
    for _ in range(2 * ROUNDS - MOVES):
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(60)
    seen.await_title(page, "round 0 ")
    return quantiles(times, n=20)[-1]


ROWS = (Row("slider-page", 0.15, "slider to redraw in the page, every view: the slowest's 95 %", "", redraw, "s"),)
