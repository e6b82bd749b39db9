"""What searches leave below a folder, as plain text."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lthkit.report.size import size
from lthkit.terminal import table

if TYPE_CHECKING:
    from lthkit.housekeeping import Item

HEADER = ("size", "what", "path", "")


def sizes_report(items: "Sequence[Item]", folder: Path, within: int | None = None) -> str:
    """All that ``lthkit show --sizes`` tells: what lies below ``folder``, its size, totals by kind."""
    totals, counts = Counter[str](), Counter(item.kind for item in items)
    for item in items:
        totals[item.kind] += item.nbytes
    rows = _rows(items, folder)
    rows += [(size(nbytes), kind + ", all", str(counts[kind]), "") for kind, nbytes in totals.items()]
    rows.append((size(totals.total()), "total", str(len(items)), ""))
    return table(HEADER, rows, [0], within)


def cleaning_report(going: "Sequence[Item]", staying: "Sequence[Item]", folder: Path, within: int | None = None) -> str:
    """What ``lthkit clean`` is to remove below ``folder``, and what it keeps and why."""
    parts = []
    for title, items in (("to remove", going), ("kept", staying)):
        if items:
            parts.append(f"{title}\n" + table(HEADER, _rows(items, folder), [0], within))
    if not going:
        parts.append("nothing to remove")
    return "\n\n".join(parts)


def _rows(items: "Sequence[Item]", folder: Path) -> list[tuple[str, str, str, str]]:
    return [(size(item.nbytes), item.kind, str(item.path.relative_to(folder)), item.note) for item in items]
