"""Plain text for a terminal: nothing in it can move the cursor, and tables fit."""

import shutil
import textwrap
from collections.abc import Iterable, Sequence

NARROWEST = 8  # a column is not made narrower than this


def printable(text: object) -> str:
    """The text with line breaks, escapes and other marks that do not print written as ``\\n``, ``\\x1b`` …

    File names, and what others wrote into files, may hold anything.
    """
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode("ascii") for mark in str(text))


def width() -> int | None:
    """Columns of the terminal that standard output goes to; None if it goes elsewhere and ``COLUMNS`` is not set."""
    return shutil.get_terminal_size(fallback=(0, 0)).columns or None


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = (), within: int | None = None
) -> str:
    """Aligned columns, two spaces apart.

    Args:
        header: of the columns.
        rows: cells, of any content.
        right: columns that are set flush right.
        within: columns of the terminal; the widest columns of a wider table are wrapped.
    """
    lines = [tuple(map(printable, line)) for line in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    _narrow(widths, within)
    flush = set(right)
    return "\n".join(part for line in lines for part in _wrapped(line, widths, flush))


def _narrow(widths: list[int], within: int | None) -> None:
    while within and sum(widths) + 2 * (len(widths) - 1) > within and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1


def _wrapped(line: Sequence[str], widths: Sequence[int], flush: set[int]) -> list[str]:
    cells = [_split(cell, size) for cell, size in zip(line, widths, strict=True)]
    parts = []
    for row in range(max(map(len, cells))):
        texts = [cell[row] if row < len(cell) else "" for cell in cells]
        placed = (
            text.rjust(size) if column in flush else text.ljust(size)
            for column, (text, size) in enumerate(zip(texts, widths, strict=True))
        )
        parts.append("  ".join(placed).rstrip())
    return parts


def _split(cell: str, size: int) -> list[str]:
    return [cell] if len(cell) <= size else textwrap.wrap(cell, size, break_on_hyphens=False)


def paragraph(text: object, within: int, indent: str = "    ") -> str:
    """An indented text, wrapped."""
    return textwrap.fill(
        printable(text), within, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def pairs(items: Iterable[tuple[str, object]]) -> str:
    """``key  value`` a line, values aligned."""
    known = [(printable(key), printable(value)) for key, value in items]
    longest = max((len(key) for key, _ in known), default=0)
    return "\n".join(f"{key.ljust(longest)}  {value}" for key, value in known)
