"""Results of single trainings: one small JSON file each, and all of a folder as one labelled data set."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lthkit.config import differences
from lthkit.errors import LthkitError

SCHEMA = 1
DIMENSIONS = ("source", "weights", "target", "mask", "round", "search_seed", "training_seed")
VARIABLES = ("score", "validation", "best_step", "least_loss_step", "sparsity", "wall_time")
_ENDING = ".result.json"


def result_file(folder: Path, fingerprint: str) -> Path:
    """Where the result of a configuration lies."""
    return folder / f"{fingerprint[:16]}{_ENDING}"


def summary(rows: list[dict[str, float]], metric: str, higher_is_better: bool, selection: str) -> dict[str, float]:
    """Score, its validation value, iterations to the best and to the least validation loss (Mehta 2019, §2: k).

    Args:
        rows: one a evaluation, as ``train`` gives them.
        metric: the selecting one.
        higher_is_better: its direction.
        selection: ``validation`` (first best wins) or ``last``.
    """
    sign = 1 if higher_is_better else -1
    best = rows[-1]
    if selection == "validation":
        best = max(rows, key=lambda row: sign * row[f"validation_{metric}"])
    losses = [(row.get("validation_loss", math.nan), row["step"]) for row in rows]
    finite = [pair for pair in losses if math.isfinite(pair[0])]
    return {
        "score": best[f"test_{metric}"],
        "validation": best.get(f"validation_{metric}", math.nan),
        "best_step": best["step"],
        "least_loss_step": min(finite)[1] if finite else math.nan,
        "wall_time": rows[-1]["wall_time"],
    }


def read_results(folder: str | Path) -> list[dict[str, Any]]:
    """All results in ``folder`` and below it, by file name.

    Raises:
        LthkitError: if there are none, or one is not a result of this schema.
    """
    files = sorted(Path(folder).rglob(f"*{_ENDING}"))
    if not files:
        raise LthkitError(f"{folder} holds no results (*{_ENDING}); name the folder that transfers wrote to")
    return [_read(path) for path in files]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        if found["schema"] != SCHEMA or "search" not in found or set(found["labels"]) != set(DIMENSIONS):
            raise KeyError(f"schema {found['schema']}")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise LthkitError(f"{path} is not a result of this version ({error}); remove it or train it again") from None
    return found


def collect(folder: str | Path) -> xr.Dataset:
    """Everything found in a folder as one data set over ``DIMENSIONS``; NaN where nothing was run.

    Raises:
        LthkitError: when results differ in more than their dimensions, naming the setting and two files' values.
    """
    return combine(read_results(folder))


def combine(results: Iterable[dict[str, Any]]) -> xr.Dataset:
    """As ``collect``, from results at hand."""
    known = list(results)
    _must_fit(known)
    coordinates = {dim: _sorted({entry["labels"][dim] for entry in known}) for dim in DIMENSIONS}
    places = {dim: {label: index for index, label in enumerate(labels)} for dim, labels in coordinates.items()}
    shape = [len(coordinates[dim]) for dim in DIMENSIONS]
    arrays = {name: np.full(shape, np.nan) for name in VARIABLES}
    fingerprints = np.full(shape, "", dtype=object)
    for entry in known:
        place = tuple(places[dim][entry["labels"][dim]] for dim in DIMENSIONS)
        if fingerprints[place] not in ("", entry["config_sha256"]):
            raise LthkitError(
                f"two results are both {_described(entry)} but differ in their settings; keep one of them"
            )
        fingerprints[place] = entry["config_sha256"]
        for name in VARIABLES:
            value = entry["summary"].get(name)
            arrays[name][place] = np.nan if value is None else value
    data = {name: (DIMENSIONS, values) for name, values in arrays.items()}
    first = known[0]
    attributes = {key: first[key] for key in ("metric", "selection", "higher_is_better")}
    chances = {entry["chance"] for entry in known}
    attributes["chance"] = chances.pop() if len(chances) == 1 else None
    return xr.Dataset(data | {"config_sha256": (DIMENSIONS, fingerprints.astype(str))}, coordinates, attributes)


def table(results: xr.Dataset) -> Any:
    """A pandas data frame with one row a training that was run."""
    said = {name: results.attrs[name] for name in ("metric", "higher_is_better", "selection", "chance")}
    frame = results.to_dataframe().reset_index().assign(**said)
    return frame[frame["config_sha256"] != ""].reset_index(drop=True)


def _must_fit(results: list[dict[str, Any]]) -> None:
    """Within a source and target all settings must agree but those that are dimensions, the source search's too."""
    first_of: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in results:
        first = first_of.setdefault((entry["labels"]["source"], entry["labels"]["target"]), entry)
        changed = differences(_rest(first), _rest(entry))
        if changed:
            raise LthkitError(
                f"results on '{entry['labels']['target']}' differ in more than their dimensions ({changed[0]}); "
                "collect folders of one setting at a time"
            )


def _rest(entry: dict[str, Any]) -> dict[str, Any]:
    """What must be the same: the settings but for mask, weights and seed, and what the score means."""
    settings = {key: value for key, value in entry["config"].items() if key not in ("mask", "weights", "seed")}
    return settings | {key: entry[key] for key in ("metric", "selection", "higher_is_better", "data_sha256", "search")}


def _sorted(labels: set[Any]) -> list[Any]:
    first = ("dense", "ticket", "pretrained", "random")
    return sorted(labels, key=lambda label: (first.index(label) if label in first else len(first), label))


def _described(entry: dict[str, Any]) -> str:
    return ", ".join(f"{dim} {entry['labels'][dim]}" for dim in DIMENSIONS)
