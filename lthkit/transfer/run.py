"""Train one subnetwork on one task and write down its result."""

import json
from pathlib import Path
from typing import Any

from lthkit import controls, tasks
from lthkit import masks as masking
from lthkit.atomic import replacing
from lthkit.catalog import Catalog, load_catalog
from lthkit.controls import Made
from lthkit.data import Splits
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.models import ModelSpec
from lthkit.progress import Progress, for_here
from lthkit.search import SearchConfig, setting
from lthkit.store import Store, open_store
from lthkit.tasks import Task
from lthkit.train import Keeping, Point, Snapshot, check_machine, read_snapshot, tensors_sha256, train, write_snapshot
from lthkit.transfer import weights as weighting
from lthkit.transfer.config import TransferConfig
from lthkit.transfer.results import SCHEMA, result_file, summary


def transfer(
    config: TransferConfig,
    folder: str | Path,
    *,
    catalog: Catalog | None = None,
    samples: Splits | None = None,
    save_every: float = 60.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train one subnetwork (mask, weights) on one task; a finished result is read, an interrupted one goes on.

    Dense reference, ticket and every control go through this call with the same plan: same batches, same schedule.

    Args:
        config: all of it.
        folder: where the result is written as ``<fingerprint>.result.json``.
        catalog: found from the current folder by default.
        samples: what ``data.load`` gives for ``config.data``, if it is at hand.
        save_every: seconds between two saves of the training state.
        progress: shown as suits the place by default.

    Returns:
        The result: labels, settings, hashes, evaluations and their summary.

    Raises:
        LthkitError: before training, on whatever does not fit together.
    """
    folder = Path(folder)
    config = config.model_copy(update={"plan": config.plan.resolved()})
    path = result_file(folder, config.fingerprint())
    if path.exists():
        return json.loads(path.read_text())
    check_machine(config.plan)
    store = open_store(config.mask.source)
    search = weighting.search_of(store)
    task = tasks.make(config.task, setting(config, catalog or load_catalog(), target_model(config, search), samples))
    made = _mask(config, store, task)
    stored = weighting.body(config.weights, store)
    point = weighting.start(task, config.weights, stored, config.plan, config.seed)
    trained = _train(config, task, made.masks, point, folder, save_every, progress or for_here())
    result = _without_nan(_result(config, search, task, made, point, trained))
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1))
    _state_file(path).unlink(missing_ok=True)
    return result


def _mask(config: TransferConfig, store: Store, task: Task) -> Made:
    """The recipe's mask; what is prunable in the source must be in the target network."""
    ranked = None
    if config.mask.ranked is not None:
        ranked = weighting.by_name(weighting.body(weighting.ranking(config.mask.ranked), store), store.parameters)
    made = controls.realise(config.mask, weights=ranked)
    if not masking.left(made.masks):
        raise LthkitError(
            f"{made.recipe.describe()} is empty, so there is nothing to train; choose another round or kind"
        )
    masking.check(made.masks, {name: tuple(parameter.shape) for name, parameter in task.network.named_parameters()})
    return made


def _train(
    config: TransferConfig, task: Task, masks: Masks, point: Point, folder: Path, every: float, progress: Progress
) -> Snapshot:
    state = _state_file(result_file(folder, config.fingerprint()))
    begin: Point | Snapshot = read_snapshot(state)[0] if state.exists() else point
    total = config.plan.total_steps(task.steps_per_epoch())
    step = (begin.point if isinstance(begin, Snapshot) else begin).step
    progress.begin(config.mask.round, config.mask.round, masking.sparsity(masks), step, total, step, 0)
    keeping = Keeping(lambda snapshot: write_snapshot(state, snapshot, {}), every)
    try:
        return train(task, config.plan, masks, seed=config.seed, begin=begin, keeping=keeping, progress=progress)
    finally:
        progress.close()


def _result(
    config: TransferConfig, search: SearchConfig, task: Task, made: Made, point: Point, trained: Snapshot
) -> dict[str, Any]:
    plan = config.plan
    found = summary(trained.rows, task.metric, task.higher_is_better, plan.selection)
    return {
        "schema": SCHEMA,
        "labels": {
            "source": _task_label(search),
            "weights": config.weights.label,
            "target": _task_label(config),
            "mask": config.mask.label,
            "round": config.mask.round,
            "search_seed": search.seed,
            "training_seed": config.seed,
        },
        "config": config.plain(),
        "config_sha256": config.fingerprint(),
        "search": _how_it_was_found(search),
        "metric": task.metric,
        "higher_is_better": task.higher_is_better,
        "selection": plan.selection,
        "mask_sha256": made.sha256,
        "mask": made.describe(),
        "density_before": made.before,
        "start_sha256": tensors_sha256(point.modules),
        "data_sha256": task.data_sha256,
        "chance": getattr(task, "chance", None),
        "steps_per_epoch": task.steps_per_epoch(),
        "rows": trained.rows,
        "summary": found | {"sparsity": 1 - made.after},
    }


def _task_label(config: SearchConfig | TransferConfig) -> str:
    """The data set and its classes, e.g. ``digits 0,1,2,3,4``."""
    classes = "" if config.data.classes is None else f" {','.join(map(str, config.data.classes))}"
    return f"{config.data.name}{classes}"


def _how_it_was_found(search: SearchConfig) -> dict[str, Any]:
    """The source search but for what its seed decides: the seed and the checkpoint that was trained with it."""
    found = search.plain()
    found.pop("seed")
    found["model"].pop("checkpoint")
    return found


def target_model(config: TransferConfig, search: SearchConfig) -> ModelSpec:
    """The source's network with the target's head and freezing, and no checkpoint: its weights come otherwise."""
    changes = {
        "checkpoint": None,
        "hidden": config.head.hidden,
        "freeze": config.freeze,
        "frozen_statistics": config.frozen_statistics,
    }
    return search.model.model_copy(update=changes)


def _without_nan(value: Any) -> Any:
    """JSON has no NaN; null stands for what was not measured."""
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and value != value else value


def _state_file(result: Path) -> Path:
    return result.with_suffix(".state")
