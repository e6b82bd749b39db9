"""Batch: the only room that runs notebooks."""

from lthkit.batch.code import code_sha256
from lthkit.batch.given import values_for
from lthkit.batch.names import did_you_mean
from lthkit.batch.parameters import Parameter, parameters_of, typed
from lthkit.batch.record import read_record
from lthkit.batch.run import (
    Busy,
    NotebookFailed,
    Run,
    alone,
    find_notebook,
    read_notebook,
    read_parameters,
    run_checked,
    run_notebook,
)
from lthkit.batch.settings import read_settings, setting_keys
from lthkit.batch.values import read_value

__all__ = [
    "Busy",
    "NotebookFailed",
    "Parameter",
    "Run",
    "alone",
    "code_sha256",
    "did_you_mean",
    "find_notebook",
    "parameters_of",
    "read_notebook",
    "read_parameters",
    "read_record",
    "read_settings",
    "read_value",
    "run_checked",
    "run_notebook",
    "setting_keys",
    "typed",
    "values_for",
]
