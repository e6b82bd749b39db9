"""A study file: which notebooks answer one question, with which parameters, in which order, at which scale.

What a study or a scale sets is data. Values are those of a notebook's parameters, or settings by dotted key.
"""

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from lthkit.batch import did_you_mean
from lthkit.catalog import read_yaml
from lthkit.config import Config
from lthkit.errors import LthkitError
from lthkit.project import NOTEBOOKS, STUDIES, supplied
from lthkit.studies.figures import Figure

Values = dict[str, Any]
Axis = dict[str, Values]
"""Label → what it sets; ``stands_for`` says which of the paper's labels it is in place of."""
STANDS_FOR = "stands_for"


class Need(Config):
    """What a step takes from the runs of another.

    Attributes:
        of: ``STEP/PATH``, a file or folder below the run's own.
        at: axis → label, where one run of the step is meant; others are those with the labels of the run that needs it.
        over: an axis: not one path but those of all its labels, as a list.
    """

    of: str
    at: dict[str, str] = Field(default_factory=dict)
    over: str | None = None

    @property
    def step(self) -> str:
        """The step that is needed."""
        return self.of.partition("/")[0]

    @property
    def path(self) -> str:
        """What of it, below the run's folder."""
        return self.of.partition("/")[2]


class Step(Config):
    """Runs of one notebook.

    Attributes:
        notebook: a name or a path.
        given: parameters and settings of all its runs.
        each: axes; a run for each combination of their labels, and of those of the runs that are needed.
        needs: parameter → what it is given of another step.
    """

    notebook: str
    given: Values = Field(default_factory=dict)
    each: list[str] = Field(default_factory=list)
    needs: dict[str, Need] = Field(default_factory=dict)

    @field_validator("needs", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"of": need} if isinstance(need, str) else need for name, need in value.items()}


class Section(Config):
    """What one scale changes.

    Attributes:
        note: what a reader of the results must know of this scale.
        axes: instead of the study's of the same name.
        given: step → parameters and settings, beside the step's or instead of them.
    """

    note: str = ""
    axes: dict[str, Axis] = Field(default_factory=dict)
    given: dict[str, Values] = Field(default_factory=dict)

    @field_validator("axes", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return _axes(value)


class Study(Config):
    """One question, and the runs that answer it.

    Attributes:
        title: what is asked, in a few words.
        paper: whose figure or table it is; empty for a study of one's own.
        where: which figure or table.
        question: what is asked, in a sentence or two.
        axes: axis → label → what it sets; a list of values sets the parameter of the axis's name.
        steps: by name.
        scales: by the scale's name.
        figures: what a report draws.
        along: steps that came along with an extended study: only those of their runs that others need.
    """

    title: str
    paper: str = ""
    where: str = ""
    question: str = ""
    axes: dict[str, Axis] = Field(default_factory=dict)
    steps: dict[str, Step] = Field(min_length=1)
    scales: dict[str, Section] = Field(min_length=1)
    figures: list[Figure] = Field(default_factory=list)
    along: list[str] = Field(default_factory=list)

    @field_validator("axes", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return _axes(value)

    def section(self, scale: str, name: str) -> Section:
        """What the scale sets.

        Raises:
            LthkitError: if the study has no such scale.
        """
        if scale not in self.scales:
            raise LthkitError(f"study '{name}' has no scale '{scale}'; choose from {', '.join(self.scales)}")
        return self.scales[scale]


def _axes(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {axis: _labelled(axis, labels) for axis, labels in value.items()}


def _labelled(axis: str, labels: Any) -> Any:
    if isinstance(labels, list):
        return {str(label): {axis: label} for label in labels}
    if isinstance(labels, dict):
        return {str(label): {} if given is None else given for label, given in labels.items()}
    return labels


def read_study(path: Path | str) -> Study:
    """A study from its file, and from the file beside it that it extends.

    Of what is extended come axes, scales and the steps that its own steps need; one's own values win.

    Raises:
        LthkitError: naming file and key, if one cannot be read or does not fit.
    """
    path = Path(path)
    return Study.parse(_complete(path, (path.stem,)), str(path))


def _complete(path: Path, chain: tuple[str, ...]) -> Values:
    values = read_yaml(path)
    base = values.pop("extends", None)
    if base is None:
        return values
    if base in chain:
        raise LthkitError(f"{path}: studies extend each other in a circle, {' → '.join((*chain, str(base)))}")
    beside = path.with_name(f"{base}.yaml")
    if not beside.is_file():
        raise LthkitError(f"{path}: extends '{base}', but there is no {beside}; correct the name")
    joined = _joined(_complete(beside, (*chain, str(base))), values)
    _leave_out_unneeded(joined, values.get("steps"))
    return joined


def _leave_out_unneeded(joined: Values, own: Any) -> None:
    """Keep one's own steps and those that they need, and what scales give to them."""
    steps = joined.get("steps")
    if not isinstance(steps, dict) or not isinstance(own, dict):
        return
    reached = _reached(steps, own)
    joined["steps"] = {name: step for name, step in steps.items() if name in reached}
    joined["along"] = [name for name in joined["steps"] if name not in own]
    for section in (joined.get("scales") or {}).values():
        given = section.get("given") if isinstance(section, dict) else None
        if isinstance(given, dict):
            section["given"] = {name: given[name] for name in given if name in reached or name not in steps}


# below these a study's own value takes the place of the extended one as a whole
_WHOLE = ("axes", "needs")


def _joined(base: Any, own: Any, key: str = "") -> Any:
    """Mappings joined key by key, one's own values winning; an axis is taken as a whole."""
    if own is None:
        return base
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    if key in _WHOLE:
        return base | own
    return base | {name: _joined(base.get(name), value, name) if name in base else value for name, value in own.items()}


def _reached(steps: Values, own: Values) -> set[str]:
    """The steps of these names, and those that they need."""
    reached, todo = set[str](), list(own)
    while todo:
        name = todo.pop()
        if name in reached or name not in steps:
            continue
        reached.add(name)
        needs = (steps[name] or {}).get("needs") or {}
        for need in needs.values() if isinstance(needs, dict) else ():
            of = need.get("of", "") if isinstance(need, dict) else need
            todo.append(str(of).partition("/")[0])
    return reached


def study_files() -> dict[str, Path]:
    """Studies by name: those in ``./notebooks/studies``, and those that lthkit brings along."""
    shelves = (supplied(NOTEBOOKS) / STUDIES, Path(NOTEBOOKS) / STUDIES)
    found = {path.stem: path for shelf in shelves for path in sorted(shelf.glob("*.yaml"))}
    return {name: path for name, path in found.items() if not name.startswith("_")}  # these are only extended


def find_study(name: str | Path) -> Path:
    """A study by path, or by the name of one in ``./notebooks/studies``, else of those that lthkit brings along.

    Raises:
        LthkitError: if there is none, with near names.
    """
    path = Path(name)
    if path.is_file():
        return path
    known = study_files()
    if str(name) in known:
        return known[str(name)]
    raise LthkitError(f"there is no study '{name}'; {did_you_mean(str(name), known)}")
