"""What is given to a notebook: its own parameters, and settings by dotted key that go into its ``changes``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lthkit.batch.choices import refuse_unknown_choices
from lthkit.batch.names import did_you_mean
from lthkit.batch.parameters import Parameter, typed
from lthkit.batch.settings import is_setting, read_settings, setting_keys
from lthkit.errors import LthkitError

CHANGES = "changes"


def values_for(notebook: Path, declared: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the notebook's parameters, typed and checked as far as that is cheap.

    Args:
        notebook: for the error sentence.
        declared: the notebook's parameters.
        given: name or dotted key of a setting → value, as text or as a value.

    Raises:
        LthkitError: naming a key that is neither, and near ones, a key that is given twice, or a value that does not
            fit.
    """
    own = {key: value for key, value in given.items() if key in declared}
    others = {key: value for key, value in given.items() if key not in declared}
    if CHANGES not in declared:
        _refuse_settings(notebook, declared, others)
    values = typed(notebook, declared, own if CHANGES in declared else given)
    refuse_unknown_choices(notebook, declared, values)
    changes = values.get(CHANGES) or {}
    if others:
        _refuse_unknown(notebook, declared, others)
        for key in others.keys() & changes.keys():
            raise LthkitError(f"'{key}' is given by itself and in '{CHANGES}'; give it once")
    if others or changes:
        values[CHANGES] = read_settings(changes, str(notebook)) | read_settings(others, str(notebook))
    return values


def _refuse_settings(notebook: Path, declared: Mapping[str, Parameter], others: Mapping[str, Any]) -> None:
    for key in others:
        if "." in key:
            has = f"it has {', '.join(declared)}" if declared else "it has no parameters"
            raise LthkitError(f"{notebook} takes no setting '{key}', because it has no parameter '{CHANGES}'; {has}")


def _refuse_unknown(notebook: Path, declared: Mapping[str, Parameter], others: Mapping[str, Any]) -> None:
    known = setting_keys()
    for key in others:
        if not is_setting(key, known):
            raise LthkitError(
                f"{notebook} has no parameter or setting '{key}'; {did_you_mean(key, [*declared, *known])}"
            )
