"""The explorer's figure: score by round on top, layers on the left, the maps, one kernel's weights on the right.

Its traces never change. Every state of the explorer is a set of values for the same properties, so that a page goes
from one state to the next by changing those that differ.
"""

from collections.abc import Sequence

import plotly.graph_objects as go

from lthkit.explorer.bars import bars
from lthkit.explorer.choices import Choices
from lthkit.explorer.kernels import kernels
from lthkit.explorer.magnitudes import panel, threshold
from lthkit.explorer.maps import boxes, maps
from lthkit.explorer.model import Model
from lthkit.explorer.pictures import Picture, pictures
from lthkit.explorer.strip import mark, strip
from lthkit.explorer.traces import MAP_AXES, MAPS, MOST_SHOWN, State, empty
from lthkit.explorer.words import heading, summary
from lthkit.plots.packed import packed
from lthkit.plots.theme import title_pad, wrapped

# in a batch; live it is as wide as its cell
WIDTH = 1000


def build(model: Model, choices: Choices) -> go.Figure:
    """The figure of one state of the explorer."""
    drawn = pictures(model, choices)
    figure = empty()
    for (trace, path), value in state(model, choices, drawn).items():
        (figure.layout if trace is None else figure.data[trace])[path] = value
    for trace, picture in zip(MAPS, drawn, strict=False):
        figure.data[trace].z = packed(picture.cells)
    return figure


def state(model: Model, choices: Choices, drawn: Sequence[Picture]) -> State:
    """All properties of the figure that choices decide, but for the cells of the maps."""
    said = wrapped(heading(model, choices), 17, WIDTH)
    alone = len(drawn) == 1
    few = not choices.beside or len(choices.shown) < MOST_SHOWN
    made: State = {
        (None, "title.text"): said,
        (None, "title.pad.t"): title_pad(said),
        (None, "title.subtitle.text"): wrapped(f"{summary(model, choices)} · {drawn[0].words}", 12, WIDTH),
    }
    made |= bars(model, choices, alone) | maps(drawn) | kernels(model, choices) | panel(model, choices, few)
    domains = [made[None, f"xaxis{number}.domain"] for number, _ in zip(MAP_AXES, drawn, strict=False)]
    made |= strip(model, choices, domains[0][0], max(right for _, right in domains))
    made[None, "shapes"] = [*boxes(drawn), *mark(choices), *threshold(model, choices, few)]
    return made
