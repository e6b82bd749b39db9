"""Recipe → mask, with the densities and the SHA-256 that it is known by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from lthkit import masks as rules
from lthkit.controls.kind import Inputs, Score
from lthkit.controls.paired import Paired
from lthkit.controls.recipe import Recipe
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.store import Store, open_store


@dataclass(frozen=True)
class Made:
    """A mask made by a recipe, and what it is known by.

    Attributes:
        recipe: how it was made.
        masks: the mask, on the CPU.
        before: density (fraction kept, 0…1) of the ticket it was made from.
        after: its own density.
        sha256: over names, shapes and bits (``lthkit.masks.masks_sha256``).
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


def realise(
    recipe: Recipe,
    open_store: Callable[[str], Store] = open_store,
    weights: Mapping[str, Tensor] | None = None,
    scored: tuple[Score, int] | None = None,
) -> Made:
    """The mask of a recipe with what it is known by.

    Args:
        recipe: what to make.
        open_store: path → store, for those who keep stores elsewhere or open already.
        weights: values of the weights that ``recipe.ranked`` names, by parameter; kinds that rank nothing do not
            look at them.
        scored: by ``recipe.criterion``: scores of what masks leave, and in how many steps it prunes.

    Raises:
        LthkitError: if weights are missing or do not fit, a swap has too few zeros, or two tickets
            are of different networks.
        StoreError: if a store or round is not there.
    """
    if recipe.ranked is not None and weights is None:
        raise LthkitError(f"a mask of kind '{recipe.kind}' needs the weights '{recipe.ranked}'; pass weights=")
    ticket = _stored(open_store(recipe.source), recipe.round)
    second = _stored(open_store(recipe.other), recipe.other_round) if isinstance(recipe, Paired) else {}
    made = recipe.make(Inputs(ticket, second, weights or {}, scored))
    before, after = (rules.left(masks) / rules.size(masks) for masks in (ticket, made))
    return Made(recipe, made, before, after, rules.masks_sha256(made))


def _stored(store: Store, round: int) -> Masks:
    return rules.as_tensors(store.masks(round))
