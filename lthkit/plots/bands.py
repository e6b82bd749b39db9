"""Bands of one standard deviation around means."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

Numbers = np.ndarray | Sequence[float]


def add_band(figure: go.Figure, x: Numbers, means: Numbers, spread: Numbers, fill: str, **place: Any) -> None:
    """A band ``spread`` above and below ``means``, which says nothing of its own; none where nothing is spread.

    Args:
        figure: changed in place.
        x: where the means stand, in order.
        means: NaN where there is none; the band goes on from the one before to the one after.
        spread: standard deviations, NaN where there is only one run.
        fill: colour, translucent: bands of several lines are seen through each other.
        place: further settings of the trace, as ``row``, ``col`` and ``legendgroup``.
    """
    known = np.isfinite(np.asarray(means, float))
    at, middle, half = (np.asarray(numbers, float)[known] for numbers in (x, means, np.nan_to_num(spread)))
    if not half.any():
        return
    figure.add_scatter(
        x=np.concatenate([at, at[::-1]]),
        y=np.concatenate([middle + half, (middle - half)[::-1]]),
        fill="toself",
        fillcolor=fill,
        line={"width": 0},
        mode="lines",
        showlegend=False,
        hoverinfo="skip",
        **place,
    )
