"""Timings as plain text."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

from lthkit.report.size import size
from lthkit.terminal import table

_HEADER = (
    "ticket",
    "round",
    "removed",
    "images",
    "variant",
    "ms",
    "quartiles",
    "÷ dense",
    "parameters",
    "size",
    "mult.-adds",
)
_RIGHT = (1, 2, 3, 5, 6, 7, 8, 9, 10)


def timing_report(timings: pd.DataFrame, within: int | None = None) -> str:
    """What ``lthkit.time_tickets`` measured, a line a variant."""
    rows = [_cells(row) for row in timings.to_dict("records")]
    first = timings.iloc[0]
    threads = f"{first['threads']} thread{'s' if first['threads'] > 1 else ''}"
    said = f"medians of {first['repetitions']} measurements in turns, {first['device']}, {threads}"
    return f"{table(_HEADER, rows, _RIGHT, within)}\n\n{said}"


def timing_table(timings: pd.DataFrame) -> pd.DataFrame:
    """The same for a notebook."""
    rows = [_cells(row) for row in timings.to_dict("records")]
    return pd.DataFrame(rows, columns=list(_HEADER)).drop(columns="quartiles")


def _cells(row: dict[Hashable, Any]) -> tuple[str, ...]:
    return (
        str(row["ticket"]),
        str(row["round"]),
        f"{100 * row['sparsity']:.2f} %",
        str(row["batch"]),
        str(row["variant"]),
        f"{1e3 * row['latency']:.3g}",
        f"{1e3 * row['low']:.3g}–{1e3 * row['high']:.3g}",
        f"{row['ratio']:.2f}",
        f"{row['parameters']:,}",
        size(row["bytes"]),
        f"{row['multiply_adds']:,}",
    )
