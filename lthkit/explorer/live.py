"""An explorer in a notebook: its widget, and the picture that stays without a kernel."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

import pandas as pd
from IPython.display import HTML, DisplayHandle, display

from lthkit import plots
from lthkit.explorer.choices import Choices
from lthkit.explorer.figure import WIDTH, build
from lthkit.explorer.frame import frame
from lthkit.explorer.model import Model
from lthkit.explorer.offers import options, values
from lthkit.explorer.share import file_name
from lthkit.explorer.still import small, still_html
from lthkit.explorer.widget import Page


def _picture(model: Model, choices: Choices) -> bytes:
    return small(plots.png(build(model, choices).update_layout(width=WIDTH)))


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
        self.page = Page(self)
        self._still: DisplayHandle | None = None
        self._pictured: object = None
        # one thread of its own: threads of a pool would each keep memory for themselves
        self._painter = ThreadPoolExecutor(1)
        self.follow()

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
        work = partial(_picture, explorer.model, explorer.choices)
        done = loop.run_in_executor(self._painter, work)
        done.add_done_callback(lambda made: self._keep(made, said), context=context)

    def _keep(self, made: "asyncio.Future[bytes]", alt: str) -> None:
        if self._still is not None and not made.cancelled():
            self._still.update(HTML(still_html(made.result(), alt)))

    def close(self) -> None:
        """Close the widget in the kernel and in the page; the picture stays."""
        self.page.close()
        self._painter.shutdown(wait=False, cancel_futures=True)

    def choose(self, **changes: object) -> None:
        self.explorer.choose(**changes)

    def click(self, row: int, column: int) -> None:
        self.explorer.click(row, column)

    def click_bar(self, place: int) -> None:
        self.explorer.click_bar(place)

    def point(self, row: int, column: int) -> str:
        return self.explorer.point(row, column)

    def table(self, name: str) -> pd.DataFrame:
        return self.explorer.table(name)

    def select(self, what: str) -> None:
        self.explorer.add(what)

    def save(self, format: str) -> str:
        """Save beside the notebook; says where."""
        return f"saved {self.explorer.save(f'{file_name(self.explorer.choices)}.{format}')}"

    def gone(self) -> None:
        """The page has no view of it any more."""
        self.explorer.close()
