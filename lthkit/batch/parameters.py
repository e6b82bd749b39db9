"""A notebook's parameters: what its tagged cell declares, and values given for them as text.

Read from the cell's syntax tree, not by papermill's pattern, which misses lines with a second ``=`` in a comment
or a text.
"""

import ast
import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from lthkit.batch.names import did_you_mean
from lthkit.batch.values import read_value
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
        written: its default as Python.
        comment: what stands behind it.
    """

    name: str
    default: Any
    kinds: tuple[str, ...]
    written: str = ""
    comment: str = ""


def parameters_of(notebook: nbformat.NotebookNode) -> dict[str, Parameter]:
    """The parameters that the cell tagged ``parameters`` declares, by name; empty without such a cell.

    The annotation tells the type where there is one, else the default does; None may always be given, except to
    a text without ``| None`` in its annotation.
    """
    cell = next((cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])), None)
    if cell is None:
        return {}
    comments = _comments(cell.source)
    declared = {}
    for line in ast.parse(cell.source).body:
        target = (
            line.target
            if isinstance(line, ast.AnnAssign)
            else line.targets[0]
            if isinstance(line, ast.Assign)
            else None
        )
        if isinstance(target, ast.Name) and line.value is not None:
            annotation = ast.unparse(line.annotation) if isinstance(line, ast.AnnAssign) else None
            comment = " ".join(comments[row] for row in range(line.lineno, line.end_lineno + 1) if row in comments)
            declared[target.id] = _parameter(target.id, line.value, annotation, comment)
    return declared


def _comments(source: str) -> dict[int, str]:
    """The comment on each line, counted from 1, that has one."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _parameter(name: str, value: ast.expr, annotation: str | None, comment: str) -> Parameter:
    try:
        default = ast.literal_eval(value)
    except ValueError:
        default = None
    given = (annotation or "Any" if default is None else annotation or type(default).__name__).replace("tuple", "list")
    words = re.findall(r"\w+", re.sub(r"\[[^\[\]]*\]", "", given))
    kinds = tuple(word for word in (*TYPES, "None") if word in words)
    if not set(kinds) - {"None"}:
        kinds = ()
    elif "None" not in kinds and kinds != ("str",):
        kinds = (*kinds, "None")
    return Parameter(name, default, kinds, ast.unparse(value), comment)


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
            hint = did_you_mean(name, declared, "it has") if declared else "it has no cell tagged 'parameters'"
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
