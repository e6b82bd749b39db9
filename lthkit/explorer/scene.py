"""What is looked at, made definite: which layers of which searches at which rounds."""

from dataclasses import dataclass

from lthkit.explorer.choices import Choices, scope_layers
from lthkit.explorer.model import Model


@dataclass(frozen=True)
class Scene:
    """What a view is a view of.

    Attributes:
        model: the searches and everything counted.
        a: name of the search that is looked at.
        b: name of the search that the view compares it with; None for a view of one search.
        round: of a.
        round_b: the round of b nearest in density; 0 without b.
        layers: all that the view can show, in depth order.
        chosen: those of the chosen scope.
        layer: the chosen layer, if the scope is a single one.
        kernel: output and input channel of the chosen kernel.
        window: first output and input channel of the part whose single kernels are shown; None for all.
    """

    model: Model
    a: str
    b: str | None
    round: int
    round_b: int
    layers: list[str]
    chosen: list[str]
    layer: str | None
    kernel: tuple[int, int]
    window: tuple[int, int] | None

    @property
    def other(self) -> str:
        """The second search, where the view compares."""
        assert self.b is not None
        return self.b

    @property
    def single(self) -> str:
        """The chosen layer, where the scope is a single one."""
        assert self.layer is not None
        return self.layer

    @property
    def channels(self) -> tuple[int, int]:
        """Output and input channels of the chosen layer; 1 of each if none is chosen."""
        return self.model.channels(self.a, self.layer) if self.layer else (1, 1)


def scene_of(model: Model, choices: Choices, compares: bool, name: str | None = None) -> Scene:
    """The scene of these choices.

    Args:
        model: the searches and everything counted.
        choices: what is shown.
        compares: whether the view compares a and b.
        name: the search that a view of one search shows; a if left out.
    """
    a, b = name or choices.a, choices.b if compares else None
    layers = model.common(shown_names(choices, compares))
    round_a = int(model.partners(choices.a, a)[choices.round])
    round_b = 0 if b is None else int(model.partners(a, b)[round_a])
    layer = choices.scope if choices.scope in layers else None
    chosen = scope_layers(layers, choices.scope)
    return Scene(model, a, b, round_a, round_b, layers, chosen, layer, choices.kernel, choices.window)


def shown_names(choices: Choices, compares: bool) -> tuple[str, ...]:
    """The searches that a picture is of: a and b where they are compared, all where they stand side by side."""
    if compares and choices.b is not None:
        return choices.a, choices.b
    return choices.shown if choices.beside and not compares else (choices.a,)
