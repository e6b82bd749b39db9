"""The catalog's entries as plain text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lthkit.terminal import paragraph, table

if TYPE_CHECKING:
    from lthkit.catalog import Row

HEADER = ("name", "kind", "type", "present")


def catalog_report(rows: "Sequence[Row]", within: int | None = None) -> str:
    """All that ``lthkit list`` tells: a line per entry, or where that is too wide its longest parts below it.

    Args:
        rows: of the catalog.
        within: columns of the terminal.
    """
    names = [(row.name, row.kind, row.type, "yes" if row.present else "no") for row in rows]
    rest = [(row.licence, row.where) for row in rows]
    whole = table((*HEADER, "licence", "where"), [(*name, *more) for name, more in zip(names, rest, strict=True)])
    if within is None or max(map(len, whole.splitlines())) <= within:
        return whole
    header, *lines = table(HEADER, names).splitlines()
    below = (paragraph(f"{where}; licence: {licence}", within) for licence, where in rest)
    return "\n".join([header, *(f"{line}\n{rest}" for line, rest in zip(lines, below, strict=True))])
