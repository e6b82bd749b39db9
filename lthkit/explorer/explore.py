"""``lthkit.explore``: the way in, and the handle that notebooks and scripts hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from lthkit.analysis import Searched
from lthkit.display import is_live, show
from lthkit.errors import LthkitError
from lthkit.explorer import clicks
from lthkit.explorer.choices import ALL, Choices, find_scope
from lthkit.explorer.figure import WIDTH, build
from lthkit.explorer.look import available, can_stand_beside, find_view, fitted, look
from lthkit.explorer.model import Model
from lthkit.explorer.release import release
from lthkit.explorer.searches import named, subjects
from lthkit.explorer.selection import check_part, kernel_name, part_name, selected_mask
from lthkit.explorer.share import call, save_as
from lthkit.explorer.strip import dense_sample
from lthkit.explorer.tables import table
from lthkit.explorer.words import alt
from lthkit.masks import Masks

if TYPE_CHECKING:
    from lthkit.explorer.live import Live

# the sparsity that Chen et al. 2021, Fig. 7, show
OPENING = 0.7903


@dataclass(frozen=True)
class Opened:
    """What was given to ``explore``, read when it is needed.

    Attributes:
        given: searches by name.
        controls: kinds of masks beside the first of them.
        seed: of their draws.
        results: trainings whose dense network is the band behind the scores.
    """

    given: Mapping[str, Searched]
    controls: tuple[str, ...]
    seed: int
    results: pd.DataFrame | None

    def read(self) -> Model:
        """The searches in memory."""
        return Model(subjects(self.given, self.controls, self.seed), dense_sample(self.results))


class Explorer:
    """Searches to look at; shows itself as the last expression of a cell.

    Live it is a widget; in batch a picture with alternative text. Closed (by ``close``, or as its output is replaced),
    it lets go of the masks; used again, it reads them again.

    Attributes:
        choices: what is shown.
    """

    def __init__(self, opened: Opened, model: Model, choices: Choices) -> None:
        self.opened = opened
        self._model: Model | None = model
        self.choices = fitted(model, choices)

    @property
    def model(self) -> Model:
        """The searches and everything counted."""
        if self._model is None:
            self._model = self.opened.read()
        return self._model

    def choose(self, **changes: Any) -> "Explorer":
        """Change fields of ``Choices``; what then cannot be shown gives way to the nearest that can."""
        if "scope" in changes and changes["scope"] != self.choices.scope:
            changes = {"window": None} | changes
        self.choices = fitted(self.model, replace(self.choices, **changes))
        if "live" in self.__dict__:
            self.live.follow()
        return self

    def select(self, *parts: str) -> "Explorer":
        """Select what ``mask`` takes out: ``all``, a block, a layer, or kernels as ``layer1.0.conv1[3, 0:16]``.

        Args:
            parts: instead of those selected before; none clears the selection.

        Raises:
            LthkitError: naming a part that is not there.
        """
        return self.choose(selected=tuple(check_part(self.model, self.choices.a, part) for part in parts))

    def mask(self) -> Masks:
        """The mask of search A at the chosen round inside what is selected; outside every weight is kept.

        Raises:
            LthkitError: if nothing is selected.
        """
        return selected_mask(self.model, self.choices.a, self.choices.round, self.choices.selected)

    def figure(self) -> go.Figure:
        """A plain figure of what is chosen, to save or to show."""
        return build(self.model, self.choices)

    def table(self, name: str = "layers") -> pd.DataFrame:
        """A table behind the figure: ``layers``, ``picture`` or ``kernel``.

        Raises:
            LthkitError: if there is none of that name.
        """
        return table(self.model, self.choices, name)

    def call(self) -> str:
        """The Python call that shows this again."""
        return call(self.opened.given, self.opened.controls, self.opened.seed, self.choices)

    def save(self, path: Path | str, views: Sequence[str] | None = None, theme: str | None = None) -> Path:
        """Write what is chosen.

        Args:
            path: ``NAME.png``, ``.svg``, ``.pdf``: the figure; ``.gif``, ``.mp4``: all rounds of the view, on one
                scale; ``.html``: one page in which the slider works without a kernel or a network.
            views: which views a page has; left out, the chosen one, and those of one search where it stands alone.
            theme: of pictures; ``paper`` for print.

        Raises:
            LthkitError: if the path has another ending, one that has no views or no themes, or a view is not there.
        """
        return save_as(self.model, self.choices, Path(path), views, theme)

    @property
    def alt(self) -> str:
        """What the figure says, in words."""
        return alt(self.model, self.choices)

    @cached_property
    def live(self) -> "Live":
        """The page's side; made when first shown, so that a batch has none."""
        from lthkit.explorer.live import Live

        return Live(self)

    def close(self) -> None:
        """Let go of the page and of the masks in memory."""
        if "live" in self.__dict__:
            self.live.close()
            del self.live
        self._model = None
        release()

    def click(self, row: int, column: int) -> None:
        """What a click on a cell of a map does."""
        self.choose(**clicks.chosen(self.model, self.choices, row, column))

    def click_bar(self, place: int) -> None:
        """What a click on a layer's bar does."""
        self.choose(scope=look(self.model, self.choices)[1].layers[place])

    def point(self, row: int, column: int) -> str:
        """What is said of a cell of a map."""
        return clicks.said(self.model, self.choices, row, column)

    def add(self, what: str) -> None:
        """Select the ``part`` that is shown or the chosen ``kernel``, too, or ``nothing``."""
        names = {"part": part_name, "kernel": kernel_name}
        kept = [*self.choices.selected, names[what](self.choices)] if what in names else []
        self.choose(selected=tuple(dict.fromkeys(kept)))

    def _ipython_display_(self) -> None:
        if is_live():
            self.live.display()
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
    window: tuple[int, int] | None = None,
    beside: bool = False,
    show: Sequence[str] | None = None,
    controls: Sequence[str] = (),
    seed: int = 0,
    results: pd.DataFrame | None = None,
    selected: Sequence[str] = (),
) -> Explorer:
    """Look at one search, or at several side by side, from the whole network down to a weight.

    Args:
        store: a store, its path, or several by name, of which up to three at a time are shown.
        other: a second one to compare with.
        view: ``kernels``, ``zero``, ``density``; with two searches also ``overlap``, ``times_chance``, ``only_a``,
            ``only_b``, ``both``.
        round: prunings made; the round nearest to 79.03 % sparsity when left out.
        scope: ``all``, a block such as ``B1``, or a layer.
        kernel: output and input channel of the kernel whose weights are shown.
        window: first output and input channel of the part of a large layer whose single kernels are shown.
        beside: show the searches side by side, with what each has more than the first.
        show: names of the one to three searches (or controls) that are shown; the first ones when left out.
        controls: masks shown beside the first search at each of its rounds: ``complement``, ``layer_random``,
            ``random``, ``layer_shuffled``; bit for bit those of the recipes with this ``seed``.
        seed: of the controls.
        results: trainings as ``lthkit.collect`` gives them; their dense network is the band behind the scores.
        selected: what ``Explorer.mask`` takes out.

    Raises:
        LthkitError: naming what cannot be shown.
        StoreError: if a store cannot be read.
    """
    opened = Opened(named(store, other), tuple(controls), seed, results)
    model = opened.read()
    a, b, c = _shown(list(model.subjects), show, beside)
    at = int(abs(model.sparsity(a) - OPENING).argmin()) if round is None else round
    choices = Choices(a, b, view, at, ALL, kernel, c, beside, window)
    _check(model, choices)
    _, scene = look(model, choices)
    choices = replace(choices, scope=find_scope(scene.layers, scope))
    return Explorer(opened, model, choices).select(*selected)


def _shown(names: list[str], show: Sequence[str] | None, beside: bool) -> tuple[str, str | None, str | None]:
    chosen = list(names[: 3 if beside else 2] if show is None else show)
    for name in chosen:
        if name not in names:
            raise LthkitError(f"there is no search '{name}' to show; choose from {', '.join(names)}")
    if not 1 <= len(chosen) <= 3:
        raise LthkitError(f"{len(chosen)} searches cannot be shown; choose one to three")
    if show is not None and len(chosen) == 1 and len(names) > 1:
        chosen.append(next(name for name in names if name != chosen[0]))
    a, b, c = [*chosen, None, None][:3]
    return str(a), b, c


def _check(model: Model, choices: Choices) -> None:
    rounds = model.rounds(choices.a)
    if not 0 <= choices.round <= rounds:
        raise LthkitError(f"'{choices.a}' has no round {choices.round}; choose one from 0 to {rounds}")
    if choices.beside and not can_stand_beside(model, choices):
        raise LthkitError("nothing can stand beside it; give several searches with layers of equal name and shape")
    if find_view(choices.view) in available(model, choices):
        return
    if choices.b is None:
        raise LthkitError(f"view '{choices.view}' compares two searches; give a second store")
    raise LthkitError(
        f"'{choices.a}' and '{choices.b}' have no layer of equal name and shape in common, so view "
        f"'{choices.view}' cannot compare them; compare searches of one architecture"
    )
