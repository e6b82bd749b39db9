"""The explorer as one widget: its controls and its figure are the page's, here is what they show."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import anywidget
import traitlets

from lthkit.explorer.frame import Frame, first_figure
from lthkit.explorer.scripts import loader, style


class Page(anywidget.AnyWidget):
    """One explorer in a page.

    Attributes:
        figure: the figure without data, drawn once.
        options: what the controls offer.
        values: what they stand at.
        frame: traces, layout, maps and words of the state that is shown.
        lists: texts that its maps say.
        cells: the maps' cells.
        tick: rises with every change that was asked for, so that the page knows that its last wish was met.
    """

    _css = traitlets.Unicode().tag(sync=True)
    figure = traitlets.Dict().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    lists = traitlets.List(traitlets.Any()).tag(sync=True)
    cells = traitlets.Bytes().tag(sync=True)
    tick = traitlets.Int(0).tag(sync=True)

    def __init__(self, answer: Callable[[dict[str, Any]], None]) -> None:
        """``answer`` is given what the page asks for."""
        super().__init__(_esm=loader(), _css=style(), figure=first_figure())
        self.on_msg(lambda _widget, said, _buffers: answer(said))

    def show(self, options: dict[str, Any], values: dict[str, Any], frame: Frame) -> None:
        """Show this state, with one message to the page."""
        plain = asdict(frame)
        with self.hold_sync():
            self.options, self.values = options, values
            self.lists, self.cells = plain.pop("lists"), plain.pop("cells")
            self.frame = plain
            self.tick += 1
