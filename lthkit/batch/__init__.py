"""Batch: the only room that runs notebooks."""

from lthkit.batch.given import values_for
from lthkit.batch.parameters import Parameter, parameters_of, typed
from lthkit.batch.run import NotebookFailed, Run, find_notebook, read_parameters, run_notebook
from lthkit.batch.settings import read_settings, setting_keys
from lthkit.batch.values import read_value

__all__ = [
    "NotebookFailed",
    "Parameter",
    "Run",
    "find_notebook",
    "parameters_of",
    "read_parameters",
    "read_settings",
    "read_value",
    "run_notebook",
    "setting_keys",
    "typed",
    "values_for",
]
