"""Early birds: how soon a training settles what would be pruned (You et al. 2020, arXiv 1909.11957)."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import xarray as xr

from lthkit import masks as masking
from lthkit.analysis.labels import labelled
from lthkit.catalog import Catalog
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.progress import Progress, for_here
from lthkit.search import begin
from lthkit.search.facts import Facts
from lthkit.store import StoreLike, as_store
from lthkit.tasks import network_address, network_state
from lthkit.train import Keeping, Point, train

MOST_EPOCHS = 200


def early_bird(
    store: StoreLike,
    round: int = 0,
    density: float | None = None,
    *,
    catalog: Catalog | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """How far the masks that would be drawn after each epoch of a round's training lie apart.

    Drawn are single weights by magnitude over all layers. The round is trained once more, as it was; nothing of it is
    kept but the masks, a bit a weight, until they are compared.

    Args:
        store: a finished search.
        round: which training; 0, the dense one, by default.
        density: share of the round's weights that the masks leave; by default as one pruning of the search does.
        catalog: found from the current folder by default.
        progress: shown by default as suits a terminal, a live notebook or a batch.

    Returns:
        ``distance`` by ``epoch`` and ``other_epoch``: the share of the prunable weights that exactly one of the masks
        leaves (Hamming distance). Epoch 0 is before training. Attributes ``store``, ``round``, ``density``.

    Raises:
        LthkitError: if there is no such round, the density lies outside (0, 1), or there are too many epochs.
    """
    store = as_store(store)
    if not 0 <= round <= store.rounds:
        raise LthkitError(f"{store.path} has no round {round}; choose of 0 to {store.rounds}")
    if density is not None and not 0 < density < 1:
        raise LthkitError(f"density {density} lies outside (0, 1); give the share of weights that masks leave")
    facts = begin.facts_of(store, catalog)
    masks = masking.as_tensors(store.masks(round))
    share = 1 - facts.config.pruning.rate if density is None else density
    found = _masks(facts, begin.begun_in(facts, store, round), round, masks, share, progress)
    bits = list(found.values())
    counts = [[int(np.bitwise_count(one ^ other).sum()) for other in bits] for one in bits]
    apart = np.array(counts) / masking.size(masks)
    epochs = list(found)
    made = xr.Dataset(
        {"distance": (("epoch", "other_epoch"), apart)},
        {"epoch": epochs, "other_epoch": epochs},
        {"store": store.path.name, "round": round, "density": share},
    )
    names = {"distance": ("weights left in exactly one mask", "1"), "epoch": ("epoch", "1")}
    return labelled(made, **names, other_epoch=("epoch", "1"))


def _masks(
    facts: Facts, start: Point, round: int, masks: Masks, share: float, progress: Progress | None
) -> dict[int, np.ndarray]:
    """Epoch → the packed bits of the mask that would be drawn after it."""
    task, plan = facts.task, facts.config.plan
    per_epoch = task.steps_per_epoch()
    total = plan.total_steps(per_epoch)
    steps = [step for step in range(start.step, total) if step % per_epoch == 0]
    if len(steps) > MOST_EPOCHS:
        raise LthkitError(f"the training has {len(steps)} epochs, more than the {MOST_EPOCHS} that can be compared")
    keep = int(share * masking.left(masks) + 0.5)
    found: dict[int, np.ndarray] = {}
    draw = partial(_drawn, network_address(task.modules, task.network), masks, keep)
    points: dict[int, Callable[[Point], None]] = {
        step: lambda point: found.update({point.step // per_epoch: draw(point)}) for step in steps
    }
    keeping = Keeping(points=points)
    shown = progress or for_here()
    try:
        shown.begin(round, round, masking.sparsity(masks), start.step, total, start.step, 0)
        end = train(task, plan, masks, seed=facts.config.seed, begin=start, keeping=keeping, progress=shown)
    finally:
        shown.close()
    found[-(-total // per_epoch)] = draw(end.point)
    return found


def _drawn(address: str, masks: Masks, keep: int, point: Point) -> np.ndarray:
    pruned = masking.prune(network_state(point.modules, address), masks, keep)
    return np.packbits(torch.cat([mask.flatten() for mask in pruned.values()]).numpy())
