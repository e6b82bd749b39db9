"""A value given as text."""

import re
from typing import Any

import yaml


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
