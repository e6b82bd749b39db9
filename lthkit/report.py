"""Stores and tables as plain text, for the command line."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lthkit.analysis import curve, layer_density, sparsity
from lthkit.errors import StoreError
from lthkit.store import Store

if TYPE_CHECKING:  # it knows searches, which take long to import
    from lthkit.housekeeping import Item

MOST_ROUND_COLUMNS = 6


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Aligned columns, two spaces apart; the columns in ``right`` are set flush right."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    flush = set(right)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in flush else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def store_report(store: Store) -> str:
    """All that ``lthkit show`` says about a store."""
    total = sum(int(np.prod(shape)) for shape in store.parameters.values())
    left = sum(store.counts.values())
    head = [
        ("store", str(store.path)),
        (
            "rounds",
            f"{store.rounds} of {store.planned_rounds} {'imported' if 'imported' in store.config else 'pruned'}, "
            f"{store.scored - store.first_round} trained"
            + (f", from round {store.first_round} of its parent" if store.first_round else ""),
        ),
        ("weights", f"{left:,} of {total:,} prunable left in {len(store.parameters)} layers"),
        ("sparsity", f"{100 * (1 - left / total):.2f} %"),
        ("size", _bytes(store.nbytes)),
        ("configuration", f"SHA-256 {store.config_sha256}"),
    ]
    provenance = "provenance\n" + _pairs(_flat(store.provenance))
    parts = [_pairs(head), _scores(store, total), _layers(store), _extra(store), provenance]
    return "\n\n".join(part for part in parts if part)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    known = list(pairs)
    width = max((len(key) for key, _ in known), default=0)
    return "\n".join(f"{key.ljust(width)}  {value}" for key, value in known)


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
            value = dict(enumerate(value, 1))
        if isinstance(value, dict):
            lines += _flat(value, f"{prefix}{key}.")
        else:
            lines.append((f"{prefix}{key}", "none" if value is None else str(value)))
    return lines


def _scores(store: Store, total: int) -> str:
    removed = sparsity(store).values
    scores = _curve_columns(store)
    header = ["round", "sparsity %", "weights left", *scores]
    rows = []
    for round_, share in enumerate(removed):
        cells = [str(round_), f"{100 * share:.2f}", f"{round(total * (1 - share)):,}"]
        rows.append(cells + [column.get(round_, "–") for column in scores.values()])
    return table(header, rows, right=range(len(header)))


def _curve_columns(store: Store) -> dict[str, dict[int, str]]:
    """Columns of the trained rounds; none for a store that was imported, without training."""
    try:
        line = curve(store)
    except StoreError:
        return {}
    metric = line.attrs["metric"]
    point = "last" if line.attrs["selection"] == "last" else "best validation"
    named = {
        f"test {metric}": ("score", ".4f"),
        f"{point} {metric}": ("validation", ".4f"),
        "at step": ("best_step", "d"),
        "seconds": ("wall_time", ".1f"),
    }
    return {
        title: {int(r): format(v.item(), shape) for r, v in zip(line["round"].values, line[name].values, strict=True)}
        for title, (name, shape) in named.items()
    }


def _layers(store: Store) -> str:
    density = layer_density(store)
    picks = np.unique(np.linspace(0, store.rounds, min(store.rounds + 1, MOST_ROUND_COLUMNS)).round().astype(int))
    header = ["density % by layer", "shape", *(f"round {pick}" for pick in picks)]
    rows = []
    for (name, shape), row in zip(store.parameters.items(), density.values, strict=True):
        rows.append([name, "×".join(map(str, shape)), *(f"{100 * row[pick]:.2f}" for pick in picks)])
    return table(header, rows, right=range(2, len(header)))


def _extra(store: Store) -> str:
    recipes = store.extra()
    lines = [
        (name, "; ".join(f"{key} {value}" for key, value in (recipe or {}).items())) for name, recipe in recipes.items()
    ]
    return "extra masks\n" + _pairs(lines) if lines else ""


def sizes_report(items: "Sequence[Item]", folder: Path) -> str:
    """All that ``lthkit show --sizes`` says: what lies below ``folder``, its size, totals by kind."""
    rows = [(_bytes(item.nbytes), item.kind, str(item.path.relative_to(folder)), item.note) for item in items]
    totals = Counter[str]()
    for item in items:
        totals[item.kind] += item.nbytes
    counts = Counter(item.kind for item in items)
    rows += [(_bytes(size), kind + ", all", str(counts[kind]), "") for kind, size in totals.items()]
    rows.append((_bytes(totals.total()), "total", str(len(items)), ""))
    return table(("size", "what", "path", ""), rows, right=[0])


def cleaning_report(going: "Sequence[Item]", staying: "Sequence[Item]", folder: Path) -> str:
    """What ``lthkit clean`` is to remove below ``folder``, and what it keeps and why."""
    parts = []
    for title, items in (("to remove", going), ("kept", staying)):
        rows = [(_bytes(item.nbytes), item.kind, str(item.path.relative_to(folder)), item.note) for item in items]
        if rows:
            parts.append(f"{title}\n" + table(("size", "what", "path", ""), rows, right=[0]))
    if not going:
        parts.append("nothing to remove")
    return "\n\n".join(parts)


def _bytes(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count} bytes"
