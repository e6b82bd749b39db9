"""From choices to what is looked at: which views there are, the scene of the chosen one, what gives way."""

from dataclasses import replace

from lthkit.errors import LthkitError
from lthkit.explorer.choices import ALL, Choices, scopes
from lthkit.explorer.model import Model
from lthkit.explorer.scene import Scene, scene_of
from lthkit.explorer.views import VIEWS, View


def find_view(name: str) -> View:
    """The view of this name.

    Raises:
        LthkitError: if there is none.
    """
    for view in VIEWS:
        if view.name == name:
            return view
    raise LthkitError(f"there is no view '{name}'; choose from {', '.join(view.name for view in VIEWS)}")


def look(model: Model, choices: Choices) -> tuple[View, Scene]:
    """The chosen view, and what it is a view of.

    Raises:
        LthkitError: if there is no such view.
    """
    view = find_view(choices.view)
    return view, scene_of(model, choices, view.compares)


def available(model: Model, choices: Choices) -> list[View]:
    """The views that there are: those that compare need a second search with a layer in common."""
    compared = choices.b is not None and model.shared(choices.a, choices.b)
    return [view for view in VIEWS if compared or not view.compares]


def fitted(model: Model, choices: Choices) -> Choices:
    """The nearest choices that can be shown, after one of them changed.

    Raises:
        LthkitError: if there is no such view.
    """
    choices = replace(choices, round=min(max(choices.round, 0), model.rounds(choices.a)))
    view, scene = look(model, choices)
    if view not in (there := available(model, choices)):
        choices = replace(choices, view=there[0].name)
        scene = look(model, choices)[1]
    if choices.scope not in scopes(scene.layers):
        choices = replace(choices, scope=ALL)
        scene = look(model, choices)[1]
    (out, inner), (output, place) = scene.channels, choices.kernel
    return replace(choices, kernel=(min(max(output, 0), out - 1), min(max(place, 0), inner - 1)))
