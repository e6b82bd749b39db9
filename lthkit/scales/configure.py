"""From a scale and changes to a complete configuration."""

from typing import Any

from lthkit.errors import LthkitError
from lthkit.scales.scale import Changes, Stage, find_scale
from lthkit.search import SearchConfig

# what a scale says of these is about its own data set
_OF_THE_DATA = ("data.classes", "data.count")


def configure(scale: str, stage: Stage = "target", changes: Changes | None = None) -> SearchConfig:
    """The configuration of a scale with changes.

    Args:
        scale: one of ``scale_names()``.
        stage: ``source``: a dense training (a pre-training; zero rounds); ``target``: where a ticket is searched;
            ``backbone``: a search on a classification whose network can carry a detector or a segmenter.
        changes: dotted key → value, e.g. ``{"plan.epochs": 4}``; None leaves the scale's value.

    Raises:
        LthkitError: on an unknown scale or key, or a value that does not fit.
    """
    start: Changes = {"pruning.rounds": 0} if stage == "source" else {}
    settings = find_scale(scale).stage(stage, changes)
    return parse_changed(start | settings, changes, f"scale '{scale}'")


def parse_changed(settings: Changes, changes: Changes | None, where: str) -> SearchConfig:
    """Settings by dotted key, changed, as a configuration.

    A data set that is not that of the settings has all its classes and samples unless the changes say otherwise; a
    length in steps replaces one in epochs, and milestones that were not given with it give way to a cosine; with
    another schedule they go. Weights that are given take the place of a checkpoint.

    Raises:
        LthkitError: on an unknown key or a value that does not fit, naming ``where``.
    """
    given = {key: value for key, value in (changes or {}).items() if value is not None}
    kept: Changes = dict(settings)
    if given.get("data.name", kept.get("data.name")) != kept.get("data.name"):
        kept = {key: value for key, value in kept.items() if key not in _OF_THE_DATA}
    for length, other in (("plan.steps", "plan.epochs"), ("plan.epochs", "plan.steps")):
        if length in given:
            kept.pop(other, None)
    lengths, schedule = {"plan.steps", "plan.epochs"}, {"plan.milestones", "plan.schedule"}
    if lengths & given.keys() and not schedule & given.keys() and kept.get("plan.schedule") == "steps":
        kept |= {"plan.schedule": "cosine", "plan.milestones": []}
    if any(key.partition(".")[0] == "weights" for key in given):
        kept.pop("model.checkpoint", None)
    if given.get("plan.schedule", "steps") != "steps":
        kept["plan.milestones"] = []
    return SearchConfig.parse(nested({**kept, **given}), where)


def nested(settings: Changes) -> dict[str, Any]:
    """Dotted keys as nested mappings, in the order given.

    Raises:
        LthkitError: if one key is inside another's value that is no mapping.
    """
    values: dict[str, Any] = {}
    for key, value in settings.items():
        *parents, last = key.split(".")
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise LthkitError(f"'{key}' lies inside '{parent}', which is set to {inner!r}; drop one of the two")
        inner[last] = dict(value) if isinstance(value, dict) else value
    return values
