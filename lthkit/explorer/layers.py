"""Numbers of one layer, kernel by kernel, at one round."""

import numpy as np

from lthkit.analysis.masks.histograms import histogram, left
from lthkit.analysis.masks.searches import Search
from lthkit.explorer.choices import COMPARING, Choices
from lthkit.explorer.model import Model

MOST_CELLS = 200_000


def counts_of_kernels(model: Model, choices: Choices, layer: str) -> tuple[np.ndarray, int]:
    """What the view counts in each kernel of a layer, (out, in), and how much of it a kernel can have.

    These are weights; in the view of zero kernels 1 where the kernel is completely zero.
    """
    places, zero_from = model.places(choices.a, layer)
    if choices.view == "zero":
        return (zero_from <= choices.round).astype(np.uint8), 1
    others = model.places(choices.b, layer)[0] if choices.view in COMPARING and choices.b else places
    counts = np.zeros(places.shape[1:], np.uint8 if len(places) <= 255 else np.uint16)
    for ours, theirs in zip(places, others, strict=True):
        counts += _chosen(choices.view, ours > choices.round, theirs > model.round_b(choices))
    return counts, len(places)


def _chosen(view: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if view == "kernels":
        return a
    return {"both": a & b, "only_a": a & ~b, "only_b": b & ~a}[view]


def left_by_channel(search: Search, layer: str) -> np.ndarray:
    """Share of each output channel's weights left in each round: (out, rounds + 1)."""
    channels = search.codes[layer].reshape(len(search.codes[layer]), -1)
    kept = left(np.stack([histogram(channel, search.rounds) for channel in channels]))
    return np.asarray(kept / channels.shape[1])


def tile_side(shape: tuple[int, ...]) -> int:
    """Side of the smallest square tile that leaves at most 200,000 cells."""
    tile = 1
    while -(-shape[0] // tile) * -(-shape[1] // tile) > MOST_CELLS:
        tile += 1
    return tile


def tiled(counts: np.ndarray, tile: int) -> np.ndarray:
    """Means over square tiles, smaller at the far edges where the sides do not divide."""
    rows, columns = (np.arange(0, length, tile) for length in counts.shape)
    sums = np.add.reduceat(np.add.reduceat(counts, rows, axis=0, dtype=np.uint32), columns, axis=1)
    sizes = [np.diff(np.append(starts, end)) for starts, end in zip((rows, columns), counts.shape, strict=True)]
    return np.asarray(sums / np.outer(*sizes))
