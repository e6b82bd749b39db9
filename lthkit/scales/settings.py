"""Ready settings by scale: smoke (tests), demo (digits, a minute), small (CIFAR-10-sized) and paper (Chen et al.).

A notebook takes its settings from a scale and changes what its parameters say.
"""

import copy
from typing import Any, Literal

from lthkit.errors import LthkitError
from lthkit.search import SearchConfig

Values = dict[str, Any]
Stage = Literal["source", "target"]

# sources are pre-trained on (no pruning), targets are where a ticket is found
_DIGITS: Values = {
    "model": {"name": "resnet8", "options": {"width": 8}},
    "data": {"name": "digits", "pad": 1, "validation": 0.2},
    "plan": {
        "epochs": 12,
        "batch_size": 32,
        "learning_rate": 0.05,
        "schedule": "steps",
        "milestones": [8, 10],
        "weight_decay": 2e-4,
        "threads": 1,  # so small a network is slower on two
    },
}
_CIFAR: Values = {
    "model": {"name": "resnet20"},
    "data": {"name": "cifar10-images", "flip": True, "pad": 4, "validation": 0.1},
    "plan": {
        "epochs": 8,
        "batch_size": 128,
        "learning_rate": 0.1,
        "schedule": "cosine",
        "weight_decay": 2e-4,
        "precision": "bfloat16",
    },
}
# Chen et al. 2021, Table 1: CIFAR-10 column; the small stem is their released code's
_PAPER: Values = {
    "model": {"name": "resnet50", "small_stem": True},
    "data": {"name": "cifar10-images", "flip": True, "pad": 4, "validation": 0.0},
    "plan": {
        "epochs": 182,
        "batch_size": 256,
        "learning_rate": 0.1,
        "schedule": "steps",
        "milestones": [91, 136],
        "weight_decay": 2e-4,
        "selection": "last",
    },
}

_SHORT: Values = {"data.count": 160, "plan.epochs": 2, "plan.schedule": "constant", "plan.milestones": []}

_SETTINGS: dict[str, tuple[Values, dict[Stage, Values]]] = {
    "smoke": (
        _DIGITS,
        {
            "source": _SHORT | {"data.classes": [0, 1, 2, 3, 4]},
            "target": _SHORT | {"data.classes": [5, 6, 7, 8, 9], "pruning.rounds": 3, "model.head": "new"},
        },
    ),
    "demo": (
        _DIGITS,
        {
            "source": {"data.classes": [0, 1, 2, 3, 4]},
            "target": {"data.classes": [5, 6, 7, 8, 9], "pruning.rounds": 18, "model.head": "new"},
        },
    ),
    "small": (_CIFAR, {"source": {}, "target": {"pruning.rounds": 5}}),
    "paper": (
        _PAPER,
        {
            "source": {},
            "target": {"model.checkpoint": "resnet50-imagenet-v1", "model.head": "new", "pruning.rounds": 18},
        },
    ),
}


def names() -> tuple[str, ...]:
    """The scales, smallest first."""
    return tuple(_SETTINGS)


def settings(scale: str, stage: Stage = "target", changes: Values | None = None) -> SearchConfig:
    """The configuration of a scale with changes.

    Args:
        scale: one of ``names()``.
        stage: ``source``: a dense training (a pre-training; zero rounds); ``target``: where a ticket is searched.
        changes: dotted key → value, e.g. ``{"plan.epochs": 4}``; None leaves the scale's value.

    Raises:
        LthkitError: on an unknown scale or key, or a value that does not fit.
    """
    if scale not in _SETTINGS:
        raise LthkitError(f"there is no scale '{scale}'; choose one of {', '.join(_SETTINGS)}")
    base, stages = _SETTINGS[scale]
    values = copy.deepcopy(base)
    start: Values = {"pruning.rounds": 0} if stage == "source" else {}
    given = {key: value for key, value in (changes or {}).items() if value is not None}
    for key, value in (start | stages[stage] | given).items():
        _put(values, key, value)
    if {"plan.steps", "plan.epochs"} & given.keys():
        _one_length(values["plan"], given)
    return SearchConfig.parse(values, f"scale '{scale}'")


def _put(values: Values, key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
    values[last] = value


def _one_length(plan: Values, given: Values) -> None:
    """A given length in steps replaces the scale's in epochs; its milestones do not fit and give way to a cosine."""
    if "plan.steps" in given and "plan.epochs" not in given:
        plan.pop("epochs", None)
    if "plan.milestones" not in given and plan.get("schedule") == "steps":
        plan["schedule"], plan["milestones"] = "cosine", []
