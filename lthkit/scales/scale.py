"""What a scale sets, read from ``scales.yaml``."""

from functools import cache
from importlib.resources import as_file, files
from typing import Any, Literal, get_args

from pydantic import Field, JsonValue

from lthkit.catalog import read_yaml
from lthkit.config import Config
from lthkit.errors import LthkitError

Stage = Literal["source", "target", "backbone"]
DETECTOR, _DETECTOR = "task.options.detector", "yolov4"
STAGES: tuple[str, ...] = get_args(Stage)
Changes = dict[str, JsonValue]


class TransferSet(Config):
    """The trainings of a comparison.

    Attributes:
        source_rounds: prunings of the ticket that is transferred.
        masks: kinds beside dense and ticket in a curve over sparsities.
        beside: kinds of masks beside each other at one sparsity.
        weights: what trainings start from.
        seeds: training seeds.
        levels: sparsities of one layer at a time.
        temperatures: of a contrastive loss, beside each other.
        larger: what makes the network of a contrastive task a large one, pruned until it is as small.
    """

    source_rounds: int = Field(ge=1)
    masks: tuple[str, ...]
    beside: tuple[str, ...]
    weights: tuple[str, ...]
    seeds: tuple[int, ...]
    levels: tuple[float, ...]
    temperatures: tuple[float, ...]
    larger: Changes


class Scale(Config):
    """One scale: settings by dotted key, for every training, for each stage and for tasks, and the transfers."""

    shared: Changes
    source: Changes = Field(default_factory=dict)
    target: Changes = Field(default_factory=dict)
    backbone: Changes = Field(default_factory=dict)
    tasks: dict[str, Changes] = Field(default_factory=dict)
    transfer: TransferSet

    def stage(self, stage: Stage, changes: Changes | None = None) -> Changes:
        """All settings of a stage, with those of the task, and of its detector, that the changes name."""
        task = (changes or {}).get("task.name")
        detector = (changes or {}).get(DETECTOR) or _DETECTOR
        of_stage = {"source": self.source, "target": self.target, "backbone": self.backbone}[stage]
        return self.shared | of_stage | self.tasks.get(str(task), {}) | self.tasks.get(f"{task} {detector}", {})


def scale_names() -> tuple[str, ...]:
    """The scales, smallest first."""
    return tuple(_written())


def find_scale(name: str) -> Scale:
    """A scale by name.

    Raises:
        LthkitError: if there is none of that name.
    """
    written = _written()
    if name not in written:
        raise LthkitError(f"there is no scale '{name}'; choose one of {', '.join(written)}")
    return Scale.parse(_complete(written, written[name]), f"scale '{name}'")


@cache
def _written() -> dict[str, Any]:
    """The file, read once: nobody changes what it says."""
    with as_file(files("lthkit.scales") / "scales.yaml") as path:
        return read_yaml(path)


def _complete(written: dict[str, Any], values: dict[str, Any], part: str | None = None) -> dict[str, Any]:
    """With what it extends: a scale another, part by part and task by task; a part alone that of another."""
    values = dict(values)
    base = values.pop("extends", None)
    if base is not None:
        inherited = _complete(written, written[base])
        values = inherited[part] | values if part else _joined(inherited, values)
    return values if part else {key: _complete(written, inner, key) for key, inner in values.items()}


def _joined(inherited: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Settings by part, and within ``tasks`` by task; one's own over those inherited."""
    joined = {part: inherited.get(part, {}) | own.get(part, {}) for part in inherited | own}
    of_tasks = inherited.get("tasks", {}), own.get("tasks", {})
    if any(of_tasks):
        joined["tasks"] = {task: of_tasks[0].get(task, {}) | of_tasks[1].get(task, {}) for task in joined["tasks"]}
    return joined
