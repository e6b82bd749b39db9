"""Results of single trainings as a tidy table: one small JSON file each, one row each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lthkit.config import differences
from lthkit.errors import LthkitError
from lthkit.search import ENDING, LABELS, read_result
from lthkit.store import trained_file

_MEASURED = ("score", "validation", "best_step", "least_loss_step", "sparsity", "wall_time")
_SAID = ("metric", "higher_is_better", "selection", "test_share", "chance", "mask_sha256", "config_sha256")
_FIRST = ("dense", "ticket", "pretrained", "random")
_WHERE_THEY_DIFFER = ("source", "target", "search_seed", "metric")
_DIGITS = {
    "weights": 0,
    "mask": 0,
    "round": 0,
    "sparsity": 4,
    "training_seed": 0,
    "score": 4,
    "validation": 4,
    "best_step": 0,
    "wall_time": 1,
}
"""The columns that are read, and how many digits behind the point those of numbers have."""
_FREE = ("mask", "weights", "seed", "keep_weights")


def collect(folder: str | Path, metric: str | None = None) -> pd.DataFrame:
    """All results in ``folder`` and below it. Arguments and columns as ``results_table``.

    Raises:
        LthkitError: if there are none, one is damaged, or two differ in what a table cannot say.
    """
    return results_table(read_results(folder), metric)


def by_metric(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The same trainings scored by another metric of their task; arguments and columns as ``results_table``."""
    return results_table({Path(file): read_result(Path(file)) for file in results["file"]}, metric)


def brief(results: pd.DataFrame) -> pd.DataFrame:
    """The columns of ``results_table`` that are read, rounded: what was trained, how it scored, how long it took.

    ``source``, ``target``, ``search_seed`` and ``metric`` are told where they differ; the whole table stays as it is.
    """
    told = [name for name in _WHERE_THEY_DIFFER if results[name].nunique() > 1]
    return results[[*told, *_DIGITS]].round(_DIGITS)


def with_kept_weights(results: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``results_table`` whose trained weights lie beside their files (``keep_weights``)."""
    places = zip(results["file"], results["round"], strict=True)
    return results[[trained_file(str(file), int(round), "last").is_file() for file, round in places]]


def read_results(folder: str | Path) -> dict[Path, dict[str, Any]]:
    """All results in ``folder`` and below it, by file.

    Raises:
        LthkitError: if there are none, or one is not a result of this version.
    """
    files = sorted(Path(folder).rglob(f"*{ENDING}"))
    if not files:
        raise LthkitError(f"{folder} holds no results (*{ENDING}); name the folder that transfers wrote to")
    return {path: read_result(path) for path in files}


def results_table(results: Mapping[Path, dict[str, Any]], metric: str | None = None) -> pd.DataFrame:
    """One row per training.

    Args:
        results: as ``read_results`` gives them.
        metric: another of the task's metrics than the one that picked the best evaluation, at that evaluation; of all
            but ``loss`` more is better.

    Columns: what tells trainings apart (``source``, ``weights``, ``target``, ``mask``, ``round``, ``search_seed``,
    ``training_seed``); what was measured (``score``: the test metric at the best validation or at the end,
    ``validation``, ``best_step`` and ``least_loss_step`` in steps, ``sparsity`` as a fraction removed, ``wall_time``
    in seconds; NaN where nothing was); what the score is (``metric``, ``higher_is_better``, ``selection``,
    ``test_share``: of the test split that was scored, ``chance``); ``mask_sha256``, ``config_sha256``, ``file``.

    Raises:
        LthkitError: when two results of one source and target differ in more than the columns tell, or two are of
            one training, naming both files and the setting; if a result has no such metric.
    """
    _must_be_comparable(results)
    _must_be_distinct(results)
    rows = [_row(path, result, metric) for path, result in results.items()]
    table = pd.DataFrame(rows, columns=[*LABELS, *_MEASURED, *_SAID, "file"])
    table = table.astype(dict.fromkeys((*_MEASURED, "chance"), "float64"))
    return table.sort_values(list(LABELS), key=_in_order, ignore_index=True)


def _row(path: Path, result: dict[str, Any], metric: str | None) -> dict[str, Any]:
    measured = {name: result["summary"][name] for name in _MEASURED}
    row = result["labels"] | measured | {name: result[name] for name in _SAID} | {"file": str(path)}
    return row if metric in (None, result["metric"]) else row | _by_another(path, result, str(metric))


def _by_another(path: Path, result: dict[str, Any], metric: str) -> dict[str, Any]:
    """What a row says differently when another metric is scored, at the same evaluation."""
    known = [name.removeprefix("test_") for name in result["rows"][0] if name.startswith("test_")]
    if metric not in known:
        raise LthkitError(f"{path} has no metric '{metric}'; choose one of {', '.join(known)}")
    chosen = next(row for row in result["rows"] if row["step"] == result["summary"]["best_step"])
    return {
        "score": chosen[f"test_{metric}"],
        "validation": chosen.get(f"validation_{metric}"),
        "metric": metric,
        "higher_is_better": metric != "loss",
        "chance": None,
    }


def _in_order(column: pd.Series) -> pd.Series:
    """By value, what others are compared with first."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    return column.map(lambda label: f"{_FIRST.index(label) if label in _FIRST else len(_FIRST)} {label}")


def _must_be_comparable(results: Mapping[Path, dict[str, Any]]) -> None:
    """Within a source and target all settings must agree but those that columns tell, the source search's too."""
    first: dict[tuple[str, str], tuple[Path, dict[str, Any]]] = {}
    for path, result in results.items():
        settings = _settings(result)
        task = result["labels"]["source"], result["labels"]["target"]
        known, its = first.setdefault(task, (path, settings))
        changed = differences(its, settings)
        if changed:
            raise LthkitError(
                f"{known} and {path} are results on '{task[1]}' that differ in more than mask, weights and seeds "
                f"({changed[0]}); collect folders of one setting at a time"
            )


def _settings(result: dict[str, Any]) -> dict[str, Any]:
    """What must be the same: the settings but for mask, weights and seed, and what the score means."""
    settings = {key: value for key, value in result["config"].items() if key not in _FREE}
    return (
        settings
        | {key: result[key] for key in ("metric", "selection", "higher_is_better", "data_sha256")}
        | {"search": _how_it_was_found(result["parent"])}
    )


def _how_it_was_found(parent: dict[str, Any] | None) -> dict[str, Any] | None:
    """The source search but for what its seed decides: the seed, and what was trained with it."""
    if parent is None or "model" not in parent["config"]:
        return None
    found = {key: value for key, value in parent["config"].items() if key not in ("seed", "mask", "weights")}
    return found | {"model": {key: value for key, value in found["model"].items() if key != "checkpoint"}}


def _must_be_distinct(results: Mapping[Path, dict[str, Any]]) -> None:
    known: dict[tuple[Any, ...], tuple[Path, dict[str, Any]]] = {}
    for path, result in results.items():
        other, before = known.setdefault(tuple(result["labels"].values()), (path, result))
        if other != path:
            said = ", ".join(f"{label} {result['labels'][label]}" for label in LABELS)
            changed = differences(before["config"], result["config"]) or ["masks, weights or samples by content"]
            raise LthkitError(f"{other} and {path} are both {said}, but differ ({changed[0]}); keep one of them")
