"""Roots from environment variables, and the rule that nothing an entry names lies outside its root."""

import hashlib
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
    try:
        return (base / Path(filled).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # unknown ~user, a symlink to itself, a null character
        raise LthkitError(f"{owner}: root '{filled}' is no usable path ({error}); correct it") from None


def inside(root: Path, path: str | Path, owner: str) -> Path:
    """`root / path` after resolving symlinks and `..`; root must be resolved already.

    Raises:
        LthkitError: the path leads out of root, or in circles.
    """
    try:
        found = (root / path).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise LthkitError(f"{owner}: '{path}' is no usable path ({error}); correct it") from None
    if not found.is_relative_to(root):
        raise LthkitError(f"{owner}: '{path}' leads outside its root {root}; move it inside or widen the root")
    return found


def check_sha256(path: Path, expected: str, owner: str) -> None:
    """Refuse a file whose SHA-256 does not begin with the expected hexadecimal digits.

    Raises:
        LthkitError: naming file and both hashes.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(expected):
        raise LthkitError(
            f"{owner}: {path} has SHA-256 {found}, not {expected}; get the file again or correct the catalog"
        )
