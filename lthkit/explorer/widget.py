"""The explorer's controls: thin widgets around the model; they only choose, and show what was chosen."""

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from lthkit.explorer import clicks
from lthkit.explorer.choices import Choices, scopes, short
from lthkit.explorer.figure import BARS, PICTURE, empty, state
from lthkit.explorer.look import available, look
from lthkit.explorer.model import Model
from lthkit.explorer.pictures import picture
from lthkit.explorer.plot import Plot
from lthkit.explorer.tables import TABLES, table
from lthkit.explorer.words import alt

MOST_ROWS = 200
STEP_MS = 600
STYLE = "<style>table.lthkit :is(th, td) { padding: 0 1em 0 0; line-height: 1.4; text-align: left; }</style>"


class Controls:
    """The widgets of one explorer, and what happens when they are used.

    Args:
        model: the searches and everything counted.
        choices: what is shown first.
        choose: is given the fields of ``Choices`` that a user changes; it answers by ``follow``.
    """

    def __init__(self, model: Model, choices: Choices, choose: Callable[..., Any]) -> None:
        self.model, self.choices, self.choose = model, choices, choose
        self._following = False
        self._make_choosers()
        self._make_steppers()
        self.plot = Plot(empty(model), self._pointed, sliders=["round"])
        self.under = widgets.HTML(layout={"min_height": "2em"})
        self.tables = widgets.HTML(layout={"max_height": "400px", "overflow": "auto"})
        self._listen()
        self.follow(choices)
        top = widgets.HBox([self.a, self.b, self.view, self.scope], layout={"flex_flow": "row wrap"})
        steps = [self.play, self.round, self.output, self.input, self.which]
        below = widgets.HBox(steps, layout={"flex_flow": "row wrap", "align_items": "center"})
        self.box = widgets.VBox([top, below, self.plot, self.under, self.tables])

    def display(self) -> None:
        """Show the widgets below the cell that runs."""
        display(self.box)

    def follow(self, choices: Choices) -> None:
        """Make every control and the figure show these choices."""
        self.choices, self._following = choices, True
        _, scene = look(self.model, choices)
        try:
            self._follow_choosers()
            for stepper in (self.round, self.play):
                stepper.max = self.model.rounds(choices.a)
                stepper.value = choices.round
            out, inner = scene.channels
            self.output.max, self.input.max = out - 1, inner - 1
            self.output.value, self.input.value = choices.kernel
            for stepper in (self.output, self.input):
                stepper.disabled = scene.layer is None
        finally:
            self._following = False
        self._draw()

    def _draw(self) -> None:
        drawn = picture(self.model, self.choices)
        self.plot.show(state(self.model, self.choices, drawn), drawn.cells, alt(self.model, self.choices))
        self.under.value = ""
        self._fill_table()

    def _make_choosers(self) -> None:
        names = list(self.model.searches)
        self.a = _chooser("A", "the search to look at", names)
        self.b = _chooser("B", "the search to compare with", names)
        self.b.layout.display = None if len(names) > 1 else "none"
        self.a.layout.display = self.b.layout.display
        self.view = _chooser("view", "what the picture shows", [], "23em")
        self.scope = _chooser("part", "all layers, a block or one layer", [])
        tables = [("none", ""), *((name, name) for name in TABLES)]
        self.which = _chooser("table", "the numbers behind the figure", tables)

    def _make_steppers(self) -> None:
        self.round = widgets.IntSlider(
            min=0, max=0, description="round", tooltip="prunings made; arrow keys step", layout={"width": "22em"}
        )
        self.play = widgets.Play(min=0, max=0, interval=STEP_MS, tooltip="play the rounds", repeat=False)
        self.output = _number("output", "output channel of the kernel whose weights are shown")
        self.input = _number("input", "input channel of the kernel whose weights are shown")

    def _listen(self) -> None:
        for name in ("a", "b", "view", "scope", "round"):
            getattr(self, name).observe(lambda change, name=name: self._choose(**{name: change["new"]}), "value")
        self.play.observe(lambda change: self._choose(round=change["new"]), "value")
        self.output.observe(lambda change: self._choose(kernel=(change["new"], self.input.value)), "value")
        self.input.observe(lambda change: self._choose(kernel=(self.output.value, change["new"])), "value")
        self.which.observe(lambda change: self._fill_table(), "value")

    def _choose(self, **changes: Any) -> None:
        if not self._following:
            self.choose(**changes)

    def _follow_choosers(self) -> None:
        _, scene = look(self.model, self.choices)
        self.view.options = [(view.label, view.name) for view in available(self.model, self.choices)]
        self.scope.options = [(short(scope), scope) for scope in scopes(scene.layers)]
        for name in ("a", "b", "view", "scope"):
            getattr(self, name).value = getattr(self.choices, name)

    def _pointed(self, kind: str, trace: int, point: list[int]) -> None:
        model, choices = self.model, self.choices
        if trace == BARS and kind == "click":
            self._choose(scope=look(model, choices)[1].layers[point[0]])
        elif trace == PICTURE and kind == "click":
            self._choose(**clicks.chosen(model, choices, *point))
        elif trace == PICTURE:
            self.under.value = escape(clicks.said(model, choices, *point))

    def _fill_table(self) -> None:
        if not self.which.value:
            self.tables.value = ""
            return
        frame = table(self.model, self.choices, self.which.value)
        more = f" (the first {MOST_ROWS}; all: <code>explorer.table('{self.which.value}')</code>)"
        said = f"{len(frame):,} rows{more if len(frame) > MOST_ROWS else ''}"
        shown = frame.head(MOST_ROWS)
        rows = shown.to_html(index=False, border=0, float_format="{:.4g}".format, na_rep="", classes=["lthkit"])
        self.tables.value = f"{STYLE}<p>{said}</p>{rows}"


def _chooser(label: str, tooltip: str, options: list[Any], width: str = "17em") -> widgets.Dropdown:
    style = {"description_width": "4em"}
    return widgets.Dropdown(options=options, description=label, tooltip=tooltip, style=style, layout={"width": width})


def _number(label: str, tooltip: str) -> widgets.BoundedIntText:
    return widgets.BoundedIntText(min=0, max=0, description=label, tooltip=tooltip, layout={"width": "11em"})
