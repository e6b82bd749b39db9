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
from lthkit.papers import OVERLAP_BELOW, TEMPERATURE, Outcome, outcomes
from lthkit.plots import Reference
from lthkit.store import open_store
from lthkit.studies.collected import Collected, collected, store_paths
from lthkit.studies.figures import Figure
from lthkit.studies.run import Run
from lthkit.studies.shelf import Shelf

# columns that only figures need, and those that go where they say nothing
_INNER, _MAY_BE_EMPTY = ("row", "column", "published"), ("figure", "panel", "paper", "differ")
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
        missing: figures that cannot be drawn, or not with all their runs, and why.
    """

    drawn: list[Drawn]
    table: pd.DataFrame
    missing: list[str]

    @property
    def for_readers(self) -> pd.DataFrame:
        """The table without what only figures need."""
        empty = [name for name in _MAY_BE_EMPTY if name in self.table and not self.table[name].any()]
        return self.table.drop(columns=[*empty, *(name for name in _INNER if name in self.table)]).fillna("")


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
            made, table, undone = _draw(figure, plan, shelf)
        except LthkitError as error:
            missing.append(f"figure {number} is not drawn: {error}")
            continue
        drawn += made
        tables.append(table)
        if undone:
            missing.append(f"figure {number} lacks what is not done: {', '.join(run.name for run in undone)}")
    known = [table for table in tables if len(table)]
    return Results(drawn, pd.concat(known, ignore_index=True) if known else pd.DataFrame(), missing)


def _draw(figure: Figure, plan: Mapping[str, Any], shelf: Shelf) -> tuple[list[Drawn], pd.DataFrame, list[Run]]:
    runs: Sequence[Run] = plan["runs"]
    if figure.kind != "scores":
        searches = dict(_searches(figure, runs, shelf))
        return *_MASKS[figure.kind](figure, searches), []
    found = collected(figure, runs, shelf)
    table, title = _table(figure, found, plan["stands_for"]), figure.title or plan["title"]
    drawn = _over_sparsity(found, table, title) if figure.by == "sparsity" else _against(figure, found, title)
    lines = ", ".join(dict.fromkeys(found.points["line"]))
    return [Drawn(drawn, f"{title}: {found.said('metric')} by {figure.by} for {lines}.")], table, found.missing


def _over_sparsity(found: Collected, table: pd.DataFrame, title: str) -> go.Figure:
    return plots.score_panels(
        found.points,
        found.dense,
        metric=found.said("metric"),
        test_share=found.said("test_share"),
        higher_is_better=found.said("higher_is_better"),
        chance=found.chance,
        published=_references(table),
        title=title,
    )


def _against(figure: Figure, found: Collected, title: str) -> go.Figure:
    return plots.scores_against(found.rows, figure.by, "line" if figure.lines else None, title)


def _searches(figure: Figure, runs: Sequence[Run], shelf: Shelf) -> Iterator[tuple[str, Search]]:
    for source in figure.of:
        for label, path in store_paths(source, runs, shelf).items():
            yield label, analysis.read(open_store(path), label)


def _overlap(figure: Figure, searches: dict[str, Search]) -> tuple[list[Drawn], pd.DataFrame]:
    """The similarity by sparsity, and at the sparsity of the paper's number."""
    if len(searches) < 2:
        raise LthkitError("an overlap needs the masks of two searches at least; carry out the study first")
    pairs = analysis.overlaps(searches)
    diagonals = {name: analysis.like_for_like(analysis.pooled(counts)) for name, counts in pairs.items()}
    alt = f"Similarity of the masks of {', '.join(searches)} by sparsity, with both levels of chance."
    rows = []
    for name, pair in diagonals.items():
        at = pair.isel(round=int(abs(pair["sparsity"] - figure.sparsity).argmin("round")))
        shown = {"overlap": at["jaccard"], "by chance": at["chance_layers"]}
        shares = {key: f"{float(value):.2%}" for key, value in shown.items()}
        paper = {"paper": f"below {OVERLAP_BELOW:.2%}"} if figure.published else {}
        rows.append({"line": name, "sparsity": f"{float(at['sparsity']):.2%}"} | shares | paper)
    return [Drawn(plots.overlap_curve(diagonals), alt)], pd.DataFrame(rows)


def _zero_kernels(figure: Figure, searches: dict[str, Search]) -> tuple[list[Drawn], pd.DataFrame]:
    if not searches:
        raise LthkitError("there are no masks to count in; carry out the study first")
    counts = {name: analysis.pooled(analysis.zero_kernels(one), "kind") for name, one in searches.items()}
    alt = f"Completely zero kernels of {', '.join(counts)} by sparsity."
    return [Drawn(plots.zero_kernels_curve(counts), alt)], pd.DataFrame()


def _kernels(figure: Figure, searches: dict[str, Search]) -> tuple[list[Drawn], pd.DataFrame]:
    if not searches:
        raise LthkitError("there are no masks to look at; carry out the study first")
    drawn = []
    for name, search in searches.items():
        removed = analysis.sparsity(search)
        round = int(abs(removed - figure.sparsity).argmin("round"))
        made = plots.zero_kernels_map(analysis.zero_kernel_cells(search), round)
        drawn.append(Drawn(made, f"Kernels of {name} at {float(removed[round]):.2%} sparsity; zero ones are bright."))
    return drawn, pd.DataFrame()


_MASKS = {"overlap": _overlap, "zero_kernels": _zero_kernels, "kernels": _kernels}


def _table(figure: Figure, found: Collected, stands_for: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """One row for each line of each panel, or for each place of a line that is not drawn against sparsity."""
    rows = []
    for key, runs in found.points.groupby(["row", "column", "line"], sort=False):
        row, column, line = map(str, key)
        dense = found.dense[(found.dense["row"] == row) & (found.dense["column"] == column)]
        place = {"figure": figure.title, "panel": " · ".join(part for part in (row, column) if part)}
        place |= {"row": row, "column": column, "line": line}
        if figure.by == "sparsity":
            paper = _outcome(figure, runs["published"].iloc[0], stands_for)
            rows.append(place | _highest(runs, dense, bool(found.said("higher_is_better")), paper))
        else:
            rows += [place | one for one in _places(figure, runs, dense[dense["line"] == line])]
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
    measured = measured if counts else ""  # a network that was not pruned
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
    published = TEMPERATURE if figure.by == "temperature" else {}
    for x, group in runs.groupby(figure.by):
        place, score = float(str(x)), group["score"]
        spread = f"{score.std(ddof=1):.4f}" if len(group) > 1 else ""
        told = {figure.by: f"{place:,.10g}", "mean": f"{score.mean():.4f}", "sd": spread}
        paper = {"paper": f"{published[place]:.4f}"} if place in published else {}
        yield told | {"runs": len(group), "dense": f"{dense['score'].mean():.4f}"} | paper


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
