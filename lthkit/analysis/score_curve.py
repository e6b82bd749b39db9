"""The score of each round: one number out of its evaluations."""

import numpy as np
import xarray as xr

from lthkit.analysis.labels import labelled
from lthkit.analysis.masks.density import sparsity
from lthkit.analysis.masks.searches import Search
from lthkit.errors import StoreError
from lthkit.store import Store, StoreLike, as_store


def curve(store: StoreLike, search: Search | None = None, *, metric: str | None = None) -> xr.Dataset:
    """Score against sparsity for the rounds that are trained, dimension round.

    The score is the test metric at the best validation evaluation of the round (the first of equals), or at its
    last evaluation where the search was configured without selection (``plan.selection`` "last").

    Args:
        store: a store, or its path.
        search: its masks, where they were read already (``read``).
        metric: another of the task's metrics than the one that picked the best evaluation, at that evaluation; of all
            but ``loss`` more is better.

    Returns:
        ``sparsity`` and ``density`` (fractions), ``score`` and ``validation`` (the metric), ``best_step`` (training
        steps within the round), ``wall_time`` (seconds of the round). Attributes: ``store``, ``metric``,
        ``selection``, ``higher_is_better``, ``test_share`` (of the test split that was scored), ``chance`` (the
        metric's value for guessing; None if unknown).

    Raises:
        StoreError: if the store has no scores or no such metric, does not say which metric counts, or has no evaluation
            to choose from.
    """
    store = as_store(store)
    if not store.metrics:
        raise StoreError(f"{store.path} has no scores: its masks were imported; train from one to get a curve")
    counted, higher, selection = _terms(store)
    wanted = counted if metric is None else metric
    known = [name.removeprefix("test_") for name in store.metrics if name.startswith("test_")]
    if wanted not in known:
        raise StoreError(f"{store.path} has no metric '{wanted}'; choose one of {', '.join(known)}")
    scores = store.scores()
    steps = scores["step"].values
    validation, test = scores[f"validation_{counted}"].values, scores[f"test_{wanted}"].values
    key = validation if selection == "validation" else np.where(np.isfinite(steps), np.arange(steps.shape[1]), np.nan)
    _refuse_unmeasured(store, scores["round"].values, key, counted)
    best = _first_best(key, higher or selection == "last")
    removed = sparsity(search or store).sel(round=scores["round"])
    rows = np.arange(len(best))
    columns = {
        "sparsity": removed.values,
        "density": 1 - removed.values,
        "score": test[rows, best],
        "validation": scores[f"validation_{wanted}"].values[rows, best],
        "best_step": steps[rows, best].astype(np.int64),
        "wall_time": np.fmax.reduce(scores["wall_time"].values, axis=1),
    }
    own = wanted == counted
    higher = higher if own else wanted != "loss"
    attrs = {"store": store.path.name, "metric": wanted, "selection": selection, "higher_is_better": higher}
    attrs |= {"test_share": store.provenance.get("test_share", 1.0)}
    attrs |= {"chance": store.provenance.get("chance") if own else None}
    variables = {name: ("round", column) for name, column in columns.items()}
    return labelled(xr.Dataset(variables, {"round": scores["round"].values}, attrs))


def _terms(store: Store) -> tuple[str, bool, str]:
    try:
        metric, higher = store.provenance["metric"], store.provenance["higher_is_better"]
        return str(metric), bool(higher), str(store.config["plan"]["selection"])
    except (KeyError, TypeError):
        raise StoreError(f"{store.path} does not say which metric counts; it was not written by a search") from None


def _refuse_unmeasured(store: Store, rounds: np.ndarray, key: np.ndarray, metric: str) -> None:
    for round_, row in zip(rounds, key, strict=True):
        if not np.isfinite(row).any():
            raise StoreError(
                f"{store.path} has no validation {metric} in round {round_}; search with a validation split, "
                "or with selection 'last'"
            )


def _first_best(values: np.ndarray, higher: bool) -> np.ndarray:
    worst = -np.inf if higher else np.inf
    known = np.where(np.isfinite(values), values, worst)
    return known.argmax(axis=1) if higher else known.argmin(axis=1)
