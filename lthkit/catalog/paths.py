"""Roots from environment variables, and the rule that nothing an entry names lies outside its root."""

import os
import re
from pathlib import Path

from lthkit.errors import LthkitError

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^${}]*))?\}")


class UnsetVariable(LthkitError):
    """A root needs an environment variable that is not set."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__(f"{owner}: its root needs the environment variable {name}; set {name}")
        self.name = name


def malformed(text: str) -> bool:
    """Whether a root holds a `$` that is not part of `${NAME}` or `${NAME:-default}`."""
    return "$" in _VARIABLE.sub("", text)


def expand(text: str, base: Path, owner: str) -> Path:
    """The real absolute path of a root.

    Args:
        text: may hold `${NAME}`, `${NAME:-default}` (an empty variable counts as unset) and a leading `~`.
        base: folder that relative roots are relative to.
        owner: the entry, for the error sentence.

    Raises:
        UnsetVariable: a variable without default is not set.
    """

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match["name"]) or match["default"]
        if found is None:
            raise UnsetVariable(match["name"], owner)
        return found

    filled = _VARIABLE.sub(value, text)
    return _resolved(base, filled, f"{owner}: root '{filled}'")


def check_inside(root: Path, path: str | Path, owner: str, follow_links: bool = False) -> Path:
    """`root / path` after resolving symlinks and `..`; root must be resolved already.

    Args:
        root: the folder.
        path: below it.
        owner: the entry, for the error sentence.
        follow_links: links may lead out of the root; `..` and absolute paths still may not.

    Raises:
        LthkitError: the path leads out of root, or in circles.
    """
    found = _resolved(root, path, f"{owner}: '{path}'")
    written = Path(os.path.normpath(root / path))
    if not (written if follow_links else found).is_relative_to(root):
        by_link = written.is_relative_to(root)
        mend = "move it inside, or set `follow_links: true` in its entry" if by_link else "name a path inside"
        raise LthkitError(f"{owner}: '{path}' leads outside its root {root}; {mend}")
    return found


def _resolved(base: Path, path: str | Path, called: str) -> Path:
    try:
        found = (base / Path(path).expanduser()).resolve()
        found.exists()
    except (OSError, RuntimeError, ValueError) as error:  # unknown ~user, a link to itself, 300 characters, a null one
        reason = getattr(error, "strerror", None) or error
        raise LthkitError(f"{called} is no usable path ({reason}); correct it") from None
    return found
