"""Where the masks of a search begin: dense, at another search's ticket, or at a control made from one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lthkit import controls
from lthkit import masks as masking
from lthkit import store as stores
from lthkit.codes import MOST_ROUNDS, SURVIVOR, Codes, survivors
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.search.config import SearchConfig
from lthkit.search.start import ranked_weights


@dataclass(frozen=True)
class Origin:
    """The mask before the first training.

    Attributes:
        round: the search's first round: 0 if it starts dense, the ticket's round, and for a control the round of
            the ticket it is made from (at least 1: a weight that is absent from the beginning has a code).
        codes: of all weights; a ticket inherits those of its search, a control has its own round throughout.
        masks: the same as bool tensors.
        mask_sha256: of the masks.
        made: what is recorded of the mask: its recipe, in words and as settings, the search it comes from.
    """

    round: int
    codes: Codes
    masks: Masks
    mask_sha256: str
    made: dict[str, Any] | None = None


def find_origin(
    config: SearchConfig, prunable: Mapping[str, tuple[int, ...]], scored: tuple[controls.Score, int] | None = None
) -> Origin:
    """The starting mask of a search over these prunable weights.

    Args:
        config: of the search.
        prunable: shapes by name.
        scored: scores of the starting weights by the mask's criterion, where it has one, and the steps it prunes in.

    Raises:
        LthkitError: a mask of another network, one that is empty, too many rounds, weights to rank that are not kept.
        StoreError: if a store or round is not there.
    """
    if config.mask is None:
        masks = masking.dense(prunable)
        return Origin(0, survivors(prunable), masks, masking.masks_sha256(masks))
    recipe = config.mask
    store = stores.open_store(recipe.source)
    ranked = ranked_weights(recipe.ranked, store) if recipe.ranked else None
    made = controls.realise(recipe, weights=ranked, scored=scored)
    masking.fits(made.masks, prunable)
    if not masking.left(made.masks):
        raise LthkitError(f"{recipe.describe()} is empty, so there is nothing to train; choose another round or kind")
    first = recipe.round if recipe.nested else max(recipe.round, 1)
    if first + config.pruning.rounds > MOST_ROUNDS:
        raise LthkitError(
            f"round {first} of '{recipe.source}' and {config.pruning.rounds} more rounds are above "
            f"{MOST_ROUNDS}; use fewer rounds"
        )
    codes = (
        _inherited(store.codes(), first) if recipe.nested else masking.record(survivors(prunable), made.masks, first)
    )
    facts = {
        "recipe": recipe.plain(),
        "said": made.describe(),
        "density_before": made.before,
        "store": recipe.source,
        "round": recipe.round,
        "search": store.identity,
        "config": store.config,
        "config_sha256": store.config_sha256,
        "mask_sha256": made.sha256,
    }
    return Origin(first, codes, made.masks, made.sha256, facts)


def _inherited(codes: Codes, round: int) -> Codes:
    return {name: np.where(code > round, np.uint8(SURVIVOR), code) for name, code in codes.items()}
