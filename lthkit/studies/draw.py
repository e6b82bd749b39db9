"""A study's figures and the table of what was measured beside what the paper says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lthkit import analysis, plots
from lthkit.analysis import Search
from lthkit.analysis.verdicts.rules import matching
from lthkit.errors import LthkitError
from lthkit.papers import TEMPERATURE, Outcome, outcomes
from lthkit.plots import Reference
from lthkit.store import open_store
from lthkit.studies.collected import Collected, collected, store_paths
from lthkit.studies.figures import Figure
from lthkit.studies.shelf import Planned, Shelf

_INNER = ["row", "column", "published"]
# labels of the axis of pre-trainings → the papers' sources
SOURCES = {"supervised": "imagenet"}


@dataclass(frozen=True)
class Drawn:
    """A figure and what it says to those who cannot see it."""

    figure: go.Figure
    alt: str


@dataclass(frozen=True)
class Results:
    """What a study found.

    Attributes:
        drawn: its figures.
        table: of each line the highest sparsity that matches, measured and published, and what that allows to be said.
        missing: figures that cannot be drawn, and why.
    """

    drawn: list[Drawn]
    table: pd.DataFrame
    missing: list[str]

    @property
    def for_readers(self) -> pd.DataFrame:
        """The table without what only figures need."""
        told = self.table.drop(columns=[name for name in _INNER if name in self.table]).fillna("")
        return told if "panel" in told and told["panel"].any() else told.drop(columns="panel", errors="ignore")


def results_of(plan: Mapping[str, Any], shelf: Shelf) -> Results:
    """Draw a study, as far as its runs are done.

    Args:
        plan: as ``Shelf.plans`` gives it.
        shelf: where its runs lie.
    """
    drawn, tables, missing = [], [], []
    for number, plain in enumerate(plan["figures"], 1):
        figure = Figure.parse(plain, f"figure {number} of study '{plan['study']}'")
        try:
            made, table = _draw(figure, plan, shelf)
        except LthkitError as error:
            missing.append(f"figure {number}: {error}")
            continue
        drawn += made
        tables.append(table)
    known = [table for table in tables if len(table)]
    return Results(drawn, pd.concat(known, ignore_index=True) if known else pd.DataFrame(), missing)


def _draw(figure: Figure, plan: Mapping[str, Any], shelf: Shelf) -> tuple[list[Drawn], pd.DataFrame]:
    runs: Sequence[Planned] = plan["runs"]
    if figure.kind != "scores":
        searches = dict(_searches(figure, runs, shelf))
        return list(_MASKS[figure.kind](figure, searches)), pd.DataFrame()
    found = collected(figure, runs, shelf)
    table = _table(figure, found, plan.get("stands_for", {}))
    title = figure.title or plan["title"]
    notes = [f"{plan['scale']} scale"]
    if found.missing:
        notes.append(f"{len(found.missing)} runs are missing")
    made = plots.score_panels(
        found.points,
        found.dense,
        by=figure.by,
        metric=found.metric,
        test_share=found.test_share,
        higher_is_better=found.higher_is_better,
        chance=found.chance,
        published=_references(table) if figure.by == "sparsity" else (),
        title=title,
        notes=notes,
    )
    said = f"{title}: {found.metric} by {figure.by} for {', '.join(dict.fromkeys(found.points['line']))}."
    return [Drawn(made, said)], table


def _searches(figure: Figure, runs: Sequence[Planned], shelf: Shelf) -> Iterator[tuple[str, Search]]:
    for source in figure.of:
        for label, path in store_paths(source, runs, shelf).items():
            yield label, analysis.read(open_store(path), label)


def _overlap(figure: Figure, searches: dict[str, Search]) -> Iterator[Drawn]:
    if len(searches) < 2:
        raise LthkitError("an overlap needs the masks of two searches at least; carry out the study first")
    pairs = analysis.overlaps(searches)
    diagonals = {name: analysis.like_for_like(analysis.pooled(counts)) for name, counts in pairs.items()}
    made = plots.overlap_curve(diagonals)
    yield Drawn(made, f"Similarity of the masks of {', '.join(searches)} by sparsity, with both levels of chance.")


def _zero_kernels(figure: Figure, searches: dict[str, Search]) -> Iterator[Drawn]:
    counts = {name: analysis.pooled(analysis.zero_kernels(one), "kind") for name, one in searches.items()}
    if not counts:
        raise LthkitError("there are no masks to count in; carry out the study first")
    yield Drawn(plots.zero_kernels_curve(counts), f"Completely zero kernels of {', '.join(counts)} by sparsity.")


def _kernels(figure: Figure, searches: dict[str, Search]) -> Iterator[Drawn]:
    if not searches:
        raise LthkitError("there are no masks to look at; carry out the study first")
    for name, search in searches.items():
        removed = analysis.sparsity(search)
        round = int(abs(removed - figure.sparsity).argmin("round"))
        made = plots.zero_kernels_map(analysis.zero_kernel_cells(search), round)
        yield Drawn(
            made, f"Kernels of {name} at {float(removed[round]):.2%} sparsity; completely zero ones are bright."
        )


_MASKS = {"overlap": _overlap, "zero_kernels": _zero_kernels, "kernels": _kernels}


def _table(figure: Figure, found: Collected, stands_for: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """One row for each line of each panel, or for each place of a line that is not drawn against sparsity."""
    rows = []
    for (row, column, line), runs in found.points.groupby(["row", "column", "line"], sort=False):
        panel = " · ".join(part for part in (str(row), str(column)) if part)
        own = found.dense[(found.dense["row"] == row) & (found.dense["column"] == column)]
        if figure.by == "left":
            own = own[own["line"] == line]
        place = {"panel": panel, "row": row, "column": column, "line": line}
        if figure.by == "sparsity":
            paper = _outcome(figure, runs["published"].iloc[0], stands_for)
            rows.append(place | _highest(runs, own, found.higher_is_better, paper))
        else:
            rows += [place | one for one in _places(figure, runs, own)]
    return pd.DataFrame(rows)


def _highest(runs: pd.DataFrame, dense: pd.DataFrame, higher: bool, paper: Outcome | None) -> dict[str, Any]:
    """How far the runs match the dense network, measured and published."""
    best, counts, word = None, [], ""
    for sparsity, group in runs[runs["sparsity"] > 0].groupby("sparsity"):
        judged = matching(group["score"].to_numpy(float), dense["score"].to_numpy(float), higher_is_better=higher)
        counts.append(len(group))
        word = judged.reason or word
        if judged.verdict == "yes":
            best = float(str(sparsity))
    measured = "no verdict" if word else "none" if best is None else f"{best:.2%}"
    published = "" if paper is None else "none" if paper.highest is None else f"{paper.highest:.2%}"
    differs = "" if word or not published else "yes" if measured != published else "no"
    return {
        "runs": min(counts, default=len(runs)),
        "dense runs": len(dense),
        "matches up to": measured,
        "paper": published,
        "differ": differs,
        "published": None if paper is None else paper.highest,
    }


def _places(figure: Figure, runs: pd.DataFrame, dense: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for x, group in runs.groupby("x"):
        place = float(str(x))
        known = {"mean": f"{group['score'].mean():.4f}", "sd": f"{group['score'].std(ddof=1):.4f}", "runs": len(group)}
        told = {figure.by: f"{place:,.10g}"} | known | {"dense": f"{dense['score'].mean():.4f}"}
        yield told | (
            {"paper": f"{TEMPERATURE[place]:.4f}"} if figure.by == "temperature" and place in TEMPERATURE else {}
        )


def _outcome(figure: Figure, labels: Mapping[str, str], stands_for: Mapping[str, Mapping[str, str]]) -> Outcome | None:
    """What the paper says of a line, if it says just one thing."""
    if not figure.published:
        return None
    pretraining, target = labels.get("pretraining"), labels.get("target")
    chosen = dict(figure.published) | {key: labels[key] for key in ("found_on",) if key in labels}
    if pretraining:
        chosen["source"] = SOURCES.get(pretraining, pretraining)
    if target and "target" not in chosen:
        chosen["target"] = stands_for.get("target", {}).get(target, target)
    if "weights" in figure.lines:
        chosen["weights"] = labels["weights"]
    if "detector" in labels:
        chosen["setting"] = {"yolov4": "YOLOv4", "faster-rcnn": "Faster R-CNN", "ssd": "SSD"}[labels["detector"]]
    found = outcomes(**chosen)
    return found[0] if len(found) == 1 else None


def _references(table: pd.DataFrame) -> list[Reference]:
    if table.empty or "published" not in table:
        return []
    known = table.dropna(subset=["published"]).to_dict("records")
    return [Reference(one["row"], one["column"], f"paper: {one['line']}", one["published"]) for one in known]
