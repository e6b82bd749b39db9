"""From choices to what is looked at: which views there are, the scene of the chosen one, what gives way."""

from dataclasses import replace

from lthkit.analysis.masks.tiles import tile_side
from lthkit.errors import LthkitError
from lthkit.explorer.choices import ALL, Choices, scopes
from lthkit.explorer.model import Model
from lthkit.explorer.scene import Scene, scene_of
from lthkit.explorer.views import VIEWS, WINDOW, View


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
    """The views that there are: those that compare need a second search with a layer in common, no complement."""
    pair = [name for name in (choices.a, choices.b) if name is not None and not model.inverse(name)]
    compared = len(pair) == 2 and bool(model.shared(*pair))
    return [view for view in VIEWS if compared or not view.compares]


def fitted(model: Model, choices: Choices) -> Choices:
    """The nearest choices that can be shown, after one of them changed.

    Raises:
        LthkitError: if there is no such view.
    """
    choices = replace(choices, round=min(max(choices.round, 0), model.rounds(choices.a)))
    if choices.beside and not can_stand_beside(model, choices):
        choices = replace(choices, beside=False)
    view, scene = look(model, choices)
    if view not in (there := available(model, choices)):
        choices = replace(choices, view=there[0].name)
        scene = look(model, choices)[1]
    if choices.scope not in scopes(scene.layers):
        choices = replace(choices, scope=ALL)
        scene = look(model, choices)[1]
    (out, inner), (output, place) = scene.channels, choices.kernel
    kernel = min(max(output, 0), out - 1), min(max(place, 0), inner - 1)
    return replace(choices, kernel=kernel, window=_window(scene.channels, choices.window))


def can_stand_beside(model: Model, choices: Choices) -> bool:
    """Whether several searches are chosen, with a layer in common."""
    return len(choices.shown) > 1 and bool(model.common(choices.shown))


def window_around(channels: tuple[int, int], kernel: tuple[int, int]) -> tuple[int, int]:
    """First output and input channel of the window with a kernel in its middle, as far as the layer goes."""
    out, inner = (at - WINDOW // 2 for at in kernel)
    return _inside(channels, (out, inner))


def _window(channels: tuple[int, int], window: tuple[int, int] | None) -> tuple[int, int] | None:
    """Windows are for layers whose kernels do not all have a cell of their own."""
    if window is None or tile_side(channels) == 1:
        return None
    return _inside(channels, window)


def _inside(channels: tuple[int, int], window: tuple[int, int]) -> tuple[int, int]:
    out, inner = (min(max(at, 0), max(count - WINDOW, 0)) for at, count in zip(window, channels, strict=True))
    return out, inner
