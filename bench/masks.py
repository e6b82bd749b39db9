"""What looking at masks costs: two ResNet-50-sized searches of 18 rounds, codes in memory."""

from functools import cache

import numpy as np

from bench.measure import Measured, Row, ratio, seconds, timed
from bench.storing import ROUNDS, Shapes, resnet50
from lthkit import analysis, plots
from lthkit.analysis import Search

RATE, ROUND = 0.2, 7
# The loop over all 361 pairs takes about 10 s; it is measured on the pairs of these rounds and scaled. Its boolean
# arrays are made beforehand.
LOOPED = (0, 6, 12, 18)


def overlap() -> Measured:
    """Intersection, union, Jaccard, Hamming and chance of every layer at all pairs of rounds."""
    a, b = (search(seed) for seed in (0, 1))
    return seconds(timed(lambda: analysis.overlap(a, b)))


def overlap_against_loop() -> Measured:
    """The same against counting boolean arrays for each pair of rounds; both must count the same."""
    a, b = (search(seed) for seed in (0, 1))
    counts = analysis.overlap(a, b).sel(round_a=list(LOOPED), round_b=list(LOOPED))
    ours, theirs = ([boolean(search, round) for round in LOOPED] for search in (a, b))
    both, either = loop(ours, theirs)
    if not (np.array_equal(counts["intersection"], both) and np.array_equal(counts["union"], either)):
        raise AssertionError("the overlap differs from that of the boolean arrays")
    whole = timed(lambda: analysis.overlap(a, b))
    pairs = (ROUNDS + 1) ** 2 / len(LOOPED) ** 2
    looped = timed(lambda: loop(ours, theirs))
    return ratio(whole, lambda: pairs * looped(), pairs=5)


def zero_kernels() -> Measured:
    """Zero kernels, input and output channels of every layer at all rounds, and chance."""
    one = search(0)
    return seconds(timed(lambda: analysis.zero_kernels(one)))


def heatmap() -> Measured:
    """The map of all kernels at all rounds, and the figure of one."""
    one = search(0)
    return seconds(timed(lambda: plots.zero_kernels_map(analysis.zero_kernel_cells(one), ROUND)))


@cache
def search(seed: int) -> Search:
    """A search that removes a fifth of the weights each round at random."""
    return drawn(resnet50(), seed)


def drawn(shapes: Shapes, seed: int) -> Search:
    """Codes drawn independently: c with probability 0.2 · 0.8^(c−1), the rest survives."""
    dice = np.random.default_rng(seed)
    steps = np.cumsum([RATE * (1 - RATE) ** step for step in range(ROUNDS)])
    table = np.append(np.arange(1, ROUNDS + 1), 255).astype(np.uint8)
    codes = {name: table[np.searchsorted(steps, dice.random(shape, np.float32))] for name, shape in shapes.items()}
    return Search(codes, ROUNDS, f"seed {seed}")


def boolean(search: Search, round: int) -> list[np.ndarray]:
    """The mask of one round, as a boolean array of each layer."""
    return [code > round for code in search.codes.values()]


def loop(ours: list[list[np.ndarray]], theirs: list[list[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Intersection and union of each pair of masks, (layer, pair of rounds …)."""
    both = [[[np.count_nonzero(x & y) for x, y in zip(a, b, strict=True)] for b in theirs] for a in ours]
    either = [[[np.count_nonzero(x | y) for x, y in zip(a, b, strict=True)] for b in theirs] for a in ours]
    return np.moveaxis(np.array(both), -1, 0), np.moveaxis(np.array(either), -1, 0)


_LOOP = f"loop over pairs on boolean arrays ({len(LOOPED) ** 2} of {(ROUNDS + 1) ** 2} pairs, scaled)"
ROWS = (
    Row("overlap", 0.5, f"overlap of two searches at all {(ROUNDS + 1) ** 2} pairs of rounds", "", overlap, "s"),
    Row("overlap-loop", 0.05, "overlap at all pairs of rounds", _LOOP, overlap_against_loop),
    Row("zero-kernels", 0.5, "zero kernels and channels of all rounds", "", zero_kernels, "s"),
    Row("kernel-map", 1.0, f"map of all kernels, figure of round {ROUND}", "", heatmap, "s"),
)
