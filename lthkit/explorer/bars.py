"""The bars at the left: what a view counts in each layer, on one scale for all rounds."""

from dataclasses import replace

import numpy as np

from lthkit.explorer.choices import Choices, short
from lthkit.explorer.look import look
from lthkit.explorer.model import Model
from lthkit.explorer.traces import BARS, CHANCE, State
from lthkit.plots import ticks
from lthkit.plots.packed import packed
from lthkit.plots.theme import COLOURS, TEXT

MOST_LAYER_NAMES = 56


def bars(model: Model, choices: Choices, shown: bool) -> State:
    """A bar a layer and a mark for its level of chance; not ``shown`` where maps need the room."""
    view, scene = look(model, choices)
    counts = view.counts(scene)
    count, scoped = len(counts.layers), set(scene.chosen)
    names = [short(name) for name in counts.layers]
    step = -(-count // MOST_LAYER_NAMES)
    shares, chance = 100 * counts.share, 100 * counts.chance
    known = np.isfinite(chance)
    return {
        (BARS, "visible"): shown,
        (CHANCE, "visible"): shown,
        (None, "xaxis.visible"): shown,
        (None, "yaxis.visible"): shown,
        (BARS, "x"): packed(np.nan_to_num(shares)),
        (BARS, "y"): names,
        (BARS, "marker.color"): [COLOURS[0] if name in scoped else TEXT for name in counts.layers],
        (CHANCE, "x"): packed(chance[known]),
        (CHANCE, "y"): [name for name, there in zip(names, known, strict=True) if there],
        (None, "xaxis.title.text"): f"share (%){'<br>◆ by chance' if known.any() else ''}",
        (None, "xaxis.range"): [0, _reach(model, choices)],
        (None, "yaxis.range"): [count - 0.5, -0.5],
        (None, "yaxis.tickvals"): list(range(0, count, step)),
        (None, "yaxis.ticktext"): ticks.short(counts.layers)[::step],
        (None, "yaxis.tickfont.size"): 12 if count <= 30 else 9,
    }


def _reach(model: Model, choices: Choices) -> float:
    """The end of the axis: no bar of any round goes beyond it."""
    key = (choices.view, choices.a, choices.b if look(model, choices)[0].compares else None)
    if key not in model.reach:
        most = 0.0
        for round in range(model.rounds(choices.a) + 1):
            view, scene = look(model, replace(choices, round=round, beside=False))
            counts = view.counts(scene)
            most = max(most, *np.nan_to_num([counts.share, counts.chance]).max(axis=1))
        model.reach[key] = most
    return 105 * (model.reach[key] or 1.0)
