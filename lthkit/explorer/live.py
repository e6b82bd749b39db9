"""An explorer in a notebook: its widget, and the picture that stays without a kernel."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, Protocol

import pandas as pd
from IPython.display import HTML, DisplayHandle, display

from lthkit.errors import LthkitError
from lthkit.explorer.choices import Choices
from lthkit.explorer.frame import frame
from lthkit.explorer.model import Model
from lthkit.explorer.offers import options, values
from lthkit.explorer.scripts import packed
from lthkit.explorer.share import file_name
from lthkit.explorer.still import still, still_html
from lthkit.explorer.tables import table_html
from lthkit.explorer.widget import Page


@cache
def _painter() -> ThreadPoolExecutor:
    """One thread for the pictures of all explorers: each further one would keep memory for itself."""
    return ThreadPoolExecutor(1, "painter")


class Explored(Protocol):
    """What a page looks at and uses: an explorer."""

    choices: Choices

    @property
    def model(self) -> Model: ...
    @property
    def alt(self) -> str: ...
    def call(self) -> str: ...
    def choose(self, **changes: Any) -> Any: ...
    def click(self, row: int, column: int) -> None: ...
    def click_bar(self, place: int) -> None: ...
    def point(self, row: int, column: int) -> str: ...
    def table(self, name: str = ...) -> pd.DataFrame: ...
    def add(self, what: str) -> None: ...
    def save(self, path: str) -> Any: ...
    def close(self) -> None: ...


class Live:
    """What an explorer shows in the page, and what the page asks of it."""

    def __init__(self, explorer: Explored) -> None:
        self.explorer = explorer
        self.page = Page(self.answer)
        self._still: DisplayHandle | None = None
        self._pictured: object = None
        self._painting: asyncio.Future[bytes] | None = None
        self.follow()

    def answer(self, said: dict[str, Any]) -> None:
        """Do what the page asks for; what cannot be done is told there, in its sentence."""
        before = self.page.tick
        try:
            (CHANGES | ANSWERS)[said["kind"]](self, said)
        except LthkitError as error:
            self.page.send({"kind": "told", "text": str(error)})
        finally:
            if said["kind"] in CHANGES and self.page.tick == before and self.page.comm is not None:
                self.page.tick += 1

    def follow(self) -> None:
        """Show what is chosen."""
        model, choices = self.explorer.model, self.explorer.choices
        self.page.show(options(model, choices), values(model, choices, self.explorer.call()), frame(model, choices))

    def display(self) -> None:
        """Show the widget below the cell that runs, and before it, hidden, the place of its picture."""
        self._still = display(HTML(still_html(None, "")), display_id=True)
        display(self.page)

    def rest(self) -> None:
        """Nothing has changed for a while: keep the picture of this state in the notebook."""
        explorer = self.explorer
        if self._still is None or explorer.choices == self._pictured:
            return
        self._pictured = explorer.choices
        # a second's work that nobody waits for: the slider answers meanwhile
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()
        said = explorer.alt
        work = partial(still, explorer.model, explorer.choices)
        self._painting = loop.run_in_executor(_painter(), work)
        self._painting.add_done_callback(lambda made: self._keep(made, said), context=context)

    def _keep(self, made: "asyncio.Future[bytes]", alt: str) -> None:
        if self._still is not None and not made.cancelled():
            self._still.update(HTML(still_html(made.result(), alt)))

    def close(self) -> None:
        """Close the widget in the kernel and in the page; the picture stays."""
        layout = self.page.layout
        self.page.close()
        layout.close()  # ipywidgets' own: it holds the closed widget's whole page
        if self._painting is not None:
            self._painting.cancel()


def _module(live: Live, said: dict[str, Any]) -> None:
    live.page.send({"kind": "module", "name": said["name"]}, buffers=[packed(said["name"])])


def _choose(live: Live, said: dict[str, Any]) -> None:
    changes = {key: tuple(value) if isinstance(value, list) else value for key, value in said["changes"].items()}
    live.explorer.choose(**changes)


def _point(live: Live, said: dict[str, Any]) -> None:
    live.page.send({"kind": "pointed", "at": said["at"], "text": live.explorer.point(*said["at"])})


def _table(live: Live, said: dict[str, Any]) -> None:
    name = said["name"]
    live.page.send({"kind": "table", "html": table_html(live.explorer.table(name), name) if name else ""})


def _save(live: Live, said: dict[str, Any]) -> None:
    """Beside the notebook."""
    path = live.explorer.save(f"{file_name(live.explorer.choices)}.{said['format']}")
    live.page.send({"kind": "told", "text": f"saved {path}"})


Answer = Callable[[Live, dict[str, Any]], Any]
# a tick says that one of these was met; the page has at most one of them under way
CHANGES: dict[str, Answer] = {
    "choose": _choose,
    "click": lambda live, said: live.explorer.click(*said["at"]),
    "bar": lambda live, said: live.explorer.click_bar(said["at"]),
    "select": lambda live, said: live.explorer.add(said["what"]),
}
ANSWERS: dict[str, Answer] = {
    "module": _module,
    "point": _point,
    "table": _table,
    "save": _save,
    "rest": lambda live, said: live.rest(),
    "gone": lambda live, said: live.explorer.close(),
}
