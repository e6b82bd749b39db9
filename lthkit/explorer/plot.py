"""The explorer's figure as a widget: cells travel as bytes, everything else only decides what they look like.

Not plotly's FigureWidget: it turns two-dimensional arrays into lists of numbers (three times slower to redraw), and
given packed ones its page answers with a copy of the whole array for every row, which ends the connection.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import plotly.graph_objects as go
import traitlets
from plotly.offline import get_plotlyjs

from lthkit import plots
from lthkit.explorer.figure import PICTURE, State

Report = Callable[[str, int, list[int]], None]


@cache
def _script() -> str:
    """Plotly as its own page would load it, whatever loaders this page has, and our few lines."""
    ours = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return (
        "const module = { exports: {} };\nconst exports = module.exports;\nconst define = undefined;\n"
        f"{get_plotlyjs()}\nconst Plotly = module.exports;\n{ours}"
    )


class Plot(anywidget.AnyWidget):
    """A figure whose traces are changed in place.

    Attributes:
        figure: data, layout and configuration, drawn once.
        state: what the traces and the layout show: trace (None: the layout), path and value.
        cells: the picture's bytes.
        picture: which trace it is, and how many columns it has.
        alt: what the figure says, in words; announced when it changes.
        sliders: names of the sliders in the same box, which have none of their own.
    """

    figure = traitlets.Dict().tag(sync=True)
    state = traitlets.List(traitlets.Any()).tag(sync=True)
    cells = traitlets.Bytes().tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)
    alt = traitlets.Unicode("").tag(sync=True)
    sliders = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, figure: go.Figure, report: Report, sliders: list[str]) -> None:
        """``report`` is called with "click" or "hover", the trace and the point: [bar] or [row, column]."""
        plain = figure.to_plotly_json() | {"config": plots.config()}
        super().__init__(_esm=_script(), figure=_listed(plain), sliders=sliders)
        self.on_msg(lambda widget, said, buffers: report(said["kind"], said["trace"], said["point"]))

    def show(self, state: State, cells: np.ndarray, alt: str) -> None:
        """Show this state, with one message to the page."""
        with self.hold_sync():
            self.picture = {"trace": PICTURE, "columns": cells.shape[1]}
            self.cells = np.ascontiguousarray(cells).tobytes()
            self.state = [[trace, path, _listed(value)] for (trace, path), value in state.items()]
            self.alt = alt


def _listed(value: Any) -> Any:
    """Tuples and arrays as lists, as JSON has them."""
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
