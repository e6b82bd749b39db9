"""One's own code by name: ``package.module:attribute``, for networks and tasks alike."""

import difflib
import importlib
import sys
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

from lthkit.errors import LthkitError


def find_callable(name: str, owner: str) -> Callable[..., Any]:
    """What ``package.module:attribute`` names; modules in the working folder are found too.

    Args:
        name: the module and the attribute (dotted for nested ones).
        owner: what asks for it, for the error sentence, e.g. ``model 'mine:net'``.

    Raises:
        LthkitError: if it cannot be imported or called.
    """
    module_name, _, path = name.partition(":")
    _see_working_folder()
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything
        raise LthkitError(
            f"{owner}: importing '{module_name}' failed ({brief(error)}); "
            "mend the module, or put its folder on PYTHONPATH"
        ) from error
    try:
        found = attrgetter(path)(module)
    except AttributeError:
        near = difflib.get_close_matches(path, dir(module), n=3)
        hint = f"near names: {', '.join(near)}" if near else "correct the name behind the colon"
        raise LthkitError(f"{owner}: module '{module_name}' has no '{path}'; {hint}") from None
    if not callable(found):
        raise LthkitError(f"{owner}: '{path}' is not callable; name a function or class that makes it")
    return found


def brief(error: Exception) -> str:
    """The error's type and first line, for quoting in a sentence."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}".rstrip(": ")


def _see_working_folder() -> None:
    # console scripts, unlike notebooks and `python -c`, do not look there by themselves
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
