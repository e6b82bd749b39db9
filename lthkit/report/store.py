"""A store as plain text and as plain values."""

from typing import Any

import numpy as np
import xarray as xr

from lthkit.analysis import Search, curve, layer_density, read
from lthkit.analysis.labels import score_name
from lthkit.errors import StoreError
from lthkit.report.size import size
from lthkit.store import Store
from lthkit.terminal import pairs, table

MOST_ROUND_COLUMNS = 6
NOTHING = "–"  # stands for what was not measured


def store_report(store: Store) -> str:
    """All that ``lthkit show`` tells about a store; damaged scores are named, and all else is shown."""
    total, left = _counts(store)
    head = [
        ("store", store.path),
        (
            "rounds",
            f"{store.rounds} of {store.planned_rounds} {'imported' if 'imported' in store.config else 'pruned'}, "
            f"{store.scored - store.first_round} trained"
            + (f", from round {store.first_round} of its parent" if store.first_round else ""),
        ),
        ("weights", f"{left:,} of {total:,} prunable left in {len(store.parameters)} layers"),
        ("sparsity", f"{100 * (1 - left / total):.2f} %"),
        ("size", size(store.nbytes)),
        ("configuration", f"SHA-256 {store.config_sha256}"),
    ]
    search = read(store)
    density = layer_density(search)
    line, fault = _curve(store, search)
    provenance = "provenance\n" + pairs(_flat(store.provenance))
    parts = [pairs(head), _rounds(density, total, line), fault, _layers(store, density), _extra(store), provenance]
    return "\n\n".join(part for part in parts if part)


def store_facts(store: Store) -> dict[str, Any]:
    """The same as plain values, for ``strict_json``: a list item per round, densities by layer and round."""
    total, left = _counts(store)
    search = read(store)
    density = layer_density(search)
    line, fault = _curve(store, search)
    columns = {} if line is None else {str(name): values.values.tolist() for name, values in line.data_vars.items()}
    trained = [] if line is None else line["round"].values.tolist()
    curve_rows = [
        dict(zip(("round", *columns), row, strict=True)) for row in zip(trained, *columns.values(), strict=True)
    ]
    return {
        "store": str(store.path),
        "rounds": store.rounds,
        "planned_rounds": store.planned_rounds,
        "first_round": store.first_round,
        "trained": store.scored - store.first_round,
        "weights": total,
        "weights_left": left,
        "sparsity": density["sparsity"].values.tolist(),
        "curve": curve_rows,
        "curve_missing": fault or None,
        "layers": {name: {"shape": list(shape)} for name, shape in store.parameters.items()},
        "density": dict(zip(store.parameters, density.values.tolist(), strict=True)),
        "extra": store.extra(),
        "nbytes": store.nbytes,
        "config": store.config,
        "config_sha256": store.config_sha256,
        "provenance": store.provenance,
    }


def _counts(store: Store) -> tuple[int, int]:
    """Prunable weights, and how many of them are left."""
    return sum(int(np.prod(shape)) for shape in store.parameters.values()), sum(store.counts.values())


def _curve(store: Store, search: Search) -> tuple[xr.Dataset | None, str]:
    """Scores of the trained rounds, or why there are none; neither where nothing was trained."""
    if store.scored == store.first_round:
        return None, ""
    try:
        return curve(store, search), ""
    except StoreError as error:
        return None, f"no scores are shown: {error}"


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


def _rounds(density: xr.DataArray, total: int, line: xr.Dataset | None) -> str:
    scores = {} if line is None else _score_columns(line)
    header = ["round", "sparsity %", "weights left", *scores]
    rows = []
    for round_, share in enumerate(density["sparsity"].values):
        cells = [str(round_), f"{100 * share:.2f}", f"{round(total * (1 - share)):,}"]
        rows.append(cells + [column.get(round_, NOTHING) for column in scores.values()])
    return table(header, rows, right=range(len(header)))


def _score_columns(line: xr.Dataset) -> dict[str, dict[int, str]]:
    metric = line.attrs["metric"]
    point = "last" if line.attrs["selection"] == "last" else "best validation"
    named = {
        score_name(metric, line.attrs["test_share"]): ("score", ".4f"),
        f"{point} {metric}": ("validation", ".4f"),
        "at step": ("best_step", "d"),
        "seconds": ("wall_time", ".1f"),
    }
    return {
        title: {
            int(round_): NOTHING if value != value else format(value, shape)
            for round_, value in zip(line["round"].values, line[name].values.tolist(), strict=True)
        }
        for title, (name, shape) in named.items()
        if line[name].notnull().any()
    }


def _layers(store: Store, density: xr.DataArray) -> str:
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
    return "extra masks\n" + pairs(lines) if lines else ""
