"""What the explorer costs in the kernel: two ResNet-50-sized searches of 18 rounds, all layers in one picture.

The page's own part, and both together as a user waits for them, are timed by ``tests/test_browser.py``.
"""

from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.masks import search
from bench.measure import Measured, Row, seconds, timed
from bench.storing import ROUNDS
from lthkit.explorer import Explorer, explore
from lthkit.store import create


def opening() -> Measured:
    """Two stores read and checked, the figure's data and the page's side made; files in the system's cache."""
    with TemporaryDirectory() as folder:
        paths = [_stored(Path(folder) / f"{seed}.zarr", seed) for seed in (0, 1)]
        return seconds(timed(lambda: explore(*paths).live))


def redraw() -> Measured:
    """From the slider's round to the figure's data handed to the page: a step of one round."""
    return _steps(_open("kernels"))


def redraw_difference() -> Measured:
    """The same where two searches are compared."""
    return _steps(_open("only_a"))


def _open(view: str) -> Explorer:
    explorer = explore({"a": search(0), "b": search(1)}, view=view)
    explorer.live.follow()
    return explorer


def _steps(explorer: Explorer) -> Measured:
    rounds = cycle([*range(ROUNDS + 1), *range(ROUNDS - 1, 0, -1)])
    return seconds(timed(lambda: explorer.choose(round=next(rounds))), times=3 * ROUNDS)


def _stored(path: Path, seed: int) -> Path:
    codes = search(seed).codes
    shapes = {name: code.shape for name, code in codes.items()}
    with create(path, parameters=shapes, config={}, provenance={}, metrics=(), rounds=ROUNDS, evaluations=1) as writer:
        writer.commit(codes, rounds=ROUNDS, scored=0, scores={})
    return path


ROWS = (
    Row("explorer-open", 1.0, "explorer of two stores: read, counted, page's side made", "", opening, "s"),
    Row("slider-redraw", 0.15, "slider to the figure's new data (kernel's part)", "", redraw, "s"),
    Row("slider-redraw-difference", 0.15, "the same, A ∖ B of two searches", "", redraw_difference, "s"),
)
