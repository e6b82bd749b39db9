"""How numbers become bytes and bytes become colours, the same for all rounds of a view."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from plotly.colors import get_colorscale

from lthkit.plots.theme import BRIGHT, DARK, DARKEST

LEAST = 1e-3
LEVELS = 200
FIRST = 12
SHARE_TICKS = {0.0: "0", 1e-3: "0.1 %", 1e-2: "1 %", 1e-1: "10 %", 1.0: "100 %"}
WHAT = {
    "kernels": "weights left",
    "density": "weights left",
    "zero": "kernels completely zero",
    "overlap": "left in both ÷ left in either",
    "only_a": "weights left in A only",
    "only_b": "weights left in B only",
    "both": "weights left in both",
}
# Where weights are counted, none is bright, as in Chen et al. 2021, Fig. 7; of a comparison's part, none is dark.
LEFT = (BRIGHT, "#9DB3DC", DARKEST, DARK)
PART = ("#10182B", "#2B4170", "#8A8678", BRIGHT)


@dataclass(frozen=True)
class Shade:
    """Colours of cells 0 … ``top``: plotly's scale and the title and ticks of the colour bar."""

    top: int
    scale: Any
    bar: dict[str, Any]


def logarithmic(view: str) -> Shade:
    """For cells made by ``levels``."""
    places = levels(np.array(list(SHARE_TICKS))).tolist()
    return Shade(LEVELS, _stepped(view, FIRST / LEVELS), _bar(view, places, list(SHARE_TICKS.values())))


def linear(view: str) -> Shade:
    """For cells in whole %."""
    return Shade(100, [[0, DARK], [0.5, DARKEST], [1, BRIGHT]], _bar(view, [0, 50, 100], ["0 %", "50 %", "100 %"]))


def counted(view: str, size: int) -> Shade:
    """For counts 0 … ``size`` of a kernel's weights, or 0 and 1 for whether it is completely zero."""
    if view == "zero":
        return Shade(1, [[0, DARK], [1, BRIGHT]], _bar(view, [0, 1], ["no", "yes"]))
    top = min(size, 255)
    ticks = list(range(0, top + 1, max(1, top // 9)))
    shade = Shade(top, _stepped(view, 1 / top), _bar(view, ticks, [str(tick) for tick in ticks]))
    shade.bar["title"]["text"] += f" (of {size} in a kernel)"
    return shade


def levels(shares: np.ndarray) -> np.ndarray:
    """Fractions 0…1 as uint8: 0 for none, 12 for 0.1 % or less … 200 for all, evenly in the logarithm."""
    scaled = FIRST + np.rint((LEVELS - FIRST) * (1 - np.log10(np.clip(shares, LEAST, 1)) / np.log10(LEAST)))
    return np.where(shares > 0, scaled, 0).astype(np.uint8)


def percents(shares: np.ndarray) -> np.ndarray:
    """Fractions 0…1 as whole %, uint8; 0 and 100 only for none and all."""
    inner = np.clip(np.rint(100 * shares), 1, 99)
    return np.where(shares == 0, 0, np.where(shares == 1, 100, inner)).astype(np.uint8)


# A map comes in whole ‰; looking up its 200,000 cells is many times faster than their logarithms.
LEVELS_OF_PERMILLE = levels(np.arange(1001) / 1000)
PERCENTS_OF_PERMILLE = percents(np.arange(1001) / 1000)


def _stepped(view: str, few: float) -> list[list[Any]]:
    """A colour for none, then those from few (at this part of the scale) to all."""
    if view == "overlap":
        return [[place, colour] for place, colour in get_colorscale("Cividis")]
    none, least, some, all_ = PART if view in ("only_a", "only_b", "both") else LEFT
    return [[0, none], [few / 2, none], [few / 2, least], [(1 + few) / 2, some], [1, all_]]


def _bar(view: str, places: list[Any], texts: list[str]) -> dict[str, Any]:
    return {"title": {"text": WHAT[view], "side": "right"}, "tickvals": places, "ticktext": texts}
