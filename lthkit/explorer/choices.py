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
        round: prunings made in a; b stands at its round nearest in density.
        scope: ``all layers``, ``block NAME`` or a layer's name.
        kernel: output and input channel of the kernel whose weights are shown.
    """

    a: str
    b: str | None
    view: str
    round: int
    scope: str = ALL
    kernel: tuple[int, int] = (0, 0)


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
