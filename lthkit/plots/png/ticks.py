"""Plotly's automatic ticks: where they stand, and how it writes their numbers."""

import math

import numpy as np

from lthkit.errors import LthkitError
from lthkit.plots.png.spec import Spec

# pixels that a tick takes at least, of an axis that lies and of one that stands
LEAST_ROOM = {True: 80, False: 40}
FEWEST, MOST = 4, 9
PREFIXES = {-4: "p", -3: "n", -2: "μ", -1: "m", 0: "", 1: "k", 2: "M", 3: "B", 4: "T"}


def tick_step(low: float, high: float, pixels: float, is_x: bool, most: int | None = None) -> float:
    """Distance of linear ticks: 1, 2 or 5 times a power of ten, as many as plotly thinks fit.

    Args:
        low: one end of the axis.
        high: the other.
        pixels: length of the axis.
        is_x: whether it lies.
        most: the layout's ``nticks``.
    """
    count = most or min(max(pixels / LEAST_ROOM[is_x], FEWEST), MOST) + 1
    rough = abs(high - low) / count or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next((step for step in (2, 5) if rough <= step * power), 10)


def ticks(low: float, high: float, step: float) -> np.ndarray:
    """The multiples of ``step`` from low to high, ends included."""
    low, high = sorted((low, high))
    slack = 1e-6
    return step * np.arange(math.ceil(low / step - slack), math.floor(high / step + slack) + 1)


def tick_texts(values: np.ndarray, layout: Spec) -> list[str]:
    """Numbers as the layout wants them: by its format, else plotly's own (12k, 0.5, 3μ).

    Raises:
        LthkitError: naming a format that Python does not share with d3 (it shares ``.1%``, ``.3g``, ``,``).
    """
    shape = layout.get("tickformat")
    if shape:
        texts = [_formatted(value, shape) for value in values]
    else:
        largest = float(np.abs(values).max(initial=0.0))
        power = math.floor(math.log10(largest) + 0.01) if largest else 0
        group = math.floor((power - 1) / 3 + 0.5) if abs(power) > 3 else 0
        group = min(max(group, min(PREFIXES)), max(PREFIXES))
        texts = [f"{value / 1000.0**group:.6g}{PREFIXES[group] if value else ''}" for value in values]
    around = layout.get("tickprefix", ""), layout.get("ticksuffix", "")
    return [f"{around[0]}{text.replace('-', '−')}{around[1]}" for text in texts]


def _formatted(value: float, shape: str) -> str:
    try:
        return format(round(value), shape) if shape.endswith("d") else format(value, shape)
    except ValueError:
        raise LthkitError(f"tick format '{shape}' cannot be drawn as PNG; use one that Python shares") from None
