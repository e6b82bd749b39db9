"""What the explorer says in words: title, numbers, alternative text."""

from lthkit.explorer.choices import Choices, short
from lthkit.explorer.look import look
from lthkit.explorer.model import Model
from lthkit.explorer.scene import Scene


def heading(model: Model, choices: Choices) -> str:
    """What is shown of which search and round; sparsities are those of whole searches."""
    view, scene = look(model, choices)
    return f"{view.title.format(a=scene.a, b=scene.b)}, {when(scene)} · {short(choices.scope)}"


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
    return f"{said}; by chance {total.chance[0]:.2%}" if total.chance[0] == total.chance[0] else said


def alt(model: Model, choices: Choices) -> str:
    """What the figure says."""
    return f"{heading(model, choices)}: {summary(model, choices)}."
