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
from lthkit.plots.references import BAND, reach_with_chance
from lthkit.plots.theme import COLOURS, SYMBOLS, TEXT, WIDTH, faint, legend_rows, style
from lthkit.plots.ticks import APART, apart, sparsity_axis

SPARSITY = "sparsity"
# names of what scores may be drawn against beside it
WORDS = {"left": "prunable weights left (log)", "temperature": "temperature of the contrastive loss (log)"}
DASHES = ("solid", "dashdot", "longdashdot")  # dots alone are chance, dashes the dense network
# pixels; between two rows stand the ticks of the upper and the titles of the lower
PANEL_HEIGHT, PANEL_WIDTH, BETWEEN = 250, 300, 56
PANEL = ("row", "column")


@dataclass(frozen=True)
class Reference:
    """A published number: a vertical line at the highest sparsity that matched.

    Attributes:
        row, column: labels of its panel; empty for all.
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
    by: str = SPARSITY,
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
            ``line``, ``x`` (a sparsity as a fraction, or a number above 0) and ``score``. A line whose x are all 0 is
            drawn across: a network that was not pruned.
        dense: a row for each run of the dense network: ``row``, ``column``, ``score``, and ``line`` where each line has
            one of its own.
        by: what ``x`` is: ``sparsity``, ``left`` or another setting.
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
    count = len(rows) * len(columns)
    figure = make_subplots(
        len(rows),
        len(columns),
        shared_yaxes=True,
        horizontal_spacing=0.05 if len(columns) > 1 else 0.0,
        vertical_spacing=BETWEEN / (PANEL_HEIGHT * len(rows)) if len(rows) > 1 else 0.0,
        subplot_titles=[_panel_title(row, column) for row in rows for column in columns] if count > 1 else None,
    )
    scale = ".1%" if higher_is_better and points["score"].max() <= 1 else ".3g"
    axis = _axis(points, by, len(columns), [one.sparsity for one in published])
    said = list(notes)
    lines = list(dict.fromkeys(points["line"]))
    named: set[str] = set()
    for number, row in enumerate(rows, 1):
        low, high = _reach(points[points["row"] == row], dense[dense["row"] == row])
        for place, column in enumerate(columns, 1):
            at = {"row": number, "col": place}
            level = (chance or {}).get((row, column))
            low, high = reach_with_chance(level, scale, low, high, said)
            here, reference = (frame[(frame["row"] == row) & (frame["column"] == column)] for frame in (points, dense))
            drawn = _Panel(figure, at, axis, by, named)
            drawn.dense(reference, lines)
            drawn.chance(level, low, high, scale)
            for line in dict.fromkeys(here["line"]):
                drawn.line(here[here["line"] == line], line, lines.index(line), points)
            drawn.published(
                [one for one in published if one.row in ("", row) and one.column in ("", column)], low, high
            )
        pad = 0.06 * (high - low or 1)
        figure.update_yaxes(tickformat=scale, range=[low - pad, high + pad], row=number)
        figure.update_yaxes(title={"text": score_name(metric, test_share)}, row=number, col=1)
    style(
        figure,
        title or f"{metric_name(metric, first=True)} against {WORDS.get(by, by).removesuffix(' (log)')}",
        "; ".join(["means of runs and one standard deviation", *dict.fromkeys(said)]),
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1 + (count > 1) * 26 / (PANEL_HEIGHT * len(rows)),
            "yanchor": "bottom",
        },
        showlegend=True,
        width=max(WIDTH, PANEL_WIDTH * len(columns)),
        height=round(PANEL_HEIGHT * (len(rows) + (count == 1) * 0.8)) + 170 + 22 * legend_rows(figure),
    )
    figure.update_xaxes({key: value for key, value in axis.items() if key != "title"})
    return figure.update_xaxes(title=axis["title"], row=len(rows))


def _panel_title(row: str, column: str) -> str:
    return " · ".join(part for part in (row, column) if part)


def _axis(points: pd.DataFrame, by: str, panels: int, published: Sequence[float]) -> dict[str, Any]:
    known = np.unique(points["x"].to_numpy(float))
    if by == SPARSITY:
        densities = np.append(1 - known, 1.0)
        axis = sparsity_axis(np.append(densities, 1 - np.array(published)), np.unique(densities)[::-1], panels)
        return axis | {"title": {"text": "sparsity (%), spaced by density" if panels > 1 else axis["title"]["text"]}}
    ends = np.log10([known[0] / 1.15, known[-1] * 1.15])
    ticks = apart(known, panels * APART * float(np.log(known[-1] / known[0]) or 1))
    return {
        "title": {"text": WORDS.get(by, f"{by} (log)")},
        "type": "log",
        "range": ends.tolist(),
        "tickvals": ticks,
        "ticktext": [f"{tick:,.10g}" for tick in ticks],
    }


def _reach(points: pd.DataFrame, dense: pd.DataFrame) -> tuple[float, float]:
    """Lowest and highest of a row's panels, spread included."""
    groups = [group for _, group in points.groupby([*PANEL, "line", "x"])["score"]]
    groups += [group for _, group in dense.groupby([*PANEL, *(["line"] if "line" in dense else [])])["score"]]
    found = [sample(group.to_numpy(float)) for group in groups]
    spread = [np.nan_to_num(one.sd) for one in found]
    low = min(one.mean - sd for one, sd in zip(found, spread, strict=True))
    return float(low), float(max(one.mean + sd for one, sd in zip(found, spread, strict=True)))


class _Panel:
    """One panel that is being drawn; each name stands once in the legend."""

    def __init__(self, figure: go.Figure, at: dict[str, int], axis: dict[str, Any], by: str, named: set[str]) -> None:
        self.figure, self.at, self.by, self.named = figure, at, by, named
        self.ends = [float(10**end) for end in axis["range"]]

    def dense(self, runs: pd.DataFrame, lines: Sequence[str]) -> None:
        """The dense network: a grey band, or where every line has its own, a thin line in its colour."""
        own = "line" in runs and runs["line"].notna().any()
        for line, group in runs.groupby("line", sort=False) if own else [("", runs)]:
            if group.empty:
                continue
            found = sample(group["score"].to_numpy(float))
            colour = COLOURS[lines.index(str(line)) % len(COLOURS)] if own and line in lines else TEXT
            if not own:
                add_band(self.figure, self.ends, [found.mean] * 2, [found.sd] * 2, BAND, **self.at)
            name = f"dense ({runs_label([found])})" if not own else f"{line}, dense ({runs_label([found])})"
            self._across(found.mean, name, {"color": colour, "width": 1.5, "dash": "dash"}, f"dense: {found}")

    def chance(self, level: float | None, low: float, high: float, scale: str) -> None:
        """The score of guessing, where it is within reach."""
        if level is not None and low <= level <= high:
            look = {"color": TEXT, "width": 1.5, "dash": "dot"}
            self._across(level, "chance", look, f"chance: {level:{scale}}")

    def line(self, runs: pd.DataFrame, name: str, index: int, every: pd.DataFrame) -> None:
        """One line with its band; across, where it is of a network that was not pruned."""
        colour = COLOURS[index % len(COLOURS)]
        groups = {float(str(x)): sample(group.to_numpy(float)) for x, group in runs.groupby("x")["score"]}
        counts = every[every["line"] == name].groupby([*PANEL, "x"])["score"].count()
        label = f"{name} ({count_label(counts.tolist())})"
        if self.by == SPARSITY and list(groups) == [0.0]:
            look = {"color": colour, "width": 2, "dash": "longdashdot"}
            return self._across(groups[0.0].mean, label, look, f"{name}: {groups[0.0]}")
        x = np.array(list(groups))
        place = 1 - x if self.by == SPARSITY else x
        means, spread = ([getattr(one, part) for one in groups.values()] for part in ("mean", "sd"))
        add_band(self.figure, place, means, spread, faint(colour), legendgroup=label, **self.at)
        self.figure.add_scatter(
            x=place,
            y=means,
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": DASHES[index // len(COLOURS) % len(DASHES)]},
            marker={"color": colour, "size": 7, "symbol": SYMBOLS[index % len(SYMBOLS)]},
            customdata=[_pointed(at, one, self.by) for at, one in groups.items()],
            hovertemplate="%{customdata}<extra>" + name + "</extra>",
            **self._legend(label),
            **self.at,
        )

    def published(self, found: Sequence[Reference], low: float, high: float) -> None:
        """Vertical lines at the paper's highest matching sparsities."""
        for index, one in enumerate(found):
            self.figure.add_scatter(
                x=[1 - one.sparsity] * 2,
                y=[low, high],
                mode="lines",
                line={"color": COLOURS[-1 - index % len(COLOURS)], "width": 1.5, "dash": "longdash"},
                hovertemplate=f"{one.label}: up to {one.sparsity:.2%}<extra></extra>",
                **self._legend(one.label),
                **self.at,
            )

    def _across(self, level: float, label: str, look: dict[str, Any], said: str) -> None:
        self.figure.add_scatter(
            x=self.ends,
            y=[level] * 2,
            mode="lines",
            line=look,
            hovertemplate=f"{said}<extra></extra>",
            **self._legend(label),
            **self.at,
        )

    def _legend(self, label: str) -> dict[str, Any]:
        first = label not in self.named
        self.named.add(label)
        return {"name": label, "legendgroup": label, "showlegend": first}


def _pointed(x: float, found: Sample, by: str) -> str:
    return f"{x:.2%} removed<br>{found}" if by == SPARSITY else f"{by} {x:,.10g}<br>{found}"
