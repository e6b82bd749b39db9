"""What the explorer says in words: title, numbers, alternative text."""

from math import prod

from lthkit.explorer.choices import Choices, short
from lthkit.explorer.look import look
from lthkit.explorer.model import Model
from lthkit.explorer.scene import Scene
from lthkit.explorer.views import WINDOW


def heading(model: Model, choices: Choices) -> str:
    """What is shown of which search and round; sparsities are those of whole searches."""
    view, scene = look(model, choices)
    names = " beside ".join(choices.shown) if choices.beside and not view.compares else scene.a
    return f"{view.title.format(a=names, b=scene.b)}, {when(scene)} · {part(model, choices)}"


def part(model: Model, choices: Choices) -> str:
    """The part of the network that is shown."""
    said = short(choices.scope)
    return said if choices.window is None else f"{said}, {window_words(model, choices)}"


def window_words(model: Model, choices: Choices) -> str:
    """The channels of the window."""
    assert choices.window is not None
    counts = look(model, choices)[1].channels
    sides = zip(("outputs", "inputs"), choices.window, counts, strict=True)
    return ", ".join(f"{side} {first} to {min(first + WINDOW, count) - 1}" for side, first, count in sides)


def when(scene: Scene) -> str:
    """The round and its sparsity, and that of b where it is another."""
    sparsity = scene.model.sparsity(scene.a)[scene.round]
    said = f"round {scene.round} ({sparsity:.2%})"
    if scene.b is None:
        return said
    other = scene.model.sparsity(scene.b)[scene.round_b]
    if scene.round_b == scene.round and f"{other:.2%}" == f"{sparsity:.2%}":
        return said
    return f"{said} beside {scene.b}'s round {scene.round_b} ({other:.2%})"


def summary(model: Model, choices: Choices) -> str:
    """The count over the chosen part of the network, and what it would be by chance."""
    view, scene = look(model, choices)
    total = view.counts(scene).of(scene.chosen).total
    counted, units = int(total.counted[0]), int(total.units[0])
    said = f"{counted:,} of {units:,} {view.what}"
    said += f" ({total.share[0]:.2%})" if units else ""
    said = f"{said}; by chance {total.chance[0]:.2%}" if total.chance[0] == total.chance[0] else said
    return f"{said}; each is a single weight here" if view.name == "zero" and _are_single(scene) else said


def _are_single(scene: Scene) -> bool:
    """Whether no kernel of the shown layers has more than one weight, as in linear layers."""
    shapes = scene.model.searches[scene.a].shapes
    return bool(scene.chosen) and all(prod(shapes[name][2:]) == 1 for name in scene.chosen)


def alt(model: Model, choices: Choices) -> str:
    """What the figure says."""
    return f"{heading(model, choices)}: {summary(model, choices)}."
