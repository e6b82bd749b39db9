"""What is carried out of the explorer: the call that shows it again, pictures, all rounds as one film, a page."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from lthkit import plots
from lthkit.analysis import Search, Searched
from lthkit.atomic import replacing
from lthkit.errors import LthkitError
from lthkit.explorer.choices import ALL, BLOCK, Choices, short
from lthkit.explorer.figure import WIDTH, build
from lthkit.explorer.look import available, find_view
from lthkit.explorer.model import Model
from lthkit.explorer.recording import page
from lthkit.store import as_store


@dataclass(frozen=True)
class Saved:
    """What is saved: searches, and what is chosen of them."""

    model: Model
    choices: Choices


def call(given: Mapping[str, Searched], options: Mapping[str, Any], choices: Choices) -> str:
    """The Python call that shows these choices again."""
    stores = ", ".join(f"{name!r}: {_source(one)}" for name, one in given.items())
    scope = "all" if choices.scope == ALL else short(choices.scope.removeprefix(BLOCK))
    said: dict[str, Any] = {"view": choices.view, "round": choices.round}
    said |= {"scope": scope} if scope != "all" else {}
    said |= {"kernel": choices.kernel} if choices.kernel != (0, 0) else {}
    said |= {"window": choices.window} if choices.window else {}
    said |= {"beside": True} if choices.beside else {}
    said |= {"show": list(choices.shown)} if list(choices.shown) != list(given)[: len(choices.shown)] else {}
    said |= {"controls": list(options["controls"])} if options["controls"] else {}
    said |= {"seed": options["seed"]} if options["controls"] and options["seed"] else {}
    said |= {"selected": [short(part) for part in choices.selected]} if choices.selected else {}
    return f"lthkit.explore({{{stores}}}, {', '.join(f'{key}={value!r}' for key, value in said.items())})"


def _source(given: Searched) -> str:
    return "SEARCH" if isinstance(given, Search) else repr(str(as_store(given).path))


def file_name(choices: Choices) -> str:
    """A name for a file of these choices."""
    scope = [] if choices.scope == ALL else [short(choices.scope)]
    said = " ".join([*choices.shown[: 3 if choices.beside else 1], choices.view, *scope, f"round {choices.round}"])
    return re.sub(r"[^\w.]+", "-", said).strip("-")


def save_as(saved: Saved, path: Path, views: Sequence[str] | None, theme: str | None) -> Path:
    """Write what is chosen as its path's ending says.

    Raises:
        LthkitError: if it has another ending, or a view is not there.
    """
    if path.suffix not in WRITERS:
        raise LthkitError(f"'{path.name}' has no known ending; save as one of {', '.join(WRITERS)}")
    WRITERS[path.suffix](saved, path, views, theme)
    return path


def _figure(saved: Saved, path: Path, views: Sequence[str] | None, theme: str | None) -> None:
    figure = build(saved.model, saved.choices).update_layout(width=WIDTH)
    plots.save(figure, path, theme)


def _film(saved: Saved, path: Path, views: Sequence[str] | None, theme: str | None) -> None:
    plots.animation(_rounds(saved), path)


def _rounds(saved: Saved) -> Iterator[go.Figure]:
    for round in range(saved.model.rounds(saved.choices.a) + 1):
        yield build(saved.model, replace(saved.choices, round=round)).update_layout(width=WIDTH)


def _page(saved: Saved, path: Path, views: Sequence[str] | None, theme: str | None) -> None:
    model, choices = saved.model, saved.choices
    for name in views or ():
        if find_view(name) not in available(model, choices):
            raise LthkitError(f"view '{name}' compares two searches with layers in common; leave it out of the page")
    single = [view.name for view in available(model, choices) if not view.compares]
    chosen = views or ([choices.view] if choices.beside else [choices.view, *single])
    text = page(model, choices, list(dict.fromkeys([*chosen, choices.view])))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


WRITERS: Mapping[str, Callable[[Saved, Path, Sequence[str] | None, str | None], None]] = {
    ".png": _figure,
    ".svg": _figure,
    ".pdf": _figure,
    ".gif": _film,
    ".mp4": _film,
    ".html": _page,
}
