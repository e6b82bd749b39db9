"""YAML without its traps: no duplicate keys, no keys that are not text, no aliases, no objects."""

import zlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from lthkit.errors import LthkitError
from lthkit.untrusted import read_at_most

MOST_BYTES = 10_000_000
MOST_LEVELS = 50
"""Lists and mappings within each other."""


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds; an empty file is an empty mapping.

    Raises:
        LthkitError: file unreadable, not YAML, not a mapping, or a mapping with a duplicate or non-text key
            (the sentence names key and line).
    """
    try:
        text = read_at_most(path, MOST_BYTES).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise LthkitError(f"{path}: cannot be read as UTF-8 text ({error}); check the path") from None
    try:
        values = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise LthkitError(f"{path}: {_fault(error)}") from None
    if not isinstance(values, dict | None):
        raise LthkitError(f"{path}: holds {type(values).__name__}, not keys with values; write `key: value`")
    return values or {}


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, stricter."""

    levels = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        # aliases let a file of a few lines unfold to gigabytes or contain itself
        if self.check_event(yaml.events.AliasEvent):
            raise _refused(self.peek_event(), "an alias (*name) is not supported; write the value out")
        if self.levels >= MOST_LEVELS:
            raise _refused(self.peek_event(), f"brackets or lines nest more than {MOST_LEVELS} deep; write it flatter")
        self.levels += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.levels -= 1

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)  # type: ignore[no-untyped-call]
        except ValueError as error:  # the date 2020-13-45, an integer of 5,000 digits
            reason = str(error).split(";")[0]
            raise _refused(node, f"'{str(node.value)[:20]}' is no usable value ({reason}); correct the value") from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
            if not isinstance(key, str):
                raise _refused(key_node, f"key {key!r} is not text; put it in quotes")
            if key in seen:
                raise _refused(key_node, f"key '{key}' is given twice; remove one")
            seen.add(key)
        return super().construct_mapping(node, deep)


def _refused(place: Any, sentence: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=sentence, problem_mark=place.start_mark)


def _fault(error: yaml.YAMLError) -> str:
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem and mark:
        return f"line {mark.line + 1}: {problem}"
    return f"not readable as YAML ({' '.join(str(error).split())})"
