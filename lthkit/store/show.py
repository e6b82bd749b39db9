"""A store at a glance: one line, and a table for notebooks."""

from html import escape
from math import prod


def summary(rounds: int, planned: int, shapes: dict[str, tuple[int, ...]], counts: dict[str, int]) -> str:
    """Rounds and weights left, e.g. ``3 of 5 rounds, 1,234 of 10,000 weights left``."""
    total = sum(prod(shape) for shape in shapes.values())
    return f"{rounds} of {planned} rounds, {sum(counts.values()):,} of {total:,} weights left"


def html(caption: str, shapes: dict[str, tuple[int, ...]], counts: dict[str, int]) -> str:
    """A table with a row for each prunable parameter: shape, weights left, density."""
    rows = [
        f"<tr><th>{escape(name)}</th><td>{'×'.join(map(str, shape))}</td><td>{counts[name]:,}</td>"
        f"<td>{100 * counts[name] / max(prod(shape), 1):.2f}</td></tr>"
        for name, shape in shapes.items()
    ]
    head = "<tr><th>parameter</th><th>shape</th><th>weights left</th><th>density %</th></tr>"
    return f"<table><caption>{escape(caption)}</caption><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
