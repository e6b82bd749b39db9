"""What stands beside measured scores: the dense network, the chance level, the papers' numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lthkit.papers import Outcome
from lthkit.plots.bands import add_band
from lthkit.plots.labels import runs_label, weights_label
from lthkit.plots.lines import TaskLines
from lthkit.plots.theme import COLOURS, TEXT

# dots alone are chance
DASHES = ("dash", "dashdot", "longdashdot", "longdash")
BAND = "rgba(118,118,118,0.22)"
# the chance level is drawn if the scores still fill this share of the picture's height
LEAST_SHARE = 0.4
_SOURCES = {"imagenet": "supervised, ", "simclr": "simCLR, ", "moco": "MoCo, "}


def add_dense(
    figure: go.Figure, task: TaskLines, reference: str, ends: list[float], others: Sequence[str] = (), **shown: Any
) -> None:
    """The dense network from ``reference`` as a line in a grey band, that from ``others`` as thin lines."""
    starts = [start for start in dict.fromkeys([reference, *others]) if start in task.dense]
    for place, start in enumerate(starts):
        found, first = task.dense[start], start == reference
        if first:
            panel = {name: value for name, value in shown.items() if name != "showlegend"}
            add_band(figure, ends, [found.mean] * 2, [found.sd] * 2, BAND, **panel)
        figure.add_scatter(
            x=ends,
            y=[found.mean] * 2,
            name=f"dense, {weights_label(start)} ({runs_label([found])})",
            mode="lines",
            line={"color": TEXT, "width": 2 if first else 1.5, "dash": DASHES[place % len(DASHES)]},
            hovertemplate=f"dense, {weights_label(start)}: {found}<extra></extra>",
            **shown,
        )


def reach_with_chance(
    chance: float | None, shape: str, low: float, high: float, notes: list[str]
) -> tuple[float, float]:
    """The range with the chance level in it; as it was, and chance in words, where that would press the scores flat."""
    if chance is None:
        return low, high
    with_it = min(low, chance), max(high, chance)
    if high - low < LEAST_SHARE * (with_it[1] - with_it[0]):
        notes.append(f"chance ({chance:{shape}}) lies outside the picture")
        return low, high
    return with_it


def add_chance(
    figure: go.Figure, chance: float | None, shape: str, ends: list[float], reach: tuple[float, float], **shown: Any
) -> None:
    """The chance level, if it is known and within reach, as the only dotted line of a figure."""
    if chance is None or not reach[0] <= chance <= reach[1]:
        return
    figure.add_scatter(
        x=ends,
        y=[chance] * 2,
        name=f"chance ({chance:{shape}})",
        mode="lines",
        line={"color": TEXT, "width": 1.5, "dash": "dot"},
        hovertemplate="chance: %{y}<extra></extra>",
        **shown,
    )


def add_levels(
    figure: go.Figure, levels: Mapping[str, float], ends: list[float], low: float, high: float
) -> tuple[float, float]:
    """Scores that others report, across the picture by name; the range with them."""
    for index, (name, score) in enumerate(levels.items()):
        figure.add_scatter(
            x=ends,
            y=[score] * 2,
            name=name,
            mode="lines",
            line={"color": COLOURS[-1 - index % len(COLOURS)], "width": 1.5, "dash": DASHES[1 + index % 3]},
            hovertemplate=f"{name}: %{{y}}<extra></extra>",
        )
    return min([low, *levels.values()]), max([high, *levels.values()])


def add_published(
    figure: go.Figure, published: Sequence[Outcome], reach: tuple[float, float], notes: list[str]
) -> None:
    """A dashed line at the highest sparsity that matched and a star at the best score; what has neither, in words."""
    for index, one in enumerate(published):
        colour = COLOURS[-1 - index % len(COLOURS)]
        said = f"{one.label}: {_SOURCES.get(one.source, '')}{one.setting}, {weights_label(one.weights)}"
        if one.highest is None:
            notes.append(f"{said}: matches at no sparsity")
        else:
            figure.add_scatter(
                x=[1 - one.highest] * 2,
                y=list(reach),
                name=f"{said}, up to {100 * one.highest:.2f} %",
                mode="lines",
                line={"color": colour, "width": 1.5, "dash": "longdash"},
                hovertemplate=f"{said}<br>up to {100 * one.highest:.2f} % removed<extra></extra>",
            )
        if one.best_score is not None and one.best_sparsity is not None:
            figure.add_scatter(
                x=[1 - one.best_sparsity],
                y=[one.best_score],
                name=f"{said}, best score",
                mode="markers",
                marker={"color": colour, "size": 13, "symbol": "star"},
                hovertemplate=f"{said}<br>best score %{{y}}<extra></extra>",
            )
