"""Recipes: how a mask is made from stored ones. What is kept of such a mask is its recipe and its SHA-256."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import torch
from pydantic import Field, model_validator
from torch import Tensor

from lthkit import masks as rules
from lthkit.config import Config
from lthkit.controls import kinds as controls
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.store import Store, open_store

Kind = Literal[
    "dense",
    "ticket",
    "complement",
    "random",
    "layer_random",
    "layer_shuffled",
    "flip",
    "swap",
    "one_shot_start",
    "one_shot_trained",
    "one_layer",
    "union",
    "intersection",
    "difference",
]
_DRAWN = ("random", "layer_random", "layer_shuffled", "flip", "swap")
_CHANGED = ("flip", "swap")
_RANKED = ("one_shot_start", "one_shot_trained", "one_layer")
_PAIRED = ("union", "intersection", "difference")
# which keys only some kinds have
_OWNERS = {
    "fraction": _CHANGED,
    "sparsity": _RANKED,
    "weights": _RANKED,
    "layer": ("one_layer",),
    "other": _PAIRED,
    "other_round": _PAIRED,
}
_NEEDED = (
    dict.fromkeys(_RANKED, ("weights",))
    | {"one_layer": ("weights", "layer")}
    | dict.fromkeys(_PAIRED, ("other", "other_round"))
)

_SAID = {
    "dense": "every weight of {ticket}",
    "ticket": "{ticket}",
    "complement": "complement of {ticket}",
    "random": "random mask with as many weights as {ticket}, seed {seed}",
    "layer_random": "random mask with as many weights in every layer as {ticket}, seed {seed}",
    "layer_shuffled": "{ticket} with its kernels shuffled within every layer, seed {seed}",
    "flip": "{ticket} with {fraction:g} of its ones and {fraction:g} of its zeros flipped, seed {seed}",
    "swap": "{ticket} with {fraction:g} of its ones exchanged for as many zeros, seed {seed}",
    "one_shot_start": "largest starting weights ({weights}) of the network of {ticket}, {count}",
    "one_shot_trained": "largest trained weights ({weights}) of the network of {ticket}, {count}",
    "one_layer": "{layer} alone pruned by its weights ({weights}) in the network of {ticket}, {count}",
    "union": "{ticket} or {second}",
    "intersection": "{ticket} and {second}",
    "difference": "{ticket} without {second}",
}


class Recipe(Config):
    """How to make one mask. Keys that a kind does not use are refused; ``seed`` is 0 where nothing is drawn.

    Attributes:
        kind: one of ``kinds()``.
        source: path of the store that holds the ticket.
        round: the ticket's round in it (0 = dense).
        seed: of the draw, for the kinds that draw.
        fraction: flip and swap: share of ones (and zeros) to change, 0.1 if left out.
        sparsity: one-shot kinds: fraction removed; the ticket's own count if left out.
        weights: one-shot kinds: what the given weights are, e.g. "pretrained" or "source".
        layer: one_layer: parameter name of the layer that is pruned.
        other: union, intersection, difference: path of the other ticket's store.
        other_round: its round.
    """

    kind: Kind
    source: str
    round: int = Field(ge=0)
    seed: int = Field(default=0, ge=0)
    fraction: float | None = Field(default=None, gt=0, le=1)
    sparsity: float | None = Field(default=None, ge=0, lt=1)
    weights: str | None = None
    layer: str | None = None
    other: str | None = None
    other_round: int | None = Field(default=None, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _canonical(cls, values: Any) -> Any:
        """Equal masks have equal recipes: defaults written out, the seed of what is not drawn set to 0."""
        if not isinstance(values, dict):
            return values
        values = dict(values)
        if values.get("kind") in _CHANGED and values.get("fraction") is None:
            values["fraction"] = controls.FRACTION
        if values.get("kind") in kinds() and values["kind"] not in _DRAWN and isinstance(values.get("seed"), int):
            values["seed"] = 0
        return values

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for key, owners in _OWNERS.items():
            if getattr(self, key) is not None and self.kind not in owners:
                raise ValueError(f"a mask of kind '{self.kind}' has no '{key}'; remove it")
        for key in _NEEDED.get(self.kind, ()):
            if getattr(self, key) is None:
                raise ValueError(f"a mask of kind '{self.kind}' needs '{key}'; add it")
        if self.kind == "dense" and self.round:
            raise ValueError(f"a dense mask is that of round 0, not {self.round}; set 'round' to 0")
        return self

    def describe(self) -> str:
        """What the mask is, in words."""
        count = "as many as it has" if self.sparsity is None else f"{100 * self.sparsity:g} % removed"
        ticket, second = f"{self.source} round {self.round}", f"{self.other} round {self.other_round}"
        return _SAID[self.kind].format(**(self.plain() | {"ticket": ticket, "second": second, "count": count}))


@dataclass(frozen=True)
class Made:
    """A mask made by a recipe, and what it is known by.

    Attributes:
        recipe: how it was made.
        masks: the mask, on the CPU.
        before: density (fraction kept, 0…1) of the ticket it was made from.
        after: its own density.
        sha256: over names, shapes and bits (``lthkit.masks.digest``).
    """

    recipe: Recipe
    masks: Masks
    before: float
    after: float
    sha256: str

    def describe(self) -> str:
        """The recipe in words, with the density before and after."""
        densities = f"density {100 * self.before:.2f} % before, {100 * self.after:.2f} % after"
        factor = f" (×{self.after / self.before:.2f})" if self.before else ""
        return f"{self.recipe.describe()}: {densities}{factor}, {rules.left(self.masks):,} weights left"


def kinds() -> tuple[str, ...]:
    """All kinds of masks, the dense network and the ticket itself first."""
    return get_args(Kind)


def make(
    recipe: Recipe, open_store: Callable[[str], Store] = open_store, weights: Mapping[str, Tensor] | None = None
) -> Masks:
    """The mask of a recipe; ``realise`` gives its densities and SHA-256 too, and has the arguments and errors."""
    return realise(recipe, open_store, weights).masks


def realise(
    recipe: Recipe, open_store: Callable[[str], Store] = open_store, weights: Mapping[str, Tensor] | None = None
) -> Made:
    """The mask of a recipe with what it is known by.

    Args:
        recipe: what to make.
        open_store: path → store, for those who keep stores elsewhere or open already.
        weights: values to rank by magnitude, for the one-shot kinds; others do not look at them.

    Raises:
        LthkitError: if weights are missing or do not fit, a swap has too few zeros, or two tickets
            are of different networks.
        StoreError: if a store or round is not there.
    """
    if recipe.kind in _RANKED and weights is None:
        raise LthkitError(f"a mask of kind '{recipe.kind}' needs the weights '{recipe.weights}'; pass weights=")
    ticket = _ticket(open_store(recipe.source), recipe.round)
    if recipe.kind in _PAIRED:
        second = _ticket(open_store(str(recipe.other)), recipe.other_round or 0)
        made = getattr(controls, recipe.kind)(ticket, second)
    elif recipe.kind == "one_layer" and weights is not None:
        made = controls.one_layer(weights, ticket, str(recipe.layer), recipe.sparsity)
    elif recipe.kind in _RANKED and weights is not None:
        made = controls.one_shot(weights, ticket, recipe.sparsity)
    else:
        made = _made_of(ticket, recipe)
    before, after = (rules.left(masks) / rules.size(masks) for masks in (ticket, made))
    return Made(recipe, made, before, after, rules.digest(made))


def _ticket(store: Store, round: int) -> Masks:
    return {name: torch.from_numpy(mask) for name, mask in store.masks(round).items()}


def _made_of(ticket: Masks, recipe: Recipe) -> Masks:
    match recipe.kind:
        case "complement":
            return controls.complement(ticket)
        case "random":
            return controls.global_random(ticket, recipe.seed)
        case "layer_random":
            return controls.layer_random(ticket, recipe.seed)
        case "layer_shuffled":
            return controls.layer_shuffled(ticket, recipe.seed)
        case "flip":
            return controls.flip(ticket, recipe.seed, recipe.fraction or controls.FRACTION)
        case "swap":
            return controls.swap(ticket, recipe.seed, recipe.fraction or controls.FRACTION)
    return ticket  # dense is round 0
