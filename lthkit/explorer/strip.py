"""The strip above the maps: score by round, the round that is shown marked; in a page it is dragged as a slider."""

import numpy as np
import pandas as pd
import xarray as xr

from lthkit.analysis.labels import metric_name
from lthkit.analysis.verdicts.results import checked, dense_runs
from lthkit.analysis.verdicts.samples import Sample
from lthkit.explorer.choices import Choices
from lthkit.explorer.model import Model
from lthkit.explorer.traces import BAND, CURVES, DENSE, STRIP_AXIS, State
from lthkit.plots.theme import COLOURS, spread

MOST_TICKS = 7


def strip(model: Model, choices: Choices, left: float, right: float) -> State:
    """Scores of the searches that are shown, or, where none has any, the weights left."""
    names = choices.shown if choices.beside else (choices.a,)
    curves = {name: model.curve(name) for name in names}
    known = {name: curve for name, curve in curves.items() if curve is not None}
    rounds = model.rounds(choices.a)
    metric = str(next(iter(known.values())).attrs["metric"]) if known else ""
    top = max((float(curve["score"].max()) for curve in known.values()), default=1.0)
    made = _axes(model, choices.a, rounds, metric_name(metric) if known else "weights left")
    made[None, f"yaxis{STRIP_AXIS}.tickformat"] = ".1%" if top <= 1 else ".3g"
    made[None, f"xaxis{STRIP_AXIS}.domain"] = [left, right]
    for place, trace in enumerate(CURVES):
        name = names[place] if place < len(names) else None
        x, y = _points(model, choices.a, name, known.get(name) if name else None, bool(known))
        made |= {(trace, "x"): x, (trace, "y"): y}
    return made | _dense(model.dense, known.get(choices.a), rounds)


def mark(choices: Choices) -> list[dict[str, object]]:
    """The line at the round that is shown."""
    place = {"xref": f"x{STRIP_AXIS}", "yref": f"y{STRIP_AXIS} domain", "y0": 0, "y1": 1}
    line = {"color": COLOURS[1], "width": 3}
    return [{"type": "line", **place, "x0": choices.round, "x1": choices.round, "line": line}]


def dense_sample(results: pd.DataFrame | None) -> Sample | None:
    """Runs of the dense network from the pre-trained weights, out of results of one source and target.

    Raises:
        LthkitError: if the results cannot be read.
    """
    if results is None:
        return None
    found = dense_runs(checked(results))
    runs = [sample.score for (*_, weights), sample in found.items() if weights == "pretrained"]
    return runs[0] if runs else None


def _axes(model: Model, name: str, rounds: int, title: str) -> State:
    marked = spread(np.arange(rounds + 1), MOST_TICKS).tolist()
    texts = {place: f"{100 * model.sparsity(name)[place]:.0f} %" for place in marked}
    axis = f"xaxis{STRIP_AXIS}"
    return {
        (None, f"{axis}.tickvals"): list(range(rounds + 1)),
        (None, f"{axis}.ticktext"): [texts.get(place, "") for place in range(rounds + 1)],
        (None, f"{axis}.range"): [-0.5, rounds + 0.5],
        (None, f"yaxis{STRIP_AXIS}.title.text"): title,
    }


def _points(
    model: Model, a: str, name: str | None, curve: xr.Dataset | None, scored: bool
) -> tuple[list[float], list[float]]:
    """Rounds of a at whose density each point of a search stands, and its scores."""
    if name is None or (scored and curve is None):
        return [], []
    density = 1 - model.sparsity(name) if curve is None else curve["density"].values
    # a complement stands at the round that it is the complement of
    own = 1 - model.sparsity(name if model.inverse(name) else a)
    places = np.arange(len(own))
    theirs, ours = (-np.log(np.maximum(part, 1e-9)) for part in (density, own))
    x = places if model.inverse(name) else np.interp(theirs, ours, places, left=np.nan, right=np.nan)
    y = density if curve is None else curve["score"].values
    there = np.isfinite(x) & np.isfinite(y)
    return x[there].tolist(), y[there].tolist()


def _dense(runs: Sample | None, curve: xr.Dataset | None, rounds: int) -> State:
    """The dense network: a band of one standard deviation where its runs are known, else its score in the search."""
    ends = [-0.5, rounds + 0.5]
    score = runs.mean if runs is not None else (float(curve["score"][0]) if curve is not None else np.nan)
    spread_ = runs.sd if runs is not None and runs.n > 1 else np.nan
    low, high = score - spread_, score + spread_
    band, line = bool(np.isfinite(spread_)), bool(np.isfinite(score))
    return {
        (BAND, "visible"): band,
        (DENSE, "visible"): line,
        (BAND, "x"): [*ends, *ends[::-1]] if band else [],
        (BAND, "y"): [low, low, high, high] if band else [],
        (DENSE, "x"): ends if line else [],
        (DENSE, "y"): [score, score] if line else [],
    }
