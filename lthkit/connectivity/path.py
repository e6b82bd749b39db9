"""The error along the straight line between two states of one network (Frankle et al. 2020, arXiv 1912.05671)."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from lthkit.analysis.labels import labelled
from lthkit.errors import LthkitError
from lthkit.search import SearchConfig, scores_as_is
from lthkit.seeds import derive
from lthkit.tasks import Task
from lthkit.train import machine

State = Mapping[str, Tensor]
POINTS = 11
STATISTICS_BATCHES = 20


def error_along(
    task: Task,
    config: SearchConfig,
    one: State,
    other: State,
    *,
    points: int = POINTS,
    batches: int = STATISTICS_BATCHES,
    split: str = "test",
) -> xr.Dataset:
    """Scores of (1 − α) · one + α · other for α from 0 to 1.

    The two ends are scored as they are. Between them the running statistics of BatchNorm belong to neither, so they are
    taken anew: the mean of what training batches show. Whole numbers are those of ``one``.

    Args:
        task: whose modules have these states; left in the last of them.
        config: of the training.
        one: state of ``task.modules``.
        other: another.
        points: of the line, both ends among them; at least 3.
        batches: training batches for the statistics; those of all points are the same.
        split: ``validation`` or ``test``.

    Returns:
        By ``alpha``: ``score`` (the task's metric) and ``error``: 1 − score where more is better, else the score.
        Attributes ``metric``, ``higher_is_better``, ``split``, ``points``, ``batches``.

    Raises:
        LthkitError: if the states are of different networks, or there are too few points.
    """
    _check(one, other, points)
    taken = _batches(task, config, batches) if _normalised(task.modules) else []
    alphas = np.linspace(0, 1, points)
    equal = all(torch.equal(one[name], other[name]) for name in one)
    scores = []
    for alpha in alphas:
        if equal or alpha in (0, 1):
            state = dict(other if alpha == 1 else one)
        else:
            state = _with_statistics(task, config, _between(one, other, float(alpha)), taken)
        scores.append(scores_as_is(task, config.plan, state, {}, split)[task.metric])
    score = np.array(scores)
    attrs = {"metric": task.metric, "higher_is_better": task.higher_is_better}
    attrs |= {"split": split, "points": points, "batches": batches}
    columns = {"score": ("alpha", score), "error": ("alpha", 1 - score if task.higher_is_better else score)}
    return labelled(
        xr.Dataset(columns, {"alpha": alphas}, attrs), error=("error", "1"), alpha=("place on the line", "1")
    )


def barrier(path: xr.Dataset) -> float:
    """The highest error on the line above the mean of its ends (Frankle et al. 2020, Section 2); 0 where none is."""
    error = path["error"].values
    return float(np.max(error) - (error[0] + error[-1]) / 2) if np.ptp(error) else 0.0


def _check(one: State, other: State, points: int) -> None:
    if points < 3:
        raise LthkitError(f"{points} points have none between the ends; give at least 3")
    for name in dict.fromkeys([*one, *other]):
        if name not in one or name not in other or one[name].shape != other[name].shape:
            raise LthkitError(
                f"the two networks differ in '{name}', so there is no line between them; give states of one network"
            )


def _between(one: State, other: State, alpha: float) -> dict[str, Tensor]:
    return {
        name: torch.lerp(value, other[name], alpha) if value.is_floating_point() else value
        for name, value in one.items()
    }


def _batches(task: Task, config: SearchConfig, count: int) -> Sequence[Any]:
    found = list(islice(task.batches(config.seed, 0, 0), count))
    if not found:
        raise LthkitError("there are no training batches to take statistics on; give the data some samples")
    return found


def _normalised(modules: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    """Layers whose running statistics training changes."""
    return [
        each
        for each in modules.modules()
        if isinstance(each, nn.modules.batchnorm._BatchNorm)
        and each.track_running_stats
        and not getattr(each, "statistics_kept", False)
    ]


def _with_statistics(task: Task, config: SearchConfig, state: State, batches: Sequence[Any]) -> dict[str, Tensor]:
    """The state with the running statistics that these batches have in it."""
    layers = _normalised(task.modules)
    if not layers:
        return dict(state)
    task.modules.load_state_dict(state)
    before = [layer.momentum for layer in layers]
    with machine.settings(config.plan):
        torch.manual_seed(derive(config.seed, "statistics"))
        machine.training_mode(task.modules)
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # the mean of all batches
        try:
            with torch.no_grad(), machine.autocast(config.plan):
                for batch in batches:
                    task.loss(batch)
        finally:
            for layer, momentum in zip(layers, before, strict=True):
                layer.momentum = momentum
    found = task.modules.state_dict()
    told = [name for name in found if name.endswith(("running_mean", "running_var"))]
    return {**state, **{name: found[name].clone() for name in told}}
