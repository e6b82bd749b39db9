"""What every kind of mask has: a class is a kind, its fields are what the kind takes, its methods are all it can do."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field, model_validator
from torch import Tensor

from lthkit.config import Config
from lthkit.errors import LthkitError
from lthkit.masks import Masks

Score = Callable[[Masks], Mapping[str, Tensor]]
"""Masks of what is left → scores by weight."""


@dataclass(frozen=True)
class Inputs:
    """What masks are made of.

    Attributes:
        ticket: the mask of the recipe's ``round`` in ``source``.
        second: that of ``other_round`` in ``other``; empty for kinds without a second ticket.
        weights: the values to rank, by parameter; empty for kinds that rank nothing.
        scored: the criterion's scores of what masks leave, and the steps it is to be taken in; None where nothing is
            trained.
    """

    ticket: Masks
    second: Masks
    weights: Mapping[str, Tensor]
    scored: tuple[Score, int] | None = None


@dataclass(frozen=True)
class Place:
    """What a mask in text form leaves out.

    Attributes:
        source: path of the store that holds the ticket.
        round: the ticket's round in it, and the second ticket's in ``other``.
        seed: of what is drawn.
        other: path of a second ticket's store.
    """

    source: str
    round: int
    seed: int = 0
    other: str | None = None


class Kind(Config):
    """How to make one mask from a stored ticket. Equal masks have equal recipes: a kind has only the fields it uses.

    A new kind is a subclass with a field ``kind``, added to ``lthkit.controls.recipe.Recipe``; nothing else lists
    kinds.

    Attributes:
        source: path of the store that holds the ticket.
        round: the ticket's round in it (0 = dense).
        nested: whether the mask is one of its store's rounds, so that a search which begins with it can take over
            when each weight was removed.
    """

    source: str
    round: int = Field(ge=0)

    nested: ClassVar[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _without_unused(cls, values: Any) -> Any:
        """Recipes stored before each kind had fields of its own carry nulls, and seed 0 where nothing is drawn."""
        if not isinstance(values, dict):
            return values
        unused = {"seed"} if "seed" not in cls.model_fields and values.get("seed") == 0 else set()
        return {key: value for key, value in values.items() if value is not None and key not in unused}

    @classmethod
    def name(cls) -> str:
        """What ``kind`` says."""
        return cls.model_fields["kind"].default

    @classmethod
    def read(cls, argument: str, place: Place) -> dict[str, Any]:
        """The fields of the mask that is written ``KIND argument``, as plain values.

        Raises:
            LthkitError: if the kind does not take the argument, or needs something that is not given.
        """
        if argument:
            raise LthkitError(f"a mask of kind '{cls.name()}' takes no '{argument}'; write '{cls.name()}' alone")
        return {"source": place.source, "round": place.round}

    @abstractmethod
    def make(self, inputs: Inputs) -> Masks:
        """The mask, on the CPU.

        Raises:
            LthkitError: if the inputs do not fit.
        """

    @abstractmethod
    def describe(self) -> str:
        """What the mask is, in words."""

    @property
    def label(self) -> str:
        """Short name for tables and legends; the seed of a draw is no part of it."""
        return " ".join([self.name().replace("_", " "), *self.arguments()])

    def arguments(self) -> list[str]:
        """What the label says of the mask beside its kind."""
        return []

    @property
    def ranked(self) -> str | None:
        """Name of the weights whose values have to be given; None where none are ranked."""
        return None

    @property
    def criterion(self) -> str | None:
        """Name of the criterion by which the starting weights are scored; None where none is."""
        return None

    @property
    def ticket(self) -> str:
        """The ticket in words."""
        return f"{self.source} round {self.round}"


class Undrawn(Kind):
    """A kind that is decided by one ticket (and weights): no seed, no second ticket."""

    seed: ClassVar[int] = 0
    other: ClassVar[None] = None


def percent(fraction: float) -> str:
    """A fraction 0…1 as a short percentage: 0.1 is ``10%``."""
    return f"{100 * fraction:g}%"
