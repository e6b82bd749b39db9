"""What can be chosen in the explorer: which searches, which round, which part of the network, which view."""

from dataclasses import dataclass
from difflib import get_close_matches

from lthkit.analysis.masks.searches import blocks
from lthkit.errors import LthkitError

ALL = "all layers"
BLOCK = "block "


@dataclass(frozen=True)
class Choices:
    """One state of the explorer.

    Attributes:
        a: name of the search that is looked at.
        b: name of the search that it is compared with, if there is one.
        view: name of one of ``VIEWS``.
        round: prunings made in a; others stand at their round nearest in density.
        scope: ``all layers``, ``block NAME`` or a layer's name.
        kernel: output and input channel of the kernel whose weights are shown.
        c: name of a third search, shown beside a and b.
        beside: whether views of one search show a, b and c side by side, and what differs.
        window: first output and input channel of the part of a large layer whose single kernels are shown; None
            shows the whole layer.
        selected: scopes that are taken out as a mask.
    """

    a: str
    b: str | None
    view: str
    round: int
    scope: str = ALL
    kernel: tuple[int, int] = (0, 0)
    c: str | None = None
    beside: bool = False
    window: tuple[int, int] | None = None
    selected: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[str, ...]:
        """The searches side by side, a first."""
        return tuple(dict.fromkeys(name for name in (self.a, self.b, self.c) if name is not None))


def scopes(layers: list[str]) -> list[str]:
    """All layers, each block if there is more than one, each layer."""
    labels = list(dict.fromkeys(blocks(layers)))
    return [ALL, *(BLOCK + label for label in labels if len(labels) > 1), *layers]


def scope_layers(layers: list[str], scope: str) -> list[str]:
    """The layers of a scope, in depth order."""
    if scope == ALL:
        return layers
    if scope in layers:
        return [scope]
    return [name for name, label in zip(layers, blocks(layers), strict=True) if BLOCK + label == scope]


def block_of(layers: list[str], layer: str) -> str | None:
    """The scope of the block that a layer is in; None where the network is one block."""
    scope = BLOCK + blocks(layers)[layers.index(layer)]
    return scope if scope in scopes(layers) else None


def find_scope(layers: list[str], asked: str) -> str:
    """The scope that a user means: ``all``, a block (``B1``) or a layer, also without ``.weight``.

    Raises:
        LthkitError: with near names if there is none.
    """
    known = scopes(layers)
    for name in (asked, f"{asked} layers", BLOCK + asked, f"{asked}.weight"):
        if name in known:
            return name
    near = get_close_matches(asked, [*known, *(name.removeprefix(BLOCK) for name in known)], 3, 0.4) or known[:3]
    raise LthkitError(f"there is no layer or block '{asked}'; choose one like {', '.join(near)}")


def short(scope: str) -> str:
    """A scope as figures call it."""
    return scope.removesuffix(".weight")
