"""Everything that can be refused is refused here, before anything of a search is written."""

import os
from pathlib import Path

import torch

from lthkit import ranks, tasks
from lthkit import store as stores
from lthkit.catalog import Catalog, load_catalog
from lthkit.criteria import find_criterion
from lthkit.data import SceneSplits, Splits
from lthkit.errors import LthkitError, StoreError
from lthkit.search.config import SearchConfig
from lthkit.search.facts import Facts
from lthkit.search.kept import config_of
from lthkit.search.origin import Origin, find_origin
from lthkit.search.pruning import check_pruning, scorer
from lthkit.search.start import starting_point, train_to_rewound
from lthkit.tasks import Task
from lthkit.train import Point, check_machine, check_task

MOST_NAME = 200
"""Bytes of a name; the temporary names beside it are longer."""


def make_task(config: SearchConfig, catalog: Catalog, samples: Splits | SceneSplits | None = None) -> Task:
    """The task of a configuration whose plan is resolved.

    Args:
        config: what to make.
        catalog: where data and checkpoints lie.
        samples: what ``data.load`` gives for ``config.data``, if it is at hand.
    """
    return tasks.make(
        config.task,
        tasks.TaskContext(
            model=config.model,
            data=config.data,
            options=config.task.options,
            batch_size=config.plan.batch_size,
            seed=config.seed,
            device=torch.device(config.plan.device),
            channels_last=config.plan.channels_last,
            workers=config.plan.workers,
            catalog=catalog,
            part=(ranks.rank(), ranks.world_size()),
            checkpoint=origin_checkpoint(config),
            samples=samples,
        ),
    )


def remake_task(config: SearchConfig, data_sha256: str | None, owner: object, catalog: Catalog | None = None) -> Task:
    """The task that a finished training had, on the same samples.

    Args:
        config: of the training.
        data_sha256: of its samples; None where it was not noted.
        owner: what was trained, for the error.
        catalog: found from the current folder by default.

    Raises:
        LthkitError: if the machine cannot do it, or the samples are others.
    """
    check_machine(config.plan.model_copy(update={"processes": None}))
    task = make_task(config, catalog or load_catalog())
    if (data_sha256 or task.data_sha256) != task.data_sha256:
        raise StoreError(f"the samples are not those that {owner} was trained on; restore them")
    return task


def origin_checkpoint(config: SearchConfig) -> str | None:
    """The checkpoint whose inputs a training has: its own, or that of the search that its mask or weights come from.

    So dense network, ticket and controls of one source see the same inputs, whatever weights they start from.
    """
    if config.model.checkpoint is not None or config.source is None:
        return config.model.checkpoint
    if not Path(config.source).exists():  # what is finished is scored without it
        return None
    source = stores.open_store(config.source)
    return None if "imported" in source.config else origin_checkpoint(config_of(source))


def check_path(path: Path, config: SearchConfig) -> None:
    """Refuse a path that cannot hold the search.

    Raises:
        LthkitError: another ending, or a result of one file asked of a search with rounds.
    """
    if path.suffix not in (".zarr", ".json"):
        raise LthkitError(f"'{path}' must end in .zarr; the store is a zarr directory")
    if path.suffix == ".json" and config.pruning.rounds:
        raise LthkitError(f"'{path}' is one file, which holds a training of zero rounds; end the name in .zarr")
    if "\0" in str(path) or any(len(os.fsencode(part)) > MOST_NAME for part in path.parts):
        raise LthkitError(f"'{path}' has a null character or more than {MOST_NAME} bytes in a name; choose another")
    for folder in (path.with_suffix(".weights"), *path.parents):
        if folder.exists() and not folder.is_dir():
            raise LthkitError(f"'{folder}' is a file where '{path}' needs a folder; move it or choose another name")


def settled(config: SearchConfig, path: Path) -> SearchConfig:
    """The configuration with threads and device written down: those of the store if it exists, else this machine's."""
    plan = config.plan
    if path.suffix == ".zarr" and path.exists():
        stored = stores.open_store(path).config.get("plan")
        if stored is None:
            raise StoreError(
                f"{path} holds imported masks, not a search to go on with; search under another name, "
                "with it as starting mask"
            )
        kept = {key: getattr(plan, key) or stored.get(key) for key in ("threads", "processes")}
        if plan.device == "auto":
            kept["device"] = stored["device"]
        plan = plan.model_copy(update=kept)
    return config.model_copy(update={"plan": plan.resolved()})


def prepare(config: SearchConfig, path: Path, catalog: Catalog, samples: Splits | SceneSplits | None = None) -> Facts:
    """The search as it begins; on every rank.

    Raises:
        LthkitError: on whatever cannot be used: machine, task, data, checkpoint, mask, weights, rewinding.
    """
    check_machine(config.plan)
    find_criterion(config.pruning.criterion)
    task = make_task(config, catalog, samples)
    check_task(task, config.plan)
    check_pruning(config.pruning, task.prunable)
    _check_rewinding(config, task)
    return Facts(path, config, task, *where_it_begins(config, task))


def where_it_begins(config: SearchConfig, task: Task) -> tuple[Origin, Point, Point]:
    """The starting mask, the weights that the configuration names, and those that the first round starts from.

    Raises:
        LthkitError: mask or weights that cannot be used, before any of them is trained.
    """
    named = starting_point(task, config)
    criterion = config.mask.criterion if config.mask else None
    if criterion is None:
        origin = find_origin(config, task.prunable)
        return origin, named, train_to_rewound(task, config, config.plan, named)
    start = train_to_rewound(task, config, config.plan, named)
    task.modules.load_state_dict(start.modules)
    return find_origin(config, task.prunable, scorer(criterion, config, task, config.seed)), named, start


def _check_rewinding(config: SearchConfig, task: Task) -> None:
    total = config.plan.total_steps(task.steps_per_epoch())
    step = config.rewind.steps(total) or 0
    if step >= total:
        raise LthkitError(f"rewinding to step {step} is beyond the training's {total} steps; choose an earlier step")
