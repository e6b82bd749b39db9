"""What sparsity buys: scores against latency, a curve for each way in which a network is carried out."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lthkit.analysis.labels import score_name
from lthkit.errors import LthkitError
from lthkit.plots.theme import COLOURS, SYMBOLS, TEXT, style
from lthkit.plots.ticks import APART, apart

_NEEDED = ("ticket", "round", "sparsity", "batch", "variant", "latency", "low", "high", "ratio", "score", "metric")
_SAID = ("repetitions", "device", "threads")
_DASHES = ("solid", "dot", "dashdot", "longdash")
_STEPS = np.outer(10.0 ** np.arange(-4, 6), [1, 1.5, 2, 3, 5, 7]).ravel()
_MS = 1e3


def score_against_latency(timings: pd.DataFrame, title: str | None = None) -> go.Figure:
    """Score against latency, a panel for each batch size, a colour for each variant, a symbol for each ticket.

    Marks are medians; bars reach from the lower to the upper quartile. The dense network is one mark in each panel.

    Args:
        timings: as ``lthkit.time_tickets`` gives them.
        title: instead of the usual one.

    Raises:
        LthkitError: if a column is missing, the searches have no scores, or several metrics.
    """
    frame = _read(timings)
    batches, tickets = sorted(frame["batch"].unique()), list(dict.fromkeys(frame["ticket"]))
    names = [name for name in dict.fromkeys(frame["variant"]) if name != "dense"]
    figure = make_subplots(1, len(batches), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=_titles(batches))
    for column, batch in enumerate(batches, 1):
        own = frame[frame["batch"] == batch]
        _add_dense(figure, own, column)
        for place, name in enumerate(names):
            for number, ticket in enumerate(tickets):
                points = own[(own["variant"] == name) & (own["ticket"] == ticket)].sort_values("round")
                shown = column == 1 and number == 0
                _add(figure, points, name, COLOURS[place % len(COLOURS)], number, column, shown)
        figure.update_xaxes(_axis(own), row=1, col=column)
    if len(tickets) > 1:
        _name_tickets(figure, tickets)
    figure.update_yaxes(title_text=score_name(str(frame["metric"].iloc[0])), row=1, col=1)
    low, high = float(frame["score"].min()), float(frame["score"].max())
    pad = 0.06 * (high - low or 1)
    figure.update_yaxes(tickformat=".0%" if high <= 1 else ".3g", range=[low - pad, high + pad])
    return style(
        figure,
        title or "Score against latency",
        f"medians and quartiles of {int(frame['repetitions'].max())} measurements in turns; {_machine(frame)}",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": -0.22, "yanchor": "top"},
        margin={"t": 104},  # the legend lies below, the panels' titles above
        height=500 + 22 * (len(names) // 4),
    )


def _read(timings: pd.DataFrame) -> pd.DataFrame:
    for column in (*_NEEDED, *_SAID):
        if column not in timings:
            raise LthkitError(f"the timings have no column '{column}'; draw what lthkit.time_tickets gives")
    frame = timings[timings["score"].notna()]
    if frame.empty:
        raise LthkitError("the timings have no scores; time tickets of searches whose rounds were trained")
    if frame["metric"].nunique() > 1:
        raise LthkitError("the timings have several metrics; draw those of one task at a time")
    return frame


def _titles(batches: list[int]) -> list[str]:
    return [f"{batch} image{'s' if batch > 1 else ''} at once" for batch in batches]


def _machine(frame: pd.DataFrame) -> str:
    threads = int(frame["threads"].max())
    return f"{frame['device'].iloc[0]}, {threads} thread{'s' if threads > 1 else ''}"


def _add_dense(figure: go.Figure, frame: pd.DataFrame, column: int) -> None:
    dense = frame[frame["variant"] == "dense"]
    if dense.empty:
        return
    middle = {name: dense[name].median() for name in ("latency", "low", "high", "score")}
    _add_bars(figure, pd.DataFrame([middle]), "dense", TEXT, column)
    figure.add_scatter(
        x=[_MS * middle["latency"]],
        y=[middle["score"]],
        name="dense",
        legendgroup="dense",
        showlegend=column == 1,
        mode="markers",
        marker={"color": TEXT, "size": 11, "symbol": "star"},
        hovertemplate="%{x:.3g} ms<br>%{y}<extra>dense</extra>",
        row=1,
        col=column,
    )


def _add(
    figure: go.Figure, points: pd.DataFrame, name: str, colour: str, number: int, column: int, shown: bool
) -> None:
    _add_bars(figure, points, name, colour, column)
    figure.add_scatter(
        x=_MS * points["latency"],
        y=points["score"],
        name=name,
        legendgroup=name,
        showlegend=shown,
        mode="lines+markers",
        line={"color": colour, "width": 1.5, "dash": _DASHES[number % len(_DASHES)]},
        marker={"color": colour, "size": 8, "symbol": SYMBOLS[number % len(SYMBOLS)]},
        customdata=np.stack([points["ticket"], points["round"], 100 * points["sparsity"], points["ratio"]], axis=1),
        hovertemplate="%{customdata[0]}, round %{customdata[1]} · %{customdata[2]:.2f} % removed<br>"
        "%{x:.3g} ms, %{customdata[3]:.2f} of dense<br>%{y}<extra>%{fullData.name}</extra>",
        row=1,
        col=column,
    )


def _add_bars(figure: go.Figure, points: pd.DataFrame, name: str, colour: str, column: int) -> None:
    """From the lower to the upper quartile."""
    gap = np.full(len(points), np.nan)
    figure.add_scatter(
        x=np.stack([_MS * points["low"], _MS * points["high"], gap], axis=1).ravel(),
        y=np.stack([points["score"], points["score"], gap], axis=1).ravel(),
        legendgroup=name,
        showlegend=False,
        mode="lines",
        line={"color": colour, "width": 1},
        hoverinfo="skip",
        row=1,
        col=column,
    )


def _name_tickets(figure: go.Figure, tickets: list[str]) -> None:
    """Their symbols in the legend."""
    for number, ticket in enumerate(tickets):
        figure.add_scatter(
            x=[None],
            y=[None],
            name=ticket,
            mode="lines+markers",
            line={"color": TEXT, "width": 1.5, "dash": _DASHES[number % len(_DASHES)]},
            marker={"color": TEXT, "size": 8, "symbol": SYMBOLS[number % len(SYMBOLS)]},
            row=1,
            col=1,
        )


def _axis(frame: pd.DataFrame) -> dict[str, object]:
    """Milliseconds, logarithmic, with ticks at round numbers."""
    low, high = _MS * float(frame["low"].min()), _MS * float(frame["high"].max())
    reach = [low / 1.15, high * 1.15]
    inside = _STEPS[(reach[0] <= _STEPS) & (reach[1] >= _STEPS)]
    ticks = apart(inside, 2 * APART * float(np.log(reach[1] / reach[0])))
    return {
        "title": {"text": "latency of a batch (ms, log)"},
        "type": "log",
        "range": [float(np.log10(end)) for end in reach],
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }
