"""From a study to its runs: which notebook with which values, and which runs each one needs."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import product
from pathlib import Path
from typing import Any

from lthkit.batch import Parameter, did_you_mean, find_notebook, parameters_of, read_notebook, values_for
from lthkit.config import canonical_sha256
from lthkit.errors import LthkitError
from lthkit.studies.run import Labels, Run
from lthkit.studies.study import STANDS_FOR, Axis, Need, Section, Step, Study

Place = Callable[[str], Path]
OUT, PROCESSES, SCALE, CHANGES = "out", "processes", "scale", "changes"
# parameters that name a store: it must be there before anything starts
STORES = ("source", "other", "store", "stores", "small", "large")


def runs_of(study: Study, name: str, scale: str, folder: Place) -> list[Run]:
    """All runs of a study at a scale, every one after those that it needs.

    Of steps that only came along with an extended study there are the runs that others need.

    Args:
        study: as its file has it.
        name: of the study, for the runs and for error sentences.
        scale: one of the study's.
        folder: identity of a run → where it lies.

    Raises:
        LthkitError: a scale, step, axis, label, notebook, parameter or setting that is not known, a value that does
            not fit, steps that need each other, two runs that are one, a store that is not there.
    """
    where = f"study '{name}'"
    section = study.section(scale, name)
    axes = study.axes | section.axes
    _refuse_unknown(study, section, axes, where)
    made: dict[str, list[Run]] = {}
    for step in _in_order(study, where):
        made[step] = list(_runs_of_step(study, name, step, scale, axes, made, folder))
    found = [run for step in made.values() for run in step]
    _refuse_twins(found, where)
    return _wanted(found, study.along)


def _wanted(runs: list[Run], along: Collection[str]) -> list[Run]:
    """Without runs of the steps ``along`` that no other needs."""
    wanted: set[str] = set()
    for run in reversed(runs):
        if run.step not in along or run.id in wanted:
            wanted |= {run.id} | run.needed
    return [run for run in runs if run.id in wanted]


def _in_order(study: Study, where: str) -> list[str]:
    needed = {name: [need.step for need in step.needs.values()] for name, step in study.steps.items()}
    try:
        return list(TopologicalSorter(needed).static_order())
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise LthkitError(f"{where}: steps need each other in a circle, {circle}; take one need out") from None


def _refuse_unknown(study: Study, section: Section, axes: Mapping[str, Axis], where: str) -> None:
    for name, step in study.steps.items():
        for axis in step.each:
            if axis not in axes:
                raise LthkitError(f"{where}: step '{name}' has no axis '{axis}' to go over; {did_you_mean(axis, axes)}")
        for parameter, need in step.needs.items():
            if need.step not in study.steps:
                hint = did_you_mean(need.step, study.steps)
                raise LthkitError(f"{where}: '{parameter}' of step '{name}' needs a step '{need.step}'; {hint}")
            if not need.path or ".." in Path(need.path).parts or Path(need.path).is_absolute():
                raise LthkitError(
                    f"{where}: '{parameter}' of step '{name}' needs '{need.of}'; write STEP/PATH, "
                    "a path below that run's folder"
                )
        for reserved in (OUT, SCALE):
            given = {**step.given, **section.given.get(name, {}), **step.needs}
            if reserved in given or any(reserved in label for axis in step.each for label in axes[axis].values()):
                raise LthkitError(f"{where}: step '{name}' sets '{reserved}', which a batch sets itself; leave it out")
    for name in section.given:
        if name not in study.steps:
            raise LthkitError(f"{where}: a scale sets values of a step '{name}'; {did_you_mean(name, study.steps)}")


def _runs_of_step(
    study: Study,
    name: str,
    step_name: str,
    scale: str,
    axes: Mapping[str, Axis],
    made: Mapping[str, list[Run]],
    folder: Place,
) -> Iterator[Run]:
    step, where = study.steps[step_name], f"study '{name}', step '{step_name}'"
    notebook = find_notebook(step.notebook)
    declared = _declared(notebook)
    _refuse_no_folder(notebook, declared, where)
    own = _merged(step.given, study.scales[scale].given.get(step_name, {}))
    usual = {key: value for key, value in {SCALE: scale, PROCESSES: 1}.items() if key in declared}
    # stand for paths that are known when the runs are
    paths = {key: [need.of] if need.over else need.of for key, need in step.needs.items()}
    for labels in _combinations(step, axes, made, where):
        given = _merged(own, *(_without(axes[axis][labels[axis]], [STANDS_FOR]) for axis in step.each))
        needs = {key: _found(need, labels, made[need.step], f"{where}: '{key}'") for key, need in step.needs.items()}
        try:
            values = values_for(notebook, declared, usual | given | paths)
        except LthkitError as error:
            raise LthkitError(f"{where}: {error}") from None
        own_values = _without(values, paths)
        _refuse_missing_stores(own_values, where)
        identity = _identity(notebook, declared, own_values, needs)
        yield Run(name, step_name, labels, notebook, values, needs, identity).placed(folder)


def _refuse_no_folder(notebook: Path, declared: Mapping[str, Parameter], where: str) -> None:
    if OUT not in declared:
        raise LthkitError(
            f"{where}: {notebook} has no parameter '{OUT}', the folder of what it makes; declare it in its cell "
            "tagged 'parameters'"
        )


def _without(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The values without parameters and settings of these names."""
    kept = {key: value for key, value in values.items() if key not in names}
    if isinstance(kept.get(CHANGES), dict):
        kept[CHANGES] = {key: value for key, value in kept[CHANGES].items() if key not in names}
    return kept


@cache
def _declared(notebook: Path) -> dict[str, Parameter]:
    return parameters_of(read_notebook(notebook))


def _combinations(step: Step, axes: Mapping[str, Axis], made: Mapping[str, list[Run]], where: str) -> Iterator[Labels]:
    """The labels of each run: own axes, and those of needed runs that no need fixes or collects."""
    found: dict[str, list[str]] = {}
    for need in step.needs.values():
        for run in made[need.step]:
            for axis, label in run.labels.items():
                free = axis not in need.at and axis != need.over
                if free and label not in found.setdefault(axis, []):
                    found[axis].append(label)
    for axis in step.each:
        if axis in found:
            raise LthkitError(f"{where}: goes over axis '{axis}' itself and by what it needs; take one out")
        found[axis] = list(axes[axis])
    for labels in product(*found.values()):
        yield dict(zip(found, labels, strict=True))


def _found(need: Need, labels: Labels, runs: list[Run], where: str) -> list[list[str]]:
    """The runs that are meant: one, or one for each label of the axis that is collected."""
    wanted = {axis: label for axis, label in (labels | need.at).items() if axis != need.over}
    found = [run for run in runs if all(run.labels.get(axis, label) == label for axis, label in wanted.items())]
    unknown = need.at.keys() - {axis for run in runs for axis in run.labels}
    if unknown or not found or (need.over is None and len(found) > 1):
        known = sorted({f"{axis} {label}" for run in runs for axis, label in run.labels.items()})
        raise LthkitError(f"{where} needs {len(found)} runs of step '{need.step}', not one; name them by {known}")
    return [[run.id, need.path] for run in found]


def _merged(*given: Mapping[str, Any]) -> dict[str, Any]:
    """Later values win; ``changes`` and other mappings are joined."""
    values: dict[str, Any] = {}
    for one in given:
        for key, value in one.items():
            both = isinstance(value, dict) and isinstance(values.get(key), dict)
            values[key] = values[key] | value if both else value
    return values


def _identity(
    notebook: Path, declared: Mapping[str, Parameter], values: Mapping[str, Any], needs: Mapping[str, Any]
) -> str:
    complete = {name: parameter.default for name, parameter in declared.items()} | dict(values)
    decides = {key: value for key, value in complete.items() if key not in (OUT, PROCESSES, *needs)}
    return canonical_sha256({"notebook": notebook.stem, "parameters": decides, "needs": needs})


def _refuse_twins(runs: list[Run], where: str) -> None:
    seen: dict[str, Run] = {}
    for run in runs:
        if run.id in seen:
            raise LthkitError(
                f"{where}: '{seen[run.id].name}' and '{run.name}' are one run with one output, the same notebook and "
                "parameters; take one out"
            )
        seen[run.id] = run


def _refuse_missing_stores(values: Mapping[str, Any], where: str) -> None:
    for name in STORES:
        value = values.get(name)
        for path in value if isinstance(value, list) else [value] if value else []:
            if not Path(str(path)).exists():
                raise LthkitError(f"{where}: '{name}' is {path}, where there is no store; make it, or need its step")
