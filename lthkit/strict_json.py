"""JSON that every reader takes: no NaN, no Infinity."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any


def strict_json(values: Any, not_finite: Callable[[float], Any] = lambda number: None) -> str:
    """Values as indented JSON; what is neither a number, a text, a list nor a mapping is written as its text.

    Args:
        values: nested lists, tuples and mappings.
        not_finite: what stands for a NaN or an infinity; null by default.
    """
    return json.dumps(finite(values, not_finite), indent=2, default=str, allow_nan=False)


def finite(value: Any, not_finite: Callable[[float], Any] = lambda number: None) -> Any:
    """Nested values with what stands for each NaN and infinity in its place."""
    if isinstance(value, Mapping):
        return {str(key): finite(inner, not_finite) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner, not_finite) for inner in value]
    return not_finite(value) if isinstance(value, float) and not math.isfinite(value) else value
