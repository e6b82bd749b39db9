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
from lthkit.store import Store, open_store
from lthkit.studies.figures import Figure, Source
from lthkit.studies.run import Run
from lthkit.studies.shelf import Shelf
from lthkit.transfer import by_metric, collect

DENSE = "dense"
# labels of results that tell lines apart as an axis does
OF_RESULTS = ("mask", "weights")


@dataclass(frozen=True)
class Collected:
    """What a figure is drawn from.

    Attributes:
        rows: a row for each run, of subnetworks and of the dense network that they are compared with, as
            ``lthkit.collect`` has them; beside that where it is drawn (``row``, ``column``, ``line``), the number that
            it is drawn against (under its name, NaN for dense networks), ``is_dense``, and ``published``, by which its
            outcome in the paper is found.
        missing: runs that are not done.
    """

    rows: pd.DataFrame
    missing: list[Run]

    @property
    def points(self) -> pd.DataFrame:
        """Rows of subnetworks."""
        return self.rows[~self.rows["is_dense"]]

    @property
    def dense(self) -> pd.DataFrame:
        """Rows of dense networks."""
        return self.rows[self.rows["is_dense"]]

    @property
    def chance(self) -> dict[tuple[str, str], float]:
        """Panel → score of guessing, where it is known."""
        known = self.rows.dropna(subset=["chance"])
        return {(str(one["row"]), str(one["column"])): float(one["chance"]) for _, one in known.iterrows()}

    def said(self, name: str) -> Any:
        """What the first row says of the scores."""
        return self.rows[name].iloc[0]


def collected(figure: Figure, runs: Sequence[Run], shelf: Shelf) -> Collected:
    """Scores of what a figure draws, of the runs that are done.

    Raises:
        LthkitError: if none is done, or the figure names what the runs do not have.
    """
    rows: list[dict[str, Any]] = []
    missing = []
    for source in figure.of:
        for run in _of(source, runs):
            if shelf.state(run).standing == "done":
                rows += _rows(figure, source, run)
            else:
                missing.append(run)
    if not rows:
        raise LthkitError("none of the runs that the figure needs is done; carry out the study first")
    table = in_every_panel(pd.DataFrame(rows))
    metrics = table["metric"].unique()
    if len(metrics) > 1:
        raise LthkitError(f"the figure joins scores of several metrics, {', '.join(metrics)}; say one by 'metric'")
    # a dense network that several runs have trained alike is one
    twice = table["is_dense"] & table.duplicated(["is_dense", "row", "column", "line", "file"])
    return Collected(table[~twice], missing)


def in_every_panel(table: pd.DataFrame) -> pd.DataFrame:
    """Rows without a label of an axis that others have panels of, in each of these panels.

    So (mT, θ0), which knows no pre-training, stands beside the tickets of each (Chen et al. 2021, Fig. 3).
    """
    for place in ("row", "column"):
        labels, free = list(dict.fromkeys(label for label in table[place] if label)), table[place] == ""
        if labels and free.any():
            copies = [table[free].assign(**{place: label}) for label in labels]
            table = pd.concat([table[~free], *copies], ignore_index=True)
    return table


def store_paths(source: Source, runs: Iterable[Run], shelf: Shelf) -> dict[str, Path]:
    """Where the stores of a source lie, by the labels of their runs, of the runs that are done."""
    done = [run for run in _of(source, runs) if shelf.state(run).standing == "done"]
    return {" · ".join(run.labels.values()): run.out / _store(source, run) for run in done}


def _of(source: Source, runs: Iterable[Run]) -> list[Run]:
    return [
        run
        for run in runs
        if run.step == source.step and all(run.labels.get(axis) == label for axis, label in source.at.items())
    ]


def _store(source: Source, run: Run) -> str:
    try:
        return str(source.store).format(**run.labels)
    except (KeyError, IndexError, ValueError):
        raise LthkitError(f"'{source.store}' names an axis that step '{run.step}' has not; correct it") from None


def _rows(figure: Figure, source: Source, run: Run) -> list[dict[str, Any]]:
    if source.store is None:
        results = collect(run.out / source.results)
        table = by_metric(results, figure.metric) if figure.metric else results
        return [_placed(figure, source, run, row) for row in _of_results(table, source, run)]
    rounds = _of_store(run.out / _store(source, run), figure, run)
    # round 0 begins a line over sparsity, and is the dense network where nothing else is
    points = rounds if figure.by == "sparsity" else rounds[1:]
    dense = [rounds[0] | {"mask": DENSE}] if all(one.store for one in figure.of) else []
    return [_placed(figure, source, run, row) for row in (*points, *dense)]


def _of_store(path: Path, figure: Figure, run: Run) -> list[dict[str, Any]]:
    """The rounds of a search."""
    store = open_store(path)
    curve = analysis.curve(store, metric=figure.metric)
    said = {key: curve.attrs[key] for key in ("metric", "higher_is_better", "selection", "test_share", "chance")}
    said |= {"source": run.step, "target": run.step, "weights": "", "mask": "ticket", "training_seed": 0}
    said |= {"search_seed": store.config["seed"], "file": str(path), "size": _size(store)}
    return [said | row for row in _records(curve[["sparsity", "score"]].to_dataframe().reset_index())]


def _of_results(results: pd.DataFrame, source: Source, run: Run) -> list[dict[str, Any]]:
    """The runs that are drawn, and the dense network from the first start that the notebook was given."""
    starts = run.values.get("weights")
    reference = starts[0] if isinstance(starts, list) and starts else "pretrained"
    drawn = results["mask"] != DENSE
    for column, chosen in (("mask", source.masks), ("weights", source.weights)):
        drawn &= results[column].isin(chosen) if chosen is not None else True
    drawn |= (results["mask"] == DENSE) & (results["weights"] == reference)
    size = _size(open_store(run.values["source"])) if run.values.get("source") else 0
    kept = results[drawn & results["score"].notna()]
    return [{**row, "size": size, "file": Path(row["file"]).name} for row in _records(kept)]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _size(store: Store) -> int:
    """Prunable weights of a network."""
    return sum(math.prod(shape) for shape in store.parameters.values())


def _placed(figure: Figure, source: Source, run: Run, row: dict[str, Any]) -> dict[str, Any]:
    """A row with its panel, its line, and what it is drawn against."""
    labels = source.labels | run.labels
    panels = [labels.get(axis, "") for axis in figure.panels]
    is_dense = row["mask"] == DENSE
    own = labels if is_dense else {name: row[name] for name in OF_RESULTS} | labels
    told = [_said(axis, own) for axis in figure.lines if own.get(axis)]
    line = ", ".join(part for part in (source.name, *told) if part) or "ticket"
    return row | {
        "row": panels[0] if len(panels) > 1 else "",
        "column": panels[-1] if panels else "",
        # over sparsity all lines of a panel have one dense network
        "line": "" if is_dense and figure.by == "sparsity" else line,
        figure.by: math.nan if is_dense else _against(figure, row, labels, run),
        "is_dense": is_dense,
        "published": source.published | labels | {"weights": row["weights"]},
    }


def _against(figure: Figure, row: dict[str, Any], labels: dict[str, str], run: Run) -> float:
    if figure.by in ("sparsity", "left"):
        removed = float(row["sparsity"])
        return removed if figure.by == "sparsity" else round((1 - removed) * row["size"])
    if figure.by not in labels:
        raise LthkitError(f"the figure is drawn against '{figure.by}', which is no axis of step '{run.step}'")
    return float(labels[figure.by])


def _said(axis: str, labels: dict[str, Any]) -> str:
    return weights_label(str(labels[axis])) if axis == "weights" else str(labels[axis])
