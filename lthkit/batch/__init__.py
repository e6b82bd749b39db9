"""Batch: the only room that runs notebooks."""

from lthkit.batch.parameters import Parameter, parameters_of, read_value, typed
from lthkit.batch.run import NotebookFailed, Run, find_notebook, run_notebook

__all__ = [
    "NotebookFailed",
    "Parameter",
    "Run",
    "find_notebook",
    "parameters_of",
    "read_value",
    "run_notebook",
    "typed",
]
