"""A notebook's parameters: what its tagged cell declares, and values given for them as text.

Read from the cell's syntax tree, not by papermill's pattern, which misses lines with a second ``=`` in a comment
or a text.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import nbformat
import yaml

from lthkit.errors import LthkitError

TAG = "parameters"
TYPES: dict[str, type | tuple[type, ...]] = {
    "bool": bool,
    "int": int,
    "float": (int, float),
    "list": list,
    "dict": dict,
    "str": str,
}


@dataclass(frozen=True)
class Parameter:
    """One name in the parameters cell.

    Attributes:
        name: of the variable.
        default: its value where that is a literal, else None.
        kinds: names of the types that it takes (keys of ``TYPES`` or "None"); empty if it takes any.
    """

    name: str
    default: Any
    kinds: tuple[str, ...]


def parameters_of(notebook: nbformat.NotebookNode) -> dict[str, Parameter]:
    """The parameters that the cell tagged ``parameters`` declares, by name; empty without such a cell.

    The annotation tells the type where there is one, else the default does; None may always be given, except to
    a text without ``| None`` in its annotation.
    """
    cell = next((cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])), None)
    if cell is None:
        return {}
    declared = {}
    for line in ast.parse(cell.source).body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None:
            declared[line.target.id] = _parameter(line.target.id, line.value, ast.unparse(line.annotation))
        elif isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            declared[line.targets[0].id] = _parameter(line.targets[0].id, line.value, None)
    return declared


def _parameter(name: str, value: ast.expr, annotation: str | None) -> Parameter:
    try:
        default = ast.literal_eval(value)
    except ValueError:
        default = None
    given = (annotation or "Any" if default is None else annotation or type(default).__name__).replace("tuple", "list")
    words = re.findall(r"\w+", re.sub(r"\[[^\[\]]*\]", "", given))
    kinds = tuple(word for word in (*TYPES, "None") if word in words)
    if not set(kinds) - {"None"}:
        return Parameter(name, default, ())
    return Parameter(name, default, kinds if "None" in kinds or kinds == ("str",) else (*kinds, "None"))


def typed(notebook: Path, declared: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values as the notebook's types; texts are read as the parameter's type.

    Args:
        notebook: for the error sentence.
        declared: the notebook's parameters.
        given: name → value, as text or as a value.

    Raises:
        LthkitError: naming an unknown parameter and near names, or a value of the wrong type.
    """
    for name in given:
        if name not in declared:
            near = get_close_matches(name, declared, n=3)
            has = f"it has {', '.join(declared)}" if declared else "it has no cell tagged 'parameters'"
            hint = f"did you mean {' or '.join(repr(match) for match in near)}?" if near else has
            raise LthkitError(f"{notebook} has no parameter '{name}'; {hint}")
    return {name: _converted(notebook, declared[name], value) for name, value in given.items()}


def _converted(notebook: Path, parameter: Parameter, value: Any) -> Any:
    kinds = parameter.kinds
    text = isinstance(value, str)
    read: Any = read_value(value) if text and kinds != ("str",) else value
    read = list(read) if isinstance(read, tuple) else str(read) if isinstance(read, Path) else read
    if not kinds:
        return read
    for kind in kinds:
        if _is(read, kind):
            return float(read) if kind == "float" else read
    if text and "str" in kinds:
        return value
    wanted = " or ".join(kinds)
    raise LthkitError(f"{notebook}: parameter '{parameter.name}' is {value!r}; give a value of type {wanted}")


def _is(value: Any, kind: str) -> bool:
    if kind == "None" or value is None:
        return value is None and kind == "None"
    return isinstance(value, TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))


def read_value(text: str) -> Any:
    """A value given as text, by YAML 1.2's rules: ``1e-4`` is a number, ``no`` a text, ``[0, 1]`` a list."""
    try:
        return yaml.load(text, Loader=_CoreLoader)
    except yaml.YAMLError:
        return text


class _CoreLoader(yaml.SafeLoader):
    """YAML 1.2's plain values: 1e-4 is a number and ``no`` a text, unlike in PyYAML's own."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own name


for _kind, _pattern, _first in (
    ("bool", r"true|True|false|False", "tTfF"),
    ("null", r"null|none|None|~", "nN~"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", "-+.0123456789"),
):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), list(_first))
_CoreLoader.add_constructor("tag:yaml.org,2002:null", lambda loader, node: None)
