"""The base of every configuration: frozen, strict, hashed.

Strict means that text is never taken for a number: YAML reads ``1e-4`` as text, and this is where it is told.
"""

import hashlib
import json
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from lthkit.errors import LthkitError

Valid = TypeVar("Valid")


class Config(BaseModel):
    """A frozen record of settings that refuses unknown keys and values of the wrong type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, values: dict[str, Any], where: str) -> Self:
        """Build from plain values (as YAML or JSON gives them).

        Args:
            values: key → value.
            where: what the values belong to, for the error sentence.

        Raises:
            LthkitError: naming ``where``, the key and what it should be.
        """
        return validated(cls.model_validate_json, values, where)

    def plain(self) -> dict[str, Any]:
        """The settings as JSON-ready values."""
        return self.model_dump(mode="json")

    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON of all settings."""
        return canonical_sha256(self.plain())


def canonical_sha256(values: Any) -> str:
    """SHA-256 (hex) of values as canonical JSON: sorted keys, no white space, no NaN."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def validated(validate_json: Callable[..., Valid], values: dict[str, Any], where: str) -> Valid:
    """What pydantic's ``validate_json`` makes of plain values; for types beside ``Config``, such as unions of some.

    Raises:
        LthkitError: as ``Config.parse``.
    """
    try:
        return validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise LthkitError(f"{where}: {_explain(error, values)}") from None
    except (TypeError, ValueError, RecursionError) as error:  # an object, an integer of 5,000 digits, endless lists
        reason = str(error).split(";")[0]
        raise LthkitError(f"{where}: {reason}; use plain numbers, text, lists and mappings") from None


def _explain(error: ValidationError, values: dict[str, Any]) -> str:
    """The first faults of a pydantic error, as one sentence per fault; a number that is not finite is told alone."""
    faults = error.errors()
    infinite = [fault for fault in faults if fault["type"] == "finite_number"]  # among faults of a union's members
    return "; ".join(_sentence(fault, _key(fault, values)) for fault in (infinite or faults)[:3])


def _key(fault: Any, values: Any) -> str:
    """The dotted key of a fault. Pydantic's path has steps that nobody wrote, too: which member of a union it took."""
    written, last = [], len(fault["loc"]) - 1
    for place, step in enumerate(fault["loc"]):
        inside = step in values if isinstance(values, dict) else isinstance(values, list) and isinstance(step, int)
        if inside or (place == last and fault["type"] == "missing"):
            written.append(step)
        values = values[step] if inside else values
    if fault["type"].startswith("union_tag"):
        written.append(fault["ctx"]["discriminator"].strip("'"))
    return ".".join(map(str, written))


def _sentence(fault: Any, key: str) -> str:
    given, said = fault.get("input"), fault["msg"].removeprefix("Value error, ")
    match fault["type"]:
        case "extra_forbidden":
            return f"unknown key '{key}'; remove it or correct its name"
        case "missing" | "union_tag_not_found":
            return f"key '{key}' is missing; add it"
        case "union_tag_invalid":
            known = [tag.strip("'") for tag in fault["ctx"]["expected_tags"].split(", ")]
            near = get_close_matches(fault["ctx"]["tag"], known, n=3) or known
            return f"'{key}' is '{fault['ctx']['tag']}', which is not known; write {' or '.join(near)}"
        case "value_error" if isinstance(given, dict):  # a rule that joins several keys; its sentence names them
            return f"{key}: {said}" if key else said
    if isinstance(given, str) and fault["type"].startswith(("float", "int")):
        return f"'{key}' is the text '{given}', not a number; write it as a number, e.g. 1.0e-4 instead of 1e-4"
    shown = repr(given)
    return f"'{key or 'value'}' is {shown[:200]}{'…' if len(shown) > 200 else ''}: {said}"


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
