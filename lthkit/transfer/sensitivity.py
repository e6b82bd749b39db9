"""Layer-wise sensitivity: prune one layer at a time, score with and without retraining (Mehta 2019)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from lthkit import controls
from lthkit import masks as masking
from lthkit.catalog import Catalog, load_catalog
from lthkit.controls import parse_recipe
from lthkit.errors import LthkitError
from lthkit.progress import for_many
from lthkit.search import SearchConfig, config_of, kept_state, make_task, scores_as_is
from lthkit.store import open_store
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
        Scores by (layer, level); attribute ``dense`` is the unpruned network's, ``chance`` that of guessing (None if
        unknown).

    Raises:
        LthkitError: when the weights are not kept, or a layer or level is not there.
    """
    opened = open_store(store)
    config = config_of(opened)
    trained = kept_state(opened, opened.first_round, "best")
    task = make_task(config, catalog or load_catalog())
    chosen = list(layers or opened.parameters)
    dense = masking.dense(opened.parameters)
    scores = np.empty((len(chosen), len(levels)))
    told = for_many(scores.size, unit="score")
    try:
        for row, layer in enumerate(chosen):
            for column, level in enumerate(levels):
                masks = controls.one_layer(trained.network, dense, layer, level)
                scores[row, column] = scores_as_is(task, config.plan, trained.state, masks, split)[task.metric]
                told.done(f"{layer} {level:.0%} sparse")
    finally:
        told.close()
    attributes = {
        "metric": task.metric,
        "split": split,
        "test_share": config.data.test_share,
        "chance": getattr(task, "chance", None),
        "dense": scores_as_is(task, config.plan, trained.state, {}, split)[task.metric],
    }
    coordinates = {"layer": chosen, "level": list(levels)}
    return xr.DataArray(scores, coordinates, ("layer", "level"), "score", attributes)


def score_retrained(
    base: SearchConfig,
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
        Scores by (layer, level, training_seed); attribute ``chance`` is that of guessing (NaN if unknown).

    Raises:
        LthkitError: if the base has no mask or weights of a search, or a layer or level is not there.
    """
    if base.source is None or base.weights is None:
        raise LthkitError("one layer at a time needs a training whose mask and weights are of a search; name them")
    chosen = list(layers or open_store(base.source).parameters)
    ranked = base.weights.kind if base.weights.kind != "rewound" else "random"
    configs = []
    for layer in chosen:
        for level in levels:
            values = {"kind": "one_layer", "source": base.source, "round": 0, "weights": ranked}
            mask = parse_recipe(values | {"layer": layer, "sparsity": level}, "mask")
            configs += [base.model_copy(update={"mask": mask, "seed": seed}) for seed in seeds]
    results = transfer_many(configs, folder, catalog=catalog, processes=processes)
    scores = results.set_index(["mask", "training_seed"])["score"]
    found = [scores[config.mask.label, config.seed] for config in configs if config.mask]
    shape = (len(chosen), len(levels), len(seeds))
    coordinates = {"layer": chosen, "level": list(levels), "training_seed": list(seeds)}
    attributes = {"split": "test"} | {name: results[name].iloc[0] for name in ("metric", "test_share", "chance")}
    return xr.DataArray(np.reshape(found, shape), coordinates, tuple(coordinates), "score", attributes)
