"""The base of every configuration: frozen, strict, hashed.

Strict means that text is never taken for a number: YAML reads ``1e-4`` as text, and this is where it is told.
"""

import hashlib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lthkit.errors import LthkitError


class Config(BaseModel):
    """A frozen record of settings that refuses unknown keys and values of the wrong type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=False)

    @classmethod
    def parse(cls, values: dict[str, Any], where: str) -> Self:
        """Build from plain values (as YAML or JSON gives them).

        Args:
            values: key → value.
            where: what the values belong to, for the error sentence.

        Raises:
            LthkitError: naming ``where``, the key and what it should be.
        """
        try:
            return cls.model_validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            raise LthkitError(f"{where}: {explain(error)}") from None
        except TypeError as error:
            raise LthkitError(f"{where}: {error}; use plain numbers, text, lists and mappings") from None

    def plain(self) -> dict[str, Any]:
        """The settings as JSON-ready values."""
        return self.model_dump(mode="json")

    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON of all settings."""
        return digest(self.plain())


def digest(values: Any) -> str:
    """SHA-256 (hex) of values as canonical JSON: sorted keys, no white space."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def explain(error: ValidationError) -> str:
    """The first faults of a pydantic error, as one sentence per fault."""
    return "; ".join(_sentence(fault) for fault in error.errors()[:3])


def _sentence(fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"]) or "value"
    given = fault.get("input")
    if fault["type"] == "extra_forbidden":
        return f"unknown key '{key}'; remove it or correct its name"
    if fault["type"] == "missing":
        return f"key '{key}' is missing; add it"
    if isinstance(given, str) and fault["type"].startswith(("float", "int")):
        return f"'{key}' is the text '{given}', not a number; write it as a number, e.g. 1.0e-4 instead of 1e-4"
    return f"'{key}' is {given!r}: {fault['msg'].removeprefix('Value error, ')}"


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """Which settings differ, as ``key: old → new`` lines; nested mappings by dotted keys."""
    lines = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            lines += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            lines.append(f"{prefix}{key}: {before!r} → {after!r}")
    return lines
