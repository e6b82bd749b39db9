"""Scores of many runs in panels, as both papers draw them: a panel for each task, a line for each kind of mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lthkit.analysis.labels import metric_name, score_name
from lthkit.analysis.verdicts.samples import Sample, sample
from lthkit.errors import LthkitError
from lthkit.plots.bands import add_band
from lthkit.plots.labels import count_label, runs_label
from lthkit.plots.references import BAND, add_chance, reach_with_chance
from lthkit.plots.theme import COLOURS, SYMBOLS, TEXT, WIDTH, faint, legend_rows, style
from lthkit.plots.ticks import ends_of, sparsity_axis

DASHES = ("solid", "dashdot", "longdashdot")  # dots alone are chance, dashes the dense network
# pixels; between two rows stand the ticks of the upper and the titles of the lower
PANEL_HEIGHT, PANEL_WIDTH, BETWEEN = 250, 300, 56
PANEL = ["row", "column"]


@dataclass(frozen=True)
class Reference:
    """A published number: a vertical line at the highest sparsity that matched.

    Attributes:
        row, column: labels of its panel.
        label: for the legend.
        sparsity: as a fraction.
    """

    row: str
    column: str
    label: str
    sparsity: float


def score_panels(
    points: pd.DataFrame,
    dense: pd.DataFrame,
    *,
    metric: str = "accuracy",
    test_share: float = 1.0,
    higher_is_better: bool = True,
    chance: Mapping[tuple[str, str], float] | None = None,
    published: Sequence[Reference] = (),
    title: str = "",
    notes: Sequence[str] = (),
) -> go.Figure:
    """Means over runs in bands of one standard deviation (ddof 1), beside the dense network's (Chen et al., Figs. 2–5).

    Args:
        points: a row for each run of a subnetwork: ``row`` and ``column`` (labels of its panel, empty for one alone),
            ``line``, ``sparsity`` (a fraction) and ``score``. A line whose sparsities are all 0 is drawn across: a
            network that was not pruned.
        dense: a row for each run of the dense network: ``row``, ``column``, ``score``.
        metric: of the scores.
        test_share: of the test split that was scored.
        higher_is_better: False for losses.
        chance: panel → score of guessing.
        published: drawn beside.
        title: instead of the one made from the metric.
        notes: said below the title.

    Raises:
        LthkitError: if there is no run.
    """
    if points.empty:
        raise LthkitError("there is no run to draw; carry out the study first")
    rows, columns = (list(dict.fromkeys([*points[name], *dense[name]])) for name in PANEL)
    figure = _grid(rows, columns)
    scale = ".1%" if higher_is_better and points["score"].max() <= 1 else ".3g"
    axis = _axis(points, published, len(columns))
    said = ["means of runs and one standard deviation", *notes]
    names = _names(points)
    legend = _Legend()
    for number, row in enumerate(rows, 1):
        low, high = _reach(points[points["row"] == row], dense[dense["row"] == row])
        for place, column in enumerate(columns, 1):
            level = (chance or {}).get((row, column))
            low, high = reach_with_chance(level, scale, low, high, said)
            panel = _Panel(figure, {"row": number, "col": place}, ends_of(axis), legend)
            panel.dense(_of(dense, row, column))
            panel.chance(level, (low, high), scale)
            for index, (line, label) in enumerate(names.items()):
                panel.line(_of(points, row, column, line), label, index)
            panel.published([one for one in published if (one.row, one.column) == (row, column)], (low, high))
        pad = 0.06 * (high - low or 1)
        figure.update_yaxes(tickformat=scale, range=[low - pad, high + pad], row=number)
        figure.update_yaxes(title={"text": score_name(metric, test_share)}, row=number, col=1)
    figure.update_xaxes({key: value for key, value in axis.items() if key != "title"})
    figure.update_xaxes(title=axis["title"], row=len(rows))
    heading = title or f"{metric_name(metric, first=True)} against sparsity"
    return _styled(figure, heading, "; ".join(dict.fromkeys(said)), len(rows), len(columns))


def _of(frame: pd.DataFrame, row: str, column: str, line: str | None = None) -> pd.DataFrame:
    here = frame[(frame["row"] == row) & (frame["column"] == column)]
    return here if line is None else here[here["line"] == line]


def _grid(rows: Sequence[str], columns: Sequence[str]) -> go.Figure:
    titles = [" · ".join(part for part in (row, column) if part) for row in rows for column in columns]
    return make_subplots(
        len(rows),
        len(columns),
        shared_yaxes=True,
        horizontal_spacing=0.05 if len(columns) > 1 else 0.0,
        vertical_spacing=BETWEEN / (PANEL_HEIGHT * len(rows)) if len(rows) > 1 else 0.0,
        subplot_titles=titles if len(titles) > 1 else None,
    )


def _styled(figure: go.Figure, title: str, subtitle: str, rows: int, columns: int) -> go.Figure:
    alone = rows * columns == 1
    above = 0.0 if alone else 26 / (PANEL_HEIGHT * rows)
    return style(
        figure,
        title,
        subtitle,
        legend={"orientation": "h", "x": 0, "y": 1 + above, "yanchor": "bottom"},
        showlegend=True,
        width=max(WIDTH, PANEL_WIDTH * columns),
        height=round(PANEL_HEIGHT * (1.8 if alone else rows)) + 170 + 22 * legend_rows(figure),
    )


def _axis(points: pd.DataFrame, published: Sequence[Reference], panels: int) -> dict[str, Any]:
    densities = np.unique(np.append(1 - points["sparsity"].to_numpy(float), 1.0))[::-1]
    reached = [1 - one.sparsity for one in published]
    axis = sparsity_axis(np.append(densities, reached), densities, panels)
    return axis | {"title": {"text": "sparsity (%), spaced by density"}} if panels > 1 else axis


def _names(points: pd.DataFrame) -> dict[str, str]:
    """What each line is called in the legend, with its numbers of runs."""
    counts = points.groupby(["line", *PANEL, "sparsity"], sort=False)["score"].count()
    return {line: f"{line} ({count_label(counts[line].tolist())})" for line in dict.fromkeys(points["line"])}


def _reach(points: pd.DataFrame, dense: pd.DataFrame) -> tuple[float, float]:
    """Lowest and highest of a row's panels, spread included."""
    scores = [*points.groupby([*PANEL, "line", "sparsity"])["score"], *dense.groupby(PANEL)["score"]]
    found = [sample(runs.to_numpy(float)) for _, runs in scores]
    means, spread = np.array([one.mean for one in found]), np.nan_to_num([one.sd for one in found])
    return float((means - spread).min()), float((means + spread).max())


class _Legend:
    """Each name stands once in the legend."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def place(self, name: str) -> dict[str, Any]:
        first = name not in self._shown
        self._shown.add(name)
        return {"legendgroup": name, "showlegend": first}


class _Panel:
    """One panel that is being drawn."""

    def __init__(self, figure: go.Figure, at: dict[str, int], ends: list[float], legend: _Legend) -> None:
        self.figure, self.at, self.ends, self.legend = figure, at, ends, legend

    def dense(self, runs: pd.DataFrame) -> None:
        """The dense network as a line in a grey band."""
        if runs.empty:
            return
        found = sample(runs["score"].to_numpy(float))
        add_band(self.figure, self.ends, [found.mean] * 2, [found.sd] * 2, BAND, **self.at)
        look = {"color": TEXT, "width": 2, "dash": "dash"}
        self._across(found, f"dense ({runs_label([found])})", look)

    def chance(self, level: float | None, reach: tuple[float, float], scale: str) -> None:
        """The score of guessing, where it is within reach."""
        if level is not None:
            legend = self.legend.place(f"chance ({level:{scale}})")
            add_chance(self.figure, level, scale, self.ends, reach, **legend, **self.at)

    def line(self, runs: pd.DataFrame, label: str, index: int) -> None:
        """One line with its band; across, where it is of a network that was not pruned."""
        groups = {float(str(x)): sample(group.to_numpy(float)) for x, group in runs.groupby("sparsity")["score"]}
        colour = COLOURS[index % len(COLOURS)]
        if not groups:
            return
        if list(groups) == [0.0]:
            return self._across(groups[0.0], label, {"color": colour, "width": 2, "dash": "longdashdot"})
        densities = 1 - np.array(list(groups))
        means, spread = ([getattr(one, part) for one in groups.values()] for part in ("mean", "sd"))
        add_band(self.figure, densities, means, spread, faint(colour), legendgroup=label, **self.at)
        self.figure.add_scatter(
            x=densities,
            y=means,
            name=label,
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": DASHES[index // len(COLOURS) % len(DASHES)]},
            marker={"color": colour, "size": 7, "symbol": SYMBOLS[index % len(SYMBOLS)]},
            customdata=[f"{sparsity:.2%} removed<br>{found}" for sparsity, found in groups.items()],
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
            **self.legend.place(label),
            **self.at,
        )

    def published(self, found: Sequence[Reference], reach: tuple[float, float]) -> None:
        """Vertical lines at the paper's highest matching sparsities."""
        for index, one in enumerate(found):
            self.figure.add_scatter(
                x=[1 - one.sparsity] * 2,
                y=list(reach),
                name=one.label,
                mode="lines",
                line={"color": COLOURS[-1 - index % len(COLOURS)], "width": 1.5, "dash": "longdash"},
                hovertemplate=f"{one.label}: up to {one.sparsity:.2%}<extra></extra>",
                **self.legend.place(one.label),
                **self.at,
            )

    def _across(self, found: Sample, label: str, look: dict[str, Any]) -> None:
        self.figure.add_scatter(
            x=self.ends,
            y=[found.mean] * 2,
            name=label,
            mode="lines",
            line=look,
            hovertemplate=f"{label}: {found}<extra></extra>",
            **self.legend.place(label),
            **self.at,
        )
