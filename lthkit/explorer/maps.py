"""How the maps stand in the figure: one, or searches side by side with what differs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lthkit.explorer.axes import Axis
from lthkit.explorer.pictures import Picture
from lthkit.explorer.traces import MAP_AXES, MAP_NOTES, MAPS, MOST_SHOWN, PANELS, RIGHT, State
from lthkit.plots.theme import COLOURS, spread
from lthkit.plots.titles import bar_title

Span = tuple[float, float]
BETWEEN = 0.04
# pixels between the margins, and of a name with what parts it from the next
ROOM, NAME_HEIGHT = 610, 9.5
MOST_TICKS = 3
MOST_TITLE = 60
# room for the colour bar and its texts
BAR_ROOM = 0.125


@dataclass(frozen=True)
class Panel:
    """Where a map is, as parts of the figure, and which of its axes say what they are.

    Attributes:
        x, y: from left to right, from below to above.
        ticks: whether there are texts along x, along y.
        titles: whether x, whether y has its title.
    """

    x: Span
    y: Span
    ticks: tuple[bool, bool] = (True, True)
    titles: tuple[bool, bool] = (True, True)


# a map that is not shown must not lie over one that is, and take its clicks
NOWHERE = Panel((0.999, 1.0), (0.999, 1.0))


def maps(drawn: Sequence[Picture]) -> State:
    """The maps, their axes and colour bars."""
    panels = _panels(len(drawn), drawn[0].down.long)
    wide = max(picture.across.ends[1] for picture in drawn)
    made: State = {}
    for place, trace in enumerate(MAPS):
        shown = drawn[place] if place < len(drawn) else drawn[0]
        panel = panels[place] if place < len(drawn) else NOWHERE
        made |= _map(place, trace, shown, panel, place < len(drawn), wide)
        if len(drawn) > 1:
            made |= _fewer_ticks(f"xaxis{MAP_AXES[place]}", shown.across)
        made |= _bar(place, trace, shown, len(drawn))
        made |= _note(place, shown, panel, 1 < len(drawn) > place)
    return made


def boxes(drawn: Sequence[Picture]) -> list[dict[str, object]]:
    """Lines between blocks, and frames around what is chosen: dark around light, to be seen on every colour."""
    found: list[dict[str, object]] = []
    for number, picture in zip(MAP_AXES, drawn, strict=False):
        down = picture.down.ends
        found += [_box(number, (x, x, *down), "#FFFFFF", 1) for x in picture.across.lines]
        if picture.frame:
            found += [_box(number, picture.frame, "#FFFFFF", 4), _box(number, picture.frame, COLOURS[1], 2)]
    return found


def _box(number: int, box: tuple[float, ...], colour: str, width: int) -> dict[str, object]:
    x0, x1, y0, y1 = box
    place = {"type": "rect", "xref": f"x{number}", "yref": f"y{number}", "x0": x0, "x1": x1, "y0": y0, "y1": y1}
    return place | {"line": {"color": colour, "width": width}}


def _panels(count: int, long: bool) -> list[Panel]:
    """Searches in a row, then what differs: in the same row, or of three searches in one below, each under its own."""
    if count == 1:
        return [Panel((0.34 if long else 0.25, RIGHT[0] - BAR_ROOM), PANELS)]
    first, last = 0.15 if long else 0.06, RIGHT[0] - BAR_ROOM
    width = (last - first - 2 * BETWEEN) / MOST_SHOWN
    columns = [(first + place * (width + BETWEEN), first + place * (width + BETWEEN) + width) for place in range(3)]
    if count <= MOST_SHOWN:
        ticks, titles = [(True, True), (True, False), (True, False)], [(False, True), (True, False), (False, False)]
        return [Panel(*place) for place in zip(columns, [PANELS] * 3, ticks, titles, strict=True)][:count]
    low, high = PANELS
    upper, lower = (high - 0.3, high), (low, high - 0.4)
    above = [Panel(columns[0], upper, (True, True), (False, True))]
    above += [Panel(column, upper, (False, False), (False, False)) for column in columns[1:]]
    below = [Panel(column, lower, (True, False), (place == 0, False)) for place, column in enumerate(columns[1:])]
    return above + below


def _map(place: int, trace: int, picture: Picture, panel: Panel, shown: bool, wide: float) -> State:
    number = MAP_AXES[place]
    down, across = picture.down, picture.across
    made: State = {
        (trace, "visible"): shown,
        (trace, "zmax"): picture.scale.top,
        (trace, "colorscale"): picture.scale.steps,
        (trace, "x0"): across.first + (across.step - 1) / 2,
        (trace, "dx"): across.step,
        (trace, "y0"): down.first + (down.step - 1) / 2,
        (trace, "dy"): down.step,
    }
    x, y = f"xaxis{number}", f"yaxis{number}"
    made |= _axis(x, across, panel.x, panel.ticks[0], panel.titles[0]) | {(None, f"{x}.range"): [across.ends[0], wide]}
    made |= _axis(y, down, panel.y, panel.ticks[1], panel.titles[1])
    made |= _names_with_room(y, down, panel.y) | {(None, f"{y}.range"): list(down.ends[::-1])}
    made |= {(None, f"{name}.visible"): shown for name in (x, y)}
    made[None, f"{x}.tickangle"] = -90 if across.long else 0
    return made


def _axis(name: str, axis: Axis, domain: Span, labelled: bool, titled: bool) -> State:
    ticks = axis.ticks
    return {
        (None, f"{name}.domain"): list(domain),
        (None, f"{name}.title.text"): axis.title if titled else "",
        (None, f"{name}.showticklabels"): labelled,
        (None, f"{name}.tickmode"): "auto" if ticks is None else "array",
        (None, f"{name}.tickvals"): ticks[0] if ticks else None,
        (None, f"{name}.ticktext"): ticks[1] if ticks else None,
        (None, f"{name}.tickfont.size"): 9 if ticks and len(ticks[1]) > 24 else 12,
    }


def _fewer_ticks(name: str, axis: Axis) -> State:
    """Of texts of two lines that stand beside each other, as many as a narrow map has room for."""
    if axis.ticks is None or axis.long or not any("<br>" in text for text in axis.ticks[1]):
        return {}
    return _some_ticks(name, axis.ticks, MOST_TICKS)


def _names_with_room(name: str, axis: Axis, span: Span) -> State:
    """Of names below each other, as many as have room."""
    if axis.ticks is None or not axis.long:
        return {}
    most = int((span[1] - span[0]) * ROOM / NAME_HEIGHT)
    return _some_ticks(name, axis.ticks, most)


def _some_ticks(name: str, ticks: tuple[list[float], list[str]], most: int) -> State:
    kept = spread(np.arange(len(ticks[0])), most)
    places, texts = ticks
    return {
        (None, f"{name}.tickvals"): [places[at] for at in kept],
        (None, f"{name}.ticktext"): [texts[at] for at in kept],
    }


def _bar(place: int, trace: int, picture: Picture, count: int) -> State:
    """A colour bar for the searches, and one for what differs."""
    difference = count > 1 and place == (count + 1) // 2
    low, high = PANELS
    half = (high - low) / 2
    single = count == 1
    return {
        (trace, "showscale"): place == 0 or difference,
        (trace, "colorbar.x"): RIGHT[0] - BAR_ROOM + 0.005,
        (trace, "colorbar.y"): low + half / 2 if difference else (low + half if single else high - half / 2),
        (trace, "colorbar.len"): high - low if single else half - 0.04,
        (trace, "colorbar.title.text"): bar_title(picture.array, MOST_TITLE if single else 26),
        (trace, "colorbar.tickvals"): picture.scale.bar["tickvals"],
        (trace, "colorbar.ticktext"): picture.scale.bar["ticktext"],
    }


def _note(place: int, picture: Picture, panel: Panel, shown: bool) -> State:
    """The name above a map, where there are several."""
    number = MAP_NOTES[place]
    said = f"<b>{picture.name}</b>" + (f"<br>{picture.when}" if picture.when else "")
    return {
        (None, f"annotations[{number}].text"): said if shown else "",
        (None, f"annotations[{number}].x"): panel.x[0],
        (None, f"annotations[{number}].y"): panel.y[1],
    }
