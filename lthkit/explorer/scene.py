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


def scene_of(model: Model, choices: Choices, compares: bool) -> Scene:
    """The scene of these choices, whose view compares two searches or not."""
    a, b = choices.a, choices.b if compares else None
    layers = model.layers(a) if b is None else model.shared(a, b)
    round_b = 0 if b is None else int(model.partners(a, b)[choices.round])
    layer = choices.scope if choices.scope in layers else None
    chosen = scope_layers(layers, choices.scope)
    return Scene(model, a, b, choices.round, round_b, layers, chosen, layer, choices.kernel)
