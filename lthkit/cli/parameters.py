"""Keys and values on the command line, spelt the same for notebooks and searches."""

import argparse
from pathlib import Path
from typing import Any

from lthkit.errors import LthkitError

STAGES = ("source", "target", "backbone")
"""As ``scales.STAGES``, whose import would take longer than a command's help."""


def take_parameters(command: argparse.ArgumentParser, keys: str) -> None:
    """Declare ``-p KEY VALUE`` and ``-f FILE``; ``keys`` says which keys there are."""
    command.add_argument(
        "-p",
        "--parameter",
        nargs=2,
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help=f"{keys}; repeatable",
    )
    command.add_argument(
        "-f",
        "--file",
        type=Path,
        metavar="FILE",
        help="YAML file of the same keys with their values, e.g. `plan.epochs: 4`; -p wins over it",
    )


def given(chosen: argparse.Namespace) -> dict[str, Any]:
    """Key → value from the file and from ``-p``, which wins; values of ``-p`` are read by YAML 1.2's rules.

    Raises:
        LthkitError: a file that cannot be read, a key that is given twice by ``-p``, an empty value.
    """
    keys = [key for key, _ in chosen.parameter]
    for key in keys:
        if keys.count(key) > 1:
            raise LthkitError(f"'{key}' is given {keys.count(key)} times; give it once")
    values = _from_file(chosen.file) | dict(chosen.parameter)
    for key, value in values.items():
        if isinstance(value, str) and not value.strip():
            raise LthkitError(f"'{key}' is given an empty value; leave it out to have its default")
    return values


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    from lthkit.catalog import read_yaml

    return read_yaml(path)
