"""What the page's controls offer, and what they stand at: plain values."""

from typing import Any

from lthkit.explorer.choices import ALL, Choices, block_of, scopes, short
from lthkit.explorer.look import available, can_stand_beside, look
from lthkit.explorer.model import Model
from lthkit.explorer.tables import TABLES
from lthkit.explorer.words import window_words

NONE = "—"


def options(model: Model, choices: Choices) -> dict[str, Any]:
    """What there is to choose from, as [label, value]; it changes seldom."""
    names = [[name, name] for name in model.subjects]
    several = len(names) > 1
    return {
        "a": names if several else [],
        "b": names if several else [],
        "c": [[NONE, None], *names] if len(names) > 2 else [],
        "view": [[view.label, view.name] for view in available(model, choices)],
        "scope": [[short(scope), scope] for scope in scopes(look(model, choices)[1].layers)],
        "table": [[NONE, ""], *([name, name] for name in TABLES)],
        "beside": can_stand_beside(model, choices),
        "rounds": [_round(model, choices.a, place) for place in range(model.rounds(choices.a) + 1)],
    }


def values(model: Model, choices: Choices, call: str) -> dict[str, Any]:
    """What the controls stand at."""
    view, scene = look(model, choices)
    out, inner = scene.channels
    return {
        "a": choices.a,
        "b": choices.b,
        "c": choices.c,
        "view": choices.view,
        "scope": choices.scope,
        "beside": choices.beside and not view.compares,
        "round": choices.round,
        "kernel": list(choices.kernel),
        "most": [out - 1, inner - 1] if scene.layer else None,
        "crumbs": crumbs(model, choices),
        "selected": [short(part) for part in choices.selected],
        "call": call,
    }


def crumbs(model: Model, choices: Choices) -> list[list[Any]]:
    """The way from the whole network to the kernel that is shown: label, and what a click there chooses."""
    _, scene = look(model, choices)
    way: list[list[Any]] = [[ALL, {"scope": ALL}]]
    block = block_of(scene.layers, scene.layer) if scene.layer else None
    if block:
        way.append([block, {"scope": block}])
    if choices.scope != ALL:
        way.append([short(choices.scope), {"scope": choices.scope, "window": None}])
    if choices.window is not None:
        way.append([window_words(model, choices), {}])
    if scene.layer:
        way.append([f"kernel {choices.kernel[0]}, {choices.kernel[1]}", {}])
    return way


def _round(model: Model, name: str, place: int) -> str:
    return f"round {place} · {model.sparsity(name)[place]:.2%} removed"
