"""What is carried out of the explorer: the call that shows it again, pictures, all rounds as one film, a page."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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

PICTURES, FILMS, PAGE = (".png", ".svg", ".pdf"), (".gif", ".mp4"), ".html"


def call(given: Mapping[str, Searched], controls: Sequence[str], seed: int, choices: Choices) -> str:
    """The Python call that shows these choices again."""
    stores = ", ".join(f"{name!r}: {_source(one)}" for name, one in given.items())
    scope = "all" if choices.scope == ALL else short(choices.scope.removeprefix(BLOCK))
    said: dict[str, Any] = {"view": choices.view, "round": choices.round}
    said |= {"scope": scope} if scope != "all" else {}
    said |= {"kernel": choices.kernel} if choices.kernel != (0, 0) else {}
    said |= {"window": choices.window} if choices.window else {}
    said |= {"beside": True} if choices.beside else {}
    said |= {"show": list(choices.shown)} if list(choices.shown) != list(given)[: len(choices.shown)] else {}
    said |= {"controls": list(controls)} if controls else {}
    said |= {"seed": seed} if controls and seed else {}
    said |= {"selected": [short(part) for part in choices.selected]} if choices.selected else {}
    return f"lthkit.explore({{{stores}}}, {', '.join(f'{key}={value!r}' for key, value in said.items())})"


def _source(given: Searched) -> str:
    return "SEARCH" if isinstance(given, Search) else repr(str(as_store(given).path))


def file_name(choices: Choices) -> str:
    """A name for a file of these choices."""
    scope = [] if choices.scope == ALL else [short(choices.scope)]
    said = " ".join([*choices.shown[: 3 if choices.beside else 1], choices.view, *scope, f"round {choices.round}"])
    return re.sub(r"[^\w.]+", "-", said).strip("-")


def save_as(model: Model, choices: Choices, path: Path, views: Sequence[str] | None, theme: str | None) -> Path:
    """Write what is chosen as its path's ending says.

    Raises:
        LthkitError: if it has another ending, one that has no views or no themes, or a view is not there.
    """
    known = (*PICTURES, *FILMS, PAGE)
    if path.suffix not in known:
        raise LthkitError(f"'{path.name}' has no known ending; save as one of {', '.join(known)}")
    if theme is not None and path.suffix not in PICTURES:
        raise LthkitError(f"'{path.name}' takes no theme; only {', '.join(PICTURES)} do")
    if views is not None and path.suffix != PAGE:
        raise LthkitError(f"'{path.name}' shows the chosen view alone; only {PAGE} takes several")
    if path.suffix in PICTURES:
        plots.save(build(model, choices).update_layout(width=WIDTH), path, theme)
    elif path.suffix in FILMS:
        plots.animation(_rounds(model, choices), path)
    else:
        _write_page(model, choices, path, views)
    return path


def _rounds(model: Model, choices: Choices) -> Iterator[go.Figure]:
    for round in range(model.rounds(choices.a) + 1):
        yield build(model, replace(choices, round=round)).update_layout(width=WIDTH)


def _write_page(model: Model, choices: Choices, path: Path, views: Sequence[str] | None) -> None:
    for name in views or ():
        if find_view(name) not in available(model, choices):
            raise LthkitError(f"view '{name}' compares two searches with layers in common; leave it out of the page")
    single = [view.name for view in available(model, choices) if not view.compares]
    chosen = views or ([] if choices.beside else single)
    text = page(model, choices, list(dict.fromkeys([choices.view, *chosen])))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
