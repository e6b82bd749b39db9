"""Parameters of one meaning in all notebooks: what they may be, so that another value is refused before it runs."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, get_args

from lthkit.batch.names import did_you_mean
from lthkit.batch.parameters import Parameter
from lthkit.errors import LthkitError


def refuse_unknown_choices(notebook: Path, declared: Mapping[str, Parameter], values: Mapping[str, Any]) -> None:
    """Refuse values that are none of those that a parameter of this name may be.

    Args:
        notebook: for the error sentence.
        declared: the notebook's parameters.
        values: name → value, typed; of a list each item is held to the choices, up to its argument (``flip 0.2``).

    Raises:
        LthkitError: naming the parameter, the value and all choices.
    """
    for name in CHOICES.keys() & values.keys():
        known = list(CHOICES[name]())
        if not _means_these(declared[name], known):
            continue
        for item in values[name] if isinstance(values[name], list) else [values[name]]:
            if isinstance(item, str) and _kind(item) not in known and not _is_own(name, item):
                hint = did_you_mean(_kind(item), known, "choose from")
                all_of_them = f" choose from {', '.join(known)}" if hint.endswith("?") else ""
                raise LthkitError(f"{notebook}: {name} '{item}' is not known; {hint}{all_of_them}")


def _means_these(parameter: Parameter, known: Collection[str]) -> bool:
    """Whether it is the parameter meant here: one of that name whose default is something else is not."""
    if parameter.default is None:
        return "list" in parameter.kinds
    items = parameter.default if isinstance(parameter.default, list) else [parameter.default]
    return all(isinstance(item, str) and _kind(item) in known for item in items)


def _kind(item: str) -> str:
    return item.partition(" ")[0]


def _is_own(name: str, item: str) -> bool:
    """Tasks may be the user's own, ``package.module:factory``."""
    return name in ("task", "tasks") and ":" in item


def _scales() -> Collection[str]:
    from lthkit.scales import scale_names

    return scale_names()


def _stages() -> Collection[str]:
    from lthkit.scales import STAGES

    return STAGES


def _views() -> Collection[str]:
    from lthkit.explorer import VIEWS

    return [view.name for view in VIEWS]


def _masks() -> Collection[str]:
    from lthkit.controls import kinds

    return kinds()


def _controls() -> Collection[str]:
    from lthkit.explorer import known_controls

    return known_controls()


def _weights() -> Collection[str]:
    from lthkit.search import Weights

    return get_args(Weights.model_fields["kind"].annotation)


def _tasks() -> Collection[str]:
    from lthkit.tasks import names

    return names()


def _detectors() -> Collection[str]:
    from lthkit.detectors import names

    return names()


def _rules() -> Collection[str]:
    from lthkit.tasks.detection import DetectionOptions

    return get_args(DetectionOptions.model_fields["rule"].annotation)


def _metrics() -> Collection[str]:
    from lthkit.tasks.detection import Detection

    return Detection.metrics


CHOICES: dict[str, Callable[[], Collection[str]]] = {
    "scale": _scales,
    "stage": _stages,
    "view": _views,
    "masks": _masks,
    "over": _masks,
    "controls": _controls,
    "weights": _weights,
    "task": _tasks,
    "tasks": _tasks,
    "detectors": _detectors,
    "rule": _rules,
    "metrics": _metrics,
}
"""What each may be, asked of the room that knows; imported when a notebook is given such a parameter."""
