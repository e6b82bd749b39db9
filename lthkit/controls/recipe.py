"""Recipes: a mask is kept as how it is made. The kinds are named here, once; all else about a kind is in its class."""

from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter

from lthkit.config import validated
from lthkit.controls.changed import Flip, Swap
from lthkit.controls.drawn import LayerRandom, LayerShuffled, Random
from lthkit.controls.kind import Kind, Place
from lthkit.controls.paired import Difference, Intersection, OtherComplement, OtherTicket, Union
from lthkit.controls.ranked import OneLayer, OneShotStart, OneShotTrained
from lthkit.controls.scored import ErdosRenyiKernel, Grasp, Snip, Synflow
from lthkit.controls.stored import Complement, Dense, Ticket
from lthkit.errors import LthkitError

Recipe = Annotated[
    Dense
    | Ticket
    | Complement
    | Random
    | LayerRandom
    | LayerShuffled
    | Flip
    | Swap
    | OneShotStart
    | OneShotTrained
    | OneLayer
    | Snip
    | Grasp
    | Synflow
    | ErdosRenyiKernel
    | Union
    | Intersection
    | Difference
    | OtherTicket
    | OtherComplement,
    Field(discriminator="kind"),
]
"""A mask of any kind; the field ``kind`` says which, so configurations can have a recipe as a field."""


def kinds() -> tuple[str, ...]:
    """All kinds of masks, the dense network and the ticket itself first."""
    return tuple(_by_name())


def parse_recipe(values: dict[str, Any], where: str) -> Recipe:
    """The recipe of plain values, as JSON or YAML gives them.

    Args:
        values: ``kind``, ``source``, ``round`` and what else the kind has.
        where: what the values belong to, for the error sentence.

    Raises:
        LthkitError: naming ``where``, the key and what it should be.
    """
    return validated(_adapter().validate_json, values, where)


def read_recipe(text: str, *, source: str | Path, round: int, seed: int = 0, other: str | Path | None = None) -> Recipe:
    """The recipe of a mask in text form: its kind, and an argument where the kind takes one.

    Args:
        text: e.g. ``complement``, ``flip 0.2``, ``one_shot_start pretrained``, ``union``.
        source: store of the search that found the ticket.
        round: of the source.
        seed: of what is drawn.
        other: store of a second ticket, for kinds made of two; its round is the same.

    Raises:
        LthkitError: if there is no such kind, or its argument does not fit.
    """
    name, _, argument = text.strip().partition(" ")
    place = Place(str(source), round, seed, None if other is None else str(other))
    kind = _by_name().get(name)
    values = {"kind": name} if kind is None else kind.read(argument.strip(), place) | {"kind": name}
    return parse_recipe(values, f"mask '{text}'")


def ticket_recipe(text: str) -> Ticket:
    """The ticket that ``STORE@round`` names.

    Raises:
        LthkitError: if it has another form.
    """
    path, _, round = text.rpartition("@")
    if not path or not (round.isascii() and round.isdigit()):
        raise LthkitError(f"'{text}' does not name a mask; write STORE@round, e.g. runs/demo/ticket.zarr@3")
    return Ticket.parse({"source": path, "round": int(round)}, f"mask '{text}'")


@cache
def _by_name() -> dict[str, type[Kind]]:
    return {kind.name(): kind for kind in get_args(get_args(Recipe)[0])}


@cache
def _adapter() -> TypeAdapter[Recipe]:
    return TypeAdapter(Recipe)
