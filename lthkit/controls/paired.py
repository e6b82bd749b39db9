"""Masks made of two tickets of the same network: set operations, and the second ticket in the first's place.

A search's masks follow the magnitudes of the weights it began with, so its ticket *and* its complement say something of
those weights. A second search from another draw has the same densities and knows nothing of them: its masks on the
first search's weights are the control for that.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from lthkit import masks as rules
from lthkit.controls.kind import Inputs, Kind, Place
from lthkit.controls.stored import complement
from lthkit.errors import LthkitError
from lthkit.masks import Masks


class Paired(Kind):
    """A kind that takes a second ticket.

    Attributes:
        other: path of the store that holds it.
        other_round: its round.
    """

    seed: ClassVar[int] = 0
    other: str
    other_round: int = Field(ge=0)

    @classmethod
    def read(cls, argument: str, place: Place) -> dict[str, Any]:
        if place.other is None:
            raise LthkitError(f"a mask of kind '{cls.name()}' needs a second ticket; give its store as other")
        return super().read(argument, place) | {"other": place.other, "other_round": place.round}

    def arguments(self) -> list[str]:
        # two searches in folders of their own may have one name, which then tells nothing
        name = Path(self.other).stem
        return [] if name == Path(self.source).stem else [name]

    @property
    def second(self) -> str:
        """The second ticket in words."""
        return f"{self.other} round {self.other_round}"


class Union(Paired):
    """What at least one of the tickets keeps."""

    kind: Literal["union"] = "union"

    def make(self, inputs: Inputs) -> Masks:
        return union(inputs.ticket, inputs.second)

    def describe(self) -> str:
        return f"{self.ticket} or {self.second}"


class Intersection(Paired):
    """What both tickets keep."""

    kind: Literal["intersection"] = "intersection"

    def make(self, inputs: Inputs) -> Masks:
        return intersection(inputs.ticket, inputs.second)

    def describe(self) -> str:
        return f"{self.ticket} and {self.second}"


class Difference(Paired):
    """What the first ticket keeps and the second does not."""

    kind: Literal["difference"] = "difference"

    def make(self, inputs: Inputs) -> Masks:
        return difference(inputs.ticket, inputs.second)

    def describe(self) -> str:
        return f"{self.ticket} without {self.second}"


class OtherTicket(Paired):
    """The second ticket, with the network and weights of the first."""

    kind: Literal["other_ticket"] = "other_ticket"

    def make(self, inputs: Inputs) -> Masks:
        _alike(inputs.ticket, inputs.second)
        return inputs.second

    def describe(self) -> str:
        return f"{self.second} in place of {self.ticket}"


class OtherComplement(Paired):
    """What the second ticket removes, with the network and weights of the first."""

    kind: Literal["other_complement"] = "other_complement"

    def make(self, inputs: Inputs) -> Masks:
        _alike(inputs.ticket, inputs.second)
        return complement(inputs.second)

    def describe(self) -> str:
        return f"complement of {self.second} in place of {self.ticket}"


def union(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Masks:
    """What at least one of two masks keeps."""
    _alike(first, second)
    return {name: mask.cpu() | second[name].cpu() for name, mask in first.items()}


def intersection(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Masks:
    """What both masks keep."""
    _alike(first, second)
    return {name: mask.cpu() & second[name].cpu() for name, mask in first.items()}


def difference(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Masks:
    """What the first mask keeps and the second does not."""
    _alike(first, second)
    return {name: mask.cpu() & ~second[name].cpu() for name, mask in first.items()}


def _alike(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
    rules.fits(second, {name: tuple(mask.shape) for name, mask in first.items()})
