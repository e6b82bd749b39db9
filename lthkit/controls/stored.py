"""Masks decided by a stored ticket alone: the dense network, the ticket, and what the ticket removes."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator
from torch import Tensor

from lthkit import masks as rules
from lthkit.controls.kind import Inputs, Undrawn
from lthkit.masks import Masks


class Dense(Undrawn):
    """Every weight of the ticket's network."""

    kind: Literal["dense"] = "dense"
    nested: ClassVar[bool] = True

    @model_validator(mode="after")
    def _round_zero(self) -> Self:
        if self.round:
            raise ValueError(f"a dense mask is that of round 0, not {self.round}; set 'round' to 0")
        return self

    def make(self, inputs: Inputs) -> Masks:
        return rules.dense({name: tuple(mask.shape) for name, mask in inputs.ticket.items()})

    def describe(self) -> str:
        return f"every weight of {self.ticket}"


class Ticket(Undrawn):
    """The mask of a round, as it is stored."""

    kind: Literal["ticket"] = "ticket"
    nested: ClassVar[bool] = True

    def make(self, inputs: Inputs) -> Masks:
        return inputs.ticket

    def describe(self) -> str:
        return self.ticket


class Complement(Undrawn):
    """What the ticket removes."""

    kind: Literal["complement"] = "complement"

    def make(self, inputs: Inputs) -> Masks:
        return complement(inputs.ticket)

    def describe(self) -> str:
        return f"complement of {self.ticket}"


def complement(masks: Mapping[str, Tensor]) -> Masks:
    """m^c: exactly the weights that the mask removes (Chen et al. 2021, Fig. 8). Its own inverse."""
    return {name: ~mask.cpu() for name, mask in masks.items()}
