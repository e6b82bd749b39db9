"""What every analysis takes: the codes of one search in memory, and the labels of its layers."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lthkit.codes import MOST_ROUNDS, Codes
from lthkit.errors import LthkitError
from lthkit.store import StoreLike, as_store


@dataclass(frozen=True)
class Search:
    """One search as it is looked at: when each weight died.

    Attributes:
        codes: uint8 arrays by parameter in depth order: first round in which the weight is absent, survivors 255.
            Codes above ``rounds`` (a commit under way) are survivors, too.
        rounds: prunings made.
        name: what figures call it.

    Raises:
        LthkitError: naming the parameter whose codes cannot be codes.
    """

    codes: Codes
    rounds: int
    name: str = "search"

    def __post_init__(self) -> None:
        if not 0 <= self.rounds <= MOST_ROUNDS:
            raise LthkitError(f"'{self.name}' has {self.rounds} rounds; give 0 to {MOST_ROUNDS}")
        for name, code in self.codes.items():
            if code.dtype != np.uint8 or not code.all():
                raise LthkitError(f"the codes of '{name}' in '{self.name}' must be uint8 from 1 on; 255 is a survivor")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters, in depth order."""
        return {name: code.shape for name, code in self.codes.items()}


Searched = StoreLike | Search


def read(given: Searched, name: str | None = None) -> Search:
    """A search in memory; whoever asks several things about a store reads it once.

    Args:
        given: a store or its path, or a search that was read.
        name: what figures are to call it; otherwise the store's file name without ``.zarr``.

    Raises:
        StoreError: if it is neither, or the store is damaged.
    """
    if isinstance(given, Search):
        return given if name in (None, given.name) else Search(given.codes, given.rounds, str(name))
    store = as_store(given)
    return Search(store.codes(), store.rounds, name or store.path.stem)


def layer_labels(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Coordinates of the dimension layer.

    Returns:
        ``layer`` (names in depth order), ``block``, ``kernel`` (``3×3``; ``1×1`` also for a linear layer, whose
        kernels are single weights), ``kind`` (``1×1`` or ``larger``).
    """
    kernels = ["×".join(map(str, shape[2:])) or "1×1" for shape in shapes.values()]
    kinds = ["1×1" if math.prod(shape[2:]) == 1 else "larger" for shape in shapes.values()]
    return {
        "layer": list(shapes),
        "block": ("layer", blocks(list(shapes))),
        "kernel": ("layer", kernels),
        "kind": ("layer", kinds),
    }


def blocks(names: list[str]) -> list[str]:
    """The block of each layer: the first part of its name that is not common to all.

    ``layer1`` … ``layer4`` of a ResNet are B1 … B4 (Chen et al. 2021, Fig. 7). A network whose layers stand in a
    row without groups is one block.
    """
    paths = [name.split(".")[:-1] or [name] for name in names]
    common = ""
    while len(paths) > 1 and all(len(path) > 1 and path[0] == paths[0][0] for path in paths):
        common, paths = paths[0][0], [path[1:] for path in paths]
    firsts = [re.sub(r"^layer(\d+)$", r"B\1", path[0]) for path in paths]
    in_a_row = len(set(firsts)) == len(firsts) > 1 and firsts == [path[0] for path in paths]
    return [common or "all"] * len(names) if in_a_row else firsts


def common_layers(searches: Sequence[Search]) -> tuple[list[str], list[str]]:
    """Layers of equal name and shape in all searches, in depth order, and the layers that are not.

    Raises:
        LthkitError: if no layer is common to all.
    """
    first, *others = searches
    names = [name for name, shape in first.shapes.items() if all(other.shapes.get(name) == shape for other in others)]
    if not names:
        listed = " and ".join(f"'{search.name}'" for search in searches)
        raise LthkitError(
            f"{listed} have no layer of equal name and shape in common; compare searches of one architecture"
        )
    every = dict.fromkeys(name for search in searches for name in search.codes)
    return names, [name for name in every if name not in names]
