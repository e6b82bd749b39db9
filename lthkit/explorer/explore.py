"""``lthkit.explore``: the way in, and the handle that notebooks and scripts hold."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from lthkit.analysis import Search, Searched, read
from lthkit.display import is_live, show
from lthkit.errors import LthkitError
from lthkit.explorer.choices import ALL, Choices, find_scope
from lthkit.explorer.figure import WIDTH, build
from lthkit.explorer.look import available, find_view, fitted, look
from lthkit.explorer.model import Model
from lthkit.explorer.tables import table
from lthkit.explorer.words import alt

if TYPE_CHECKING:
    from lthkit.explorer.widget import Controls

# the sparsity that Chen et al. 2021, Fig. 7, show
OPENING = 0.7903


class Explorer:
    """One or two searches to look at; shows itself as the last expression of a cell.

    Live it is a widget; in batch a picture with alternative text.

    Attributes:
        model: the searches and everything counted.
        choices: what is shown.
    """

    def __init__(self, model: Model, choices: Choices) -> None:
        self.model = model
        self.choices = fitted(model, choices)

    def choose(self, **changes: Any) -> "Explorer":
        """Change fields of ``Choices``; what then cannot be shown gives way to the nearest that can."""
        self.choices = fitted(self.model, replace(self.choices, **changes))
        if "controls" in self.__dict__:
            self.controls.follow(self.choices)
        return self

    def figure(self) -> go.Figure:
        """A plain figure of what is chosen, to save or to show."""
        return build(self.model, self.choices)

    def table(self, name: str = "layers") -> pd.DataFrame:
        """A table behind the figure: ``layers``, ``picture`` or ``kernel``.

        Raises:
            LthkitError: if there is none of that name.
        """
        return table(self.model, self.choices, name)

    @property
    def alt(self) -> str:
        """What the figure says, in words."""
        return alt(self.model, self.choices)

    @cached_property
    def controls(self) -> "Controls":
        """The widgets; made when first shown, so that a batch has none."""
        from lthkit.explorer.widget import Controls

        return Controls(self.model, self.choices, self.choose)

    def _ipython_display_(self) -> None:
        if is_live():
            self.controls.display()
        else:
            show(self.figure().update_layout(width=WIDTH), self.alt)


def explore(
    store: Searched | Mapping[str, Searched],
    other: Searched | None = None,
    *,
    view: str = "kernels",
    round: int | None = None,
    scope: str = "all",
    kernel: tuple[int, int] = (0, 0),
) -> Explorer:
    """Look at one search, or at two side by side, from the whole network down to a weight.

    Args:
        store: a store, its path, or several by name, of which two at a time are compared.
        other: a second one to compare with.
        view: ``kernels``, ``zero``, ``density``; with two searches also ``overlap``, ``times_chance``, ``only_a``,
            ``only_b``, ``both``.
        round: prunings made; the round nearest to 79.03 % sparsity when left out.
        scope: ``all``, a block such as ``B1``, or a layer.
        kernel: output and input channel of the kernel whose weights are shown.

    Raises:
        LthkitError: naming what cannot be shown.
        StoreError: if a store cannot be read.
    """
    model = Model(_searches(store, other))
    names = list(model.searches)
    a, b = names[0], names[1] if len(names) > 1 else None
    at = int(abs(model.sparsity(a) - OPENING).argmin()) if round is None else round
    choices = Choices(a, b, view, at, ALL, kernel)
    _check(model, choices)
    _, scene = look(model, choices)
    return Explorer(model, replace(choices, scope=find_scope(scene.layers, scope)))


def _check(model: Model, choices: Choices) -> None:
    rounds = model.rounds(choices.a)
    if not 0 <= choices.round <= rounds:
        raise LthkitError(f"'{choices.a}' has no round {choices.round}; choose one from 0 to {rounds}")
    if find_view(choices.view) in available(model, choices):
        return
    if choices.b is None:
        raise LthkitError(f"view '{choices.view}' compares two searches; give a second store")
    raise LthkitError(
        f"'{choices.a}' and '{choices.b}' have no layer of equal name and shape in common, so view "
        f"'{choices.view}' cannot compare them; compare searches of one architecture"
    )


def _searches(store: Searched | Mapping[str, Searched], other: Searched | None) -> dict[str, Search]:
    if isinstance(store, Mapping):
        if other is not None:
            raise LthkitError("searches by name already hold all that is explored; add the other one to them")
        return {name: read(given, name) for name, given in store.items()}
    found = [read(given) for given in (store, other) if given is not None]
    if len(found) == 2 and found[0].name == found[1].name:
        found = [read(search, f"{search.name} {side}") for search, side in zip(found, "AB", strict=True)]
    return {search.name: search for search in found}
