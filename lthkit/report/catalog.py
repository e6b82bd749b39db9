"""The catalog's entries as plain text."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lthkit.report.size import size as in_words
from lthkit.terminal import paragraph, printable, table

if TYPE_CHECKING:
    from lthkit.catalog import CheckpointEntry, DatasetEntry, Row

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


def download_report(entry: "DatasetEntry | CheckpointEntry", base: Path, within: int | None = None) -> str:
    """What ``lthkit get`` would download: from where, how much, to where, under which licence.

    Args:
        entry: of the catalog; publishers are asked for the sizes.
        base: what relative roots count from.
        within: columns of the terminal.

    Raises:
        LthkitError: if the entry has to be fetched by hand.
    """
    from lthkit.catalog import Rooted, size_of

    files = entry.published()
    sizes = [size_of(file) for file in files]
    known = in_words(sum(size for size in sizes if size)) if all(sizes) else "of unknown size"
    root = entry.folder(base) if isinstance(entry, Rooted) else base
    read = f" ({entry.licence_read})" if entry.licence_read else ""
    lines = [
        f"{entry.name}: {entry.description}",
        *(f"from {file.urls[0]}" for file in files),
        f"{known}, to {root}",
        f"licence: {entry.licence}{read}",
    ]
    return "\n".join(paragraph(printable(line), within or 10_000) for line in lines)
