"""The explorer as one widget: its controls and its figure are the page's, here is what they show and what they do."""

from collections.abc import Callable
from dataclasses import asdict
from html import escape
from typing import Any, Protocol

import anywidget
import pandas as pd
import traitlets

from lthkit.errors import LthkitError
from lthkit.explorer.frame import Frame, first_figure
from lthkit.explorer.scripts import plotly, script, style

MOST_ROWS = 200


class Host(Protocol):
    """What answers the page."""

    def choose(self, **changes: Any) -> Any: ...
    def click(self, row: int, column: int) -> None: ...
    def click_bar(self, place: int) -> None: ...
    def point(self, row: int, column: int) -> str: ...
    def table(self, name: str) -> pd.DataFrame: ...
    def save(self, format: str) -> str: ...
    def select(self, what: str) -> None: ...
    def rest(self) -> None: ...
    def gone(self) -> None: ...


class Page(anywidget.AnyWidget):
    """One explorer in a page.

    Attributes:
        figure: the figure without data, drawn once.
        options: what the controls offer.
        values: what they stand at.
        frame: traces, layout, maps and words of the state that is shown.
        lists: texts that its maps say.
        cells: the maps' cells.
        tick: rises with every answer, so that the page knows that its last wish was met.
    """

    _css = traitlets.Unicode().tag(sync=True)
    figure = traitlets.Dict().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    lists = traitlets.List(traitlets.Any()).tag(sync=True)
    cells = traitlets.Bytes().tag(sync=True)
    tick = traitlets.Int(0).tag(sync=True)

    def __init__(self, host: Host) -> None:
        super().__init__(_esm=script(), _css=style(), figure=first_figure())
        self._host = host
        self.on_msg(lambda widget, said, buffers: self._answer(said))

    def show(self, options: dict[str, Any], values: dict[str, Any], frame: Frame) -> None:
        """Show this state, with one message to the page."""
        plain = asdict(frame)
        with self.hold_sync():
            self.options, self.values = options, values
            self.lists, self.cells = plain.pop("lists"), plain.pop("cells")
            self.frame = plain
            self.tick += 1

    def _answer(self, said: dict[str, Any]) -> None:
        """Do what the page asks for; what cannot be done is told there, in its sentence."""
        before = self.tick
        try:
            ANSWERS[said["kind"]](self, self._host, said)
        except LthkitError as error:
            self.send({"kind": "told", "text": str(error)})
        finally:
            if self.tick == before and self.comm is not None:
                self.tick += 1


def _choose(page: Page, host: Host, said: dict[str, Any]) -> None:
    changes = {key: tuple(value) if isinstance(value, list) else value for key, value in said["changes"].items()}
    host.choose(**changes)


def _point(page: Page, host: Host, said: dict[str, Any]) -> None:
    page.send({"kind": "pointed", "at": said["at"], "text": host.point(*said["at"])})


def _table(page: Page, host: Host, said: dict[str, Any]) -> None:
    page.send({"kind": "table", "html": _rows(host.table(said["name"]), said["name"]) if said["name"] else ""})


def _save(page: Page, host: Host, said: dict[str, Any]) -> None:
    page.send({"kind": "told", "text": host.save(said["format"])})


def _plotly(page: Page, host: Host, said: dict[str, Any]) -> None:
    page.send({"kind": "plotly"}, buffers=[plotly()])


ANSWERS: dict[str, Callable[[Page, Host, dict[str, Any]], None]] = {
    "plotly": _plotly,
    "choose": _choose,
    "click": lambda page, host, said: host.click(*said["at"]),
    "bar": lambda page, host, said: host.click_bar(said["at"]),
    "point": _point,
    "table": _table,
    "save": _save,
    "select": lambda page, host, said: host.select(said["what"]),
    "rest": lambda page, host, said: host.rest(),
    "gone": lambda page, host, said: host.gone(),
}


def _rows(frame: pd.DataFrame, name: str) -> str:
    more = f" (the first {MOST_ROWS}; all: <code>explorer.table('{escape(name)}')</code>)"
    said = f"{len(frame):,} rows{more if len(frame) > MOST_ROWS else ''}"
    shown = frame.head(MOST_ROWS)
    rows = shown.to_html(index=False, border=0, float_format="{:.4g}".format, na_rep="", classes=["lthkit-table"])
    return f"<p>{said}</p>{rows}"
