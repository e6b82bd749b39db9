"""The scores of a study's runs as one tidy table, whatever notebook made them: a row for each run of a subnetwork."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lthkit import analysis
from lthkit.errors import LthkitError
from lthkit.plots.labels import weights_label
from lthkit.store import open_store
from lthkit.studies.figures import Figure, Source
from lthkit.studies.shelf import Planned, Shelf
from lthkit.transfer import by_metric, collect

DENSE = "dense"
# labels of results that tell lines apart as an axis does
OF_RESULTS = ("mask", "weights")


@dataclass(frozen=True)
class Collected:
    """What a figure is drawn from.

    Attributes:
        points: a row for each run of a subnetwork: ``row``, ``column``, ``line``, ``x``, ``score``, ``sparsity``, and
            ``published``, by which its outcome in the paper is found.
        dense: a row for each run of the dense network: ``row``, ``column``, ``score``.
        chance: panel → score of guessing.
        metric, test_share, higher_is_better: of the scores.
        missing: runs that are not done.
    """

    points: pd.DataFrame
    dense: pd.DataFrame
    chance: dict[tuple[str, str], float]
    metric: str
    test_share: float
    higher_is_better: bool
    missing: list[Planned]


def collected(figure: Figure, runs: Sequence[Planned], shelf: Shelf) -> Collected:
    """Scores of what a figure draws, of the runs that are done.

    Raises:
        LthkitError: if none is done, or the figure names what the runs do not have.
    """
    rows: list[dict[str, Any]] = []
    missing = []
    for source in figure.of:
        for run in _of(source, runs):
            if shelf.state(run).standing != "done":
                missing.append(run)
                continue
            rows += [_placed(figure, source, run, row) for row in _rows(figure, source, run, shelf)]
    if not rows:
        raise LthkitError("none of the runs that the figure needs is done; carry out the study first")
    table = pd.DataFrame(rows)
    metrics = table["metric"].unique()
    if len(metrics) > 1:
        raise LthkitError(f"the figure joins scores of several metrics, {', '.join(metrics)}; say one by 'metric'")
    # a dense network that several runs have trained alike is one
    dense = table[table["is_reference"]].drop_duplicates(["row", "column", "of_line", "run"])
    dense = dense.assign(line=dense["of_line"])
    points = table[table["line"] != ""]
    guessed = table.dropna(subset=["chance"]).drop_duplicates(["row", "column"])
    chance = {(str(one["row"]), str(one["column"])): float(one["chance"]) for _, one in guessed.iterrows()}
    higher = bool(table["higher_is_better"].iloc[0])
    share = float(table["test_share"].iloc[0])
    return Collected(points, dense, chance, str(metrics[0]), share, higher, missing)


def store_paths(source: Source, runs: Iterable[Planned], shelf: Shelf) -> dict[str, Path]:
    """Where the stores of a source lie, by the labels of their runs, of the runs that are done."""
    found = {}
    for run in _of(source, runs):
        if shelf.state(run).standing == "done":
            found[" · ".join(run.labels.values())] = shelf.folder(run.id) / _store(source, run)
    return found


def _of(source: Source, runs: Iterable[Planned]) -> list[Planned]:
    return [
        run
        for run in runs
        if run.step == source.step and all(run.labels.get(axis) == label for axis, label in source.at.items())
    ]


def _store(source: Source, run: Planned) -> str:
    try:
        return str(source.store).format(**run.labels)
    except (KeyError, IndexError, ValueError):
        raise LthkitError(f"'{source.store}' names an axis that step '{run.step}' has not; correct it") from None


def _rows(figure: Figure, source: Source, run: Planned, shelf: Shelf) -> list[dict[str, Any]]:
    folder = shelf.folder(run.id)
    if source.store is not None:
        return _of_store(folder / _store(source, run), figure)
    results = collect(folder / source.results, None)
    return _of_results(by_metric(results, figure.metric) if figure.metric else results, source, figure)


def _of_store(path: Path, figure: Figure) -> list[dict[str, Any]]:
    """A search's rounds; its round 0 is a dense network."""
    store = open_store(path)
    curve = analysis.curve(store, metric=figure.metric)
    size = sum(math.prod(shape) for shape in store.parameters.values())
    said = {key: curve.attrs[key] for key in ("metric", "higher_is_better", "test_share", "chance")}
    return [
        {"mask": "ticket", "weights": "", "sparsity": sparsity, "score": score, "size": size, "round": round_}
        | said
        | {"run": path.parent.name}
        for round_, sparsity, score in zip(
            curve["round"].values.tolist(), curve.sparsity.values.tolist(), curve.score.values.tolist(), strict=True
        )
    ]


def _of_results(results: pd.DataFrame, source: Source, figure: Figure) -> list[dict[str, Any]]:
    sizes: dict[str, int] = {}
    rows = []
    for number in range(len(results)):
        row: dict[str, Any] = {str(key): value for key, value in results.iloc[number].to_dict().items()}
        wanted = source.masks is None or row["mask"] in source.masks
        from_start = source.weights is None or row["weights"] in source.weights
        if (wanted or row["mask"] == DENSE) and from_start and not math.isnan(row["score"]):
            chance = None if row["chance"] is None or math.isnan(row["chance"]) else row["chance"]
            size = _size(str(row["file"]), sizes) if figure.by == "left" else 0
            rows.append({**row, "chance": chance, "size": size, "run": Path(str(row["file"])).name})
    return rows


def _size(file: str, known: dict[str, int]) -> int:
    """Prunable weights of the network that a result is of."""
    from lthkit.search import read_result

    source = read_result(Path(file))["config"]["mask"]
    if source is None:
        return 0
    if source["source"] not in known:
        shapes = open_store(source["source"]).parameters.values()
        known[source["source"]] = sum(math.prod(shape) for shape in shapes)
    return known[source["source"]]


def _placed(figure: Figure, source: Source, run: Planned, row: dict[str, Any]) -> dict[str, Any]:
    """A row with its panel, its line and its place on the axis."""
    labels = source.labels | run.labels
    panels = [labels.get(axis, "") for axis in figure.panels]
    across = panels[-1] if panels else ""
    own = {name: row[name] for name in OF_RESULTS} | labels
    dense = row["mask"] == DENSE
    told = [_said(axis, own) for axis in figure.lines if own.get(axis)]
    starts = run.values.get("weights")
    first = dense and row["weights"] == (starts[0] if isinstance(starts, list) and starts else "pretrained")
    sparsity = float(row["sparsity"])
    by = {"sparsity": sparsity, "left": (1 - sparsity) * row["size"]}
    if figure.by not in by and figure.by not in labels:
        raise LthkitError(f"the figure is drawn against '{figure.by}', which is no axis of step '{run.step}'")
    at = by[figure.by] if figure.by in by else float(labels[figure.by])
    line = ", ".join(part for part in (source.name, *told) if part) or "ticket"
    published = source.published | {axis: labels[axis] for axis in labels} | {"weights": row["weights"]}
    is_zero = row.get("round") == 0 and source.store is not None
    kept = {key: row[key] for key in ("score", "metric", "higher_is_better", "test_share", "chance", "run")}
    return kept | {
        "row": panels[0] if len(panels) > 1 else "",
        "column": across,
        "line": "" if dense or (is_zero and figure.by != "sparsity") else line,
        "x": at,
        "sparsity": sparsity,
        "of_line": line if figure.by == "left" else None,
        "published": published,
        "is_reference": first or (is_zero and all(one.store for one in figure.of)),
    }


def _said(axis: str, labels: dict[str, Any]) -> str:
    return weights_label(str(labels[axis])) if axis == "weights" else str(labels[axis])
