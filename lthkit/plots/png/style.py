"""Plotly's colours, dashes, symbols and rich text in matplotlib's terms."""

import html
import re
from typing import Any

import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgba
from plotly.colors import get_colorscale

from lthkit.errors import LthkitError

RGBA = tuple[float, float, float, float]

# The figure is laid out at 100 px an inch, and matplotlib's sizes are points of 1/72 inch.
PX_PER_INCH = 100
POINTS = 72 / PX_PER_INCH

DASHES: dict[str, Any] = {
    "solid": "-",
    "dot": (0, (1, 1.5)),
    "dash": (0, (5, 3)),
    "longdash": (0, (9, 4)),
    "dashdot": (0, (5, 2, 1, 2)),
    "longdashdot": (0, (9, 3, 1, 3)),
}
SYMBOLS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "cross": "P",
    "x": "X",
    "triangle-up": "^",
    "triangle-down": "v",
    "triangle-left": "<",
    "triangle-right": ">",
    "pentagon": "p",
    "hexagon": "h",
    "star": "*",
}


def colour(text: str, opacity: float = 1.0) -> RGBA:
    """A CSS colour (``#rrggbb``, ``rgb()``, ``rgba()`` or a name) as fractions of red, green, blue, opacity.

    Raises:
        LthkitError: naming a colour that is none of these.
    """
    parts = re.fullmatch(r"rgba?\(([^)]*)\)", text.strip())
    try:
        if parts:
            red, green, blue, *rest = (float(part) for part in re.split(r"[\s,/]+", parts[1].strip()))
            rgba = (red / 255, green / 255, blue / 255, rest[0] if rest else 1.0)
        else:
            rgba = to_rgba(text.strip())
    except ValueError:
        raise LthkitError(f"colour '{text}' is not known; write it as #rrggbb, rgb(…), rgba(…) or a name") from None
    return rgba[0], rgba[1], rgba[2], rgba[3] * opacity


def symbol(name: str) -> tuple[str, bool]:
    """A marker symbol and whether it is open (only its outline drawn).

    Raises:
        LthkitError: naming a symbol that has no counterpart.
    """
    filled = str(name).removesuffix("-open")
    if filled not in SYMBOLS:
        raise LthkitError(f"marker symbol '{name}' cannot be drawn as PNG; use one of {', '.join(SYMBOLS)}")
    return SYMBOLS[filled], filled != name


def dash(name: str) -> Any:
    """A line's dash pattern.

    Raises:
        LthkitError: naming a pattern that has no counterpart.
    """
    if name not in DASHES:
        raise LthkitError(f"line dash '{name}' cannot be drawn as PNG; use one of {', '.join(DASHES)}")
    return DASHES[name]


def colormap(scale: Any, reverse: bool = False) -> Colormap:
    """A colour scale: a name, or pairs of position (0…1) and colour; steps by repeated positions are kept."""
    named = get_colorscale(scale or "Viridis") if not isinstance(scale, (list, tuple)) else scale
    points = [(float(position), colour(text)) for position, text in named]
    if reverse:
        points = [(1 - position, rgba) for position, rgba in reversed(points)]
    return LinearSegmentedColormap.from_list("figure", points, N=1024).with_extremes(bad=(0, 0, 0, 0))


def plain_text(text: Any) -> str:
    """Plotly's rich text without its tags: ``<br>`` breaks the line, entities are resolved, ``$`` stays itself."""
    broken = re.sub(r"<br\s*/?>", "\n", str(text))
    return html.unescape(re.sub(r"</?(b|i|em|strong|sub|sup|span|a)\b[^>]*>", "", broken)).replace("$", r"\$")


def numbers(values: Any) -> np.ndarray:
    """Values as floats, None as NaN."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)
