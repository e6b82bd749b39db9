"""Scores without training: of a network as configured, or as a search kept it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from lthkit import masks as masking
from lthkit.catalog import Catalog, load_catalog
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.search.config import SearchConfig
from lthkit.search.kept import Kept, KeptState, config_of, kept_state
from lthkit.search.prepare import make_task, remake_task, where_it_begins
from lthkit.store import Store, StoreLike, as_store
from lthkit.tasks import Task, masked_networks
from lthkit.train import Plan, check_machine, machine


def evaluate(
    what: SearchConfig | StoreLike,
    *,
    round: int | None = None,
    weights: Kept = "start",
    catalog: Catalog | None = None,
) -> dict[str, Any]:
    """Score a network on validation and test as it is, without training.

    Args:
        what: a configuration: its network with its checkpoint or ``weights`` loaded and its ``mask`` applied, exactly
            what its first training begins with. Or a search (store or path): what it kept.
        round: of a search, whose mask is applied; the first by default.
        weights: of a search: those it ``start``s from, goes back to (``rewind``), or trained in the round (``best``,
            ``last``).
        catalog: found from the current folder by default.

    Returns:
        ``validation_<metric>`` (if there is a validation split) and ``test_<metric>`` of all the task's metrics;
        ``sparsity``; what they say: ``weights`` (in words), ``metric`` (the one that counts), ``higher_is_better``,
        ``chance`` (None if unknown), ``test_share`` (of the test split that was scored).

    Raises:
        LthkitError: on whatever of the configuration cannot be used; a round or weights that are not there; samples
            that are not those of the search.
    """
    if isinstance(what, SearchConfig):
        if round is not None or weights != "start":
            raise LthkitError("round and weights choose what a search kept; a configuration says its mask and weights")
        return _configured(what, catalog or load_catalog())
    store = as_store(what)
    chosen = store.first_round if round is None else round
    masks, kept = masking.as_tensors(store.masks(chosen)), kept_state(store, chosen, weights)
    config, task = _task_of(store, catalog)
    said = {"start": "start", "rewind": "rewind"}.get(weights, f"{weights} of round {chosen}")
    return _scored(task, config, kept.state, masks, f"{said} of {store.path}")


def evaluate_before_training(store: StoreLike, *, catalog: Catalog | None = None) -> xr.Dataset:
    """Score what each trained round of a search began with: its starting or rewound weights under the round's mask.

    Args:
        store: of a search that kept these weights; without rewinding that takes ``keep_weights`` "all".
        catalog: found from the current folder by default.

    Returns:
        ``sparsity`` and ``density`` (fractions), ``score`` and ``validation`` (the metric; NaN without a validation
        split) by ``round``, as ``analysis.curve`` has them after training; attributes ``store``, ``metric``,
        ``higher_is_better``, ``test_share``.

    Raises:
        LthkitError: as ``evaluate``.
    """
    store = as_store(store)
    config, task = _task_of(store, catalog)
    rounds = range(store.first_round, store.scored)
    masks = {at: masking.as_tensors(store.masks(at)) for at in rounds}
    found = [_scored(task, config, _begun_with(store, config, at).state, masks[at], "") for at in rounds]
    metric = task.metric
    sparsity = np.array([row["sparsity"] for row in found])
    columns = {
        "sparsity": sparsity,
        "density": 1 - sparsity,
        "score": np.array([row[f"test_{metric}"] for row in found]),
        "validation": np.array([row.get(f"validation_{metric}", np.nan) for row in found]),
    }
    attrs = {"store": store.path.name, "metric": metric, "higher_is_better": task.higher_is_better}
    attrs["test_share"] = config.data.test_share
    return xr.Dataset({name: ("round", column) for name, column in columns.items()}, {"round": list(rounds)}, attrs)


def scores_as_is(task: Task, plan: Plan, state: Mapping[str, Tensor], masks: Masks, split: str) -> dict[str, float]:
    """All metrics of one split, of the task's modules in this state with masked weights zero."""
    task.modules.load_state_dict(state)
    device = torch.device(plan.device)
    placed = {name: mask.to(device) for name, mask in masks.items()}
    for network in masked_networks(task).values():
        masking.apply_(dict(network.named_parameters()), placed)
    with machine.settings(plan), machine.scoring(plan, task.modules):
        return task.evaluate(split)


def _configured(config: SearchConfig, catalog: Catalog) -> dict[str, Any]:
    config = config.model_copy(update={"plan": config.plan.resolved()})
    check_machine(config.plan)
    task = make_task(config, catalog)
    origin, _, start = where_it_begins(config, task)
    said = task.start if config.weights is None else f"weights '{config.weights.label}'"
    return _scored(task, config, start.modules, origin.masks, said)


def _scored(task: Task, config: SearchConfig, state: Mapping[str, Tensor], masks: Masks, said: str) -> dict[str, Any]:
    scores = {
        f"{split}_{name}": value
        for split in task.splits
        for name, value in scores_as_is(task, config.plan, state, masks, split).items()
    }
    return scores | {
        "sparsity": masking.sparsity(masks),
        "weights": said,
        "metric": task.metric,
        "higher_is_better": task.higher_is_better,
        "chance": getattr(task, "chance", None),
        "test_share": config.data.test_share,
    }


def _task_of(store: Store, catalog: Catalog | None) -> tuple[SearchConfig, Task]:
    """The task that a search trained, on the same samples."""
    config = config_of(store)
    return config, remake_task(config, store.provenance.get("data_sha256"), store.path, catalog)


def _begun_with(store: Store, config: SearchConfig, round: int) -> KeptState:
    """What the training of a round began with, by the search's rewinding."""
    if round == store.first_round or config.rewind.to == "start":
        return kept_state(store, round, "start")
    return kept_state(store, round - 1, "last") if config.rewind.to == "none" else kept_state(store, round, "rewind")
