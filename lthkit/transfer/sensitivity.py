"""Layer-wise sensitivity: prune one layer at a time, score with and without retraining (Mehta 2019)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from lthkit import controls, tasks
from lthkit import masks as masking
from lthkit.catalog import Catalog, load_catalog
from lthkit.controls import parse_recipe
from lthkit.errors import LthkitError
from lthkit.search import setting, trained_file
from lthkit.store import open_store
from lthkit.tasks import Task
from lthkit.train import Plan, load_tensors, machine
from lthkit.transfer import weights as weighting
from lthkit.transfer.config import TransferConfig
from lthkit.transfer.many import transfer_many


def score_pruned(
    store: str | Path,
    levels: Sequence[float],
    *,
    layers: Sequence[str] | None = None,
    split: str = "test",
    catalog: Catalog | None = None,
) -> xr.DataArray:
    """Score the trained dense network with one layer pruned by magnitude, without retraining.

    Args:
        store: of a search whose dense trained weights are kept; its own task is scored.
        levels: sparsities of the layer, each in [0, 1).
        layers: parameter names; all prunable ones by default.
        split: ``test`` or ``validation``.
        catalog: found from the current folder by default.

    Returns:
        Scores by (layer, level); attribute ``dense`` is the unpruned network's.

    Raises:
        LthkitError: when the weights are not kept, or a layer or level is not there.
    """
    opened = open_store(store)
    search = weighting.search_of(opened)
    path = trained_file(opened.path, opened.first_round, "best")
    if not path.exists():
        raise LthkitError(f"{path} is missing; search with keep_weights 'ends' or 'all'")
    trained, _ = load_tensors(path)
    plan = search.plan
    task = tasks.make(search.task, setting(search, catalog or load_catalog(), search.model))
    chosen = list(layers or opened.parameters)
    dense = {name: torch.from_numpy(mask) for name, mask in opened.masks(0).items()}
    named = weighting.by_name(trained, opened.parameters)
    scores = np.empty((len(chosen), len(levels)))
    for row, layer in enumerate(chosen):
        for column, level in enumerate(levels):
            scores[row, column] = _score(task, plan, trained, controls.one_layer(named, dense, layer, level), split)
    attributes = {"metric": task.metric, "split": split, "dense": _score(task, plan, trained, {}, split)}
    coordinates = {"layer": chosen, "level": list(levels)}
    return xr.DataArray(scores, coordinates, ("layer", "level"), "score", attributes)


def score_retrained(
    base: TransferConfig,
    levels: Sequence[float],
    folder: str | Path,
    *,
    layers: Sequence[str] | None = None,
    seeds: Sequence[int] = (0,),
    catalog: Catalog | None = None,
    processes: int | None = None,
) -> xr.DataArray:
    """Score after training with one layer pruned by magnitude of the base's weights, all others dense.

    Args:
        base: everything but mask and seed; its mask names the store.
        levels: sparsities of the layer, each in [0, 1).
        folder: of the results.
        layers: parameter names; all prunable ones by default.
        seeds: training seeds.
        catalog: found from the current folder by default.
        processes: trainings at the same time.

    Returns:
        Scores by (layer, level, training_seed).
    """
    chosen = list(layers or open_store(base.mask.source).parameters)
    ranked = base.weights.kind if base.weights.kind != "rewound" else "random"
    cases = [(layer, level, seed) for layer in chosen for level in levels for seed in seeds]
    configs = []
    for layer, level, seed in cases:
        values = {"kind": "one_layer", "source": base.mask.source, "round": 0, "weights": ranked}
        mask = parse_recipe(values | {"layer": layer, "sparsity": level}, "mask")
        configs.append(base.model_copy(update={"mask": mask, "seed": seed}))
    results = transfer_many(configs, folder, catalog=catalog, processes=processes)
    scores = [
        float(results.score.sel(mask=config.mask.label, training_seed=config.seed).squeeze().item())
        for config in configs
    ]
    shape = (len(chosen), len(levels), len(seeds))
    coordinates = {"layer": chosen, "level": list(levels), "training_seed": list(seeds)}
    attributes = {"metric": results.attrs["metric"], "split": "test"}
    return xr.DataArray(np.reshape(scores, shape), coordinates, tuple(coordinates), "score", attributes)


def _score(task: Task, plan: Plan, trained: dict[str, torch.Tensor], masks: masking.Masks, split: str) -> float:
    task.modules.load_state_dict(trained)
    device = torch.device(plan.device)
    masking.apply_(dict(task.network.named_parameters()), {name: mask.to(device) for name, mask in masks.items()})
    with machine.settings(plan), machine.scoring(plan, task.modules):
        return task.evaluate(split)[task.metric]
