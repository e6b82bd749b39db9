"""Barriers of a search's rounds: of copies in other orders of the data, and between the rounds themselves."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from lthkit import controls
from lthkit import masks as masking
from lthkit.catalog import Catalog
from lthkit.connectivity.copies import trained_copies
from lthkit.connectivity.path import POINTS, STATISTICS_BATCHES, barrier, error_along
from lthkit.errors import LthkitError
from lthkit.progress import for_many
from lthkit.search import begin, kept_state
from lthkit.store import StoreLike, as_store

ORDERS = 3
MASKS = ("ticket", "layer_random")


def instability(
    store: StoreLike,
    folder: str | Path,
    rounds: Sequence[int] | None = None,
    *,
    masks: Sequence[str] = MASKS,
    orders: int = ORDERS,
    points: int = POINTS,
    batches: int = STATISTICS_BATCHES,
    catalog: Catalog | None = None,
) -> pd.DataFrame:
    """How far trainings from one mask and one start drift apart that differ only in the order of their data.

    Frankle et al. 2020: a subnetwork that trains as well as the dense one is stable, with no barrier between its
    trainings; a random one of the same layers' densities is not.

    Args:
        store: a finished search.
        folder: keeps the trainings; what is there is not trained again.
        rounds: all of the search by default.
        masks: kinds, in text form (``controls.read_recipe``); controls are drawn with seed 0. "dense" is the network
            without a mask, from what each round began with: whether it is stable at the rewind point (their Figure 3).
        orders: trainings of each mask; all pairs of them are compared.
        points: of each line.
        batches: as ``error_along``.
        catalog: found from the current folder by default.

    Returns:
        A row for each mask, round and pair of orders: ``mask``, ``round``, ``sparsity``, ``one``, ``other``,
        ``barrier``, ``error`` (mean of both ends) and ``path`` (errors along the line); ``metric`` and its
        ``higher_is_better``. At round 0, without a mask, all kinds are the dense network, which is told once, as
        the first of ``masks``.

    Raises:
        LthkitError: on fewer than two orders, a round that there is not, or a search that cannot be trained again.
    """
    store, folder = as_store(store), Path(folder)
    if orders < 2:
        raise LthkitError(f"{orders} training has nothing to be compared with; give at least 2 orders of the data")
    chosen = _rounds(store.rounds, rounds)
    work = [
        (kind, round, controls.read_recipe(kind, source=store.path, round=0 if kind == "dense" else round))
        for round in chosen
        for kind in (masks if round else masks[:1])
    ]
    facts = begin.facts_of(store, catalog)
    shown = for_many(orders * len(work))
    rows = []
    try:
        for kind, round, recipe in work:
            made, named = controls.realise(recipe).masks, kind.replace(" ", "-")
            copies = trained_copies(facts, store, round, made, orders, folder, named=named, told=shown.done)
            said = {"mask": kind, "round": round, "sparsity": masking.sparsity(made)}
            for one, other in combinations(copies, 2):
                path = error_along(facts.task, facts.config, one.state, other.state, points=points, batches=batches)
                rows.append({**said, "one": one.order, "other": other.order, **_told(path)})
    finally:
        shown.close()
    return pd.DataFrame(rows)


def between_rounds(
    store: StoreLike,
    pairs: Sequence[tuple[int, int]] | None = None,
    *,
    points: int = POINTS,
    batches: int = STATISTICS_BATCHES,
    catalog: Catalog | None = None,
) -> pd.DataFrame:
    """The barrier between what rounds of one search trained: does pruning leave the basin (Paul et al. 2022, arXiv
    2210.03044).

    On the line between two masks, weights of one of them alone fade.

    Args:
        store: a search that kept its weights (``keep_weights`` "all").
        pairs: of rounds; by default each with the next, and the dense network with each later one.
        points: of each line.
        batches: as ``error_along``.
        catalog: found from the current folder by default.

    Returns:
        A row for each pair: ``one``, ``other`` (rounds), ``sparsity`` (of the later), ``barrier``, ``error``, ``path``,
        ``metric``, ``higher_is_better``.

    Raises:
        LthkitError: on weights that are not kept.
    """
    store = as_store(store)
    first, last = store.first_round, store.rounds
    if pairs is None:
        following = [(at, at + 1) for at in range(first, last)]
        pairs = following + [(first, at) for at in range(first + 2, last + 1)]
    states = {at: kept_state(store, at, "last").state for at in sorted({at for pair in pairs for at in pair})}
    facts = begin.facts_of(store, catalog)
    shown = for_many(len(pairs), unit="line")
    rows = []
    for one, other in pairs:
        path = error_along(facts.task, facts.config, states[one], states[other], points=points, batches=batches)
        removed = masking.sparsity(masking.as_tensors(store.masks(max(one, other))))
        rows.append({"one": one, "other": other, "sparsity": removed, **_told(path)})
        shown.done(f"rounds {one} and {other}")
    shown.close()
    return pd.DataFrame(rows)


def _rounds(last: int, rounds: Sequence[int] | None) -> list[int]:
    for round in rounds or []:
        if not 0 <= round <= last:
            raise LthkitError(f"there is no round {round}; choose of 0 to {last}")
    return list(range(last + 1)) if rounds is None else list(rounds)


def _told(path: xr.Dataset) -> dict[str, Any]:
    error = path["error"].values
    ends = (error[0] + error[-1]) / 2
    said = {name: path.attrs[name] for name in ("metric", "higher_is_better")}
    return {"barrier": barrier(path), "error": float(ends), "path": error.tolist(), **said}
