"""One state of the explorer as a page takes it: cells as bytes, everything else plain values."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lthkit.explorer.choices import Choices
from lthkit.explorer.figure import state
from lthkit.explorer.model import Model
from lthkit.explorer.pictures import Picture, pictures
from lthkit.explorer.traces import MAP_AXES, MAPS, empty
from lthkit.explorer.words import alt
from lthkit.plots import config

# a page has its title beside the figure, not in it
MARGIN_TOP = 12


@dataclass(frozen=True)
class Frame:
    """One state.

    Attributes:
        state: what the traces and the layout show, as [trace (None: the layout), path, value].
        maps: of each map its trace, the number of its axes, how many columns and cells it has, and which of
            ``lists`` say what its columns, rows and cells are.
        lists: texts.
        cells: of all maps, one after the other.
        alt: what the figure says, in words.
    """

    state: list[list[Any]]
    maps: list[dict[str, int]]
    lists: list[list[str]]
    cells: bytes
    alt: str


def frame(model: Model, choices: Choices) -> Frame:
    """The state that choices decide."""
    drawn = pictures(model, choices)
    lists: list[list[str]] = []
    maps = [
        {"trace": trace, "axis": axis, "columns": picture.cells.shape[1], "cells": picture.cells.size}
        | _said(picture, lists)
        for trace, axis, picture in zip(MAPS, MAP_AXES, drawn, strict=False)
    ]
    plain = [[trace, path, listed(value)] for (trace, path), value in state(model, choices, drawn).items()]
    cells = b"".join(np.ascontiguousarray(picture.cells).tobytes() for picture in drawn)
    return Frame(plain, maps, lists, cells, alt(model, choices))


def first_figure() -> dict[str, Any]:
    """The figure without data, as a page draws it first."""
    figure = empty().update_layout(title=None, margin={"t": MARGIN_TOP})
    for trace in MAPS:
        # the page paints the cells, plotly would take ten times as long; one unseen cell keeps the colour bar
        figure.data[trace].update(z=[[0]], opacity=0)
    plain: dict[str, Any] = listed(figure.to_plotly_json())
    return plain | {"config": {**config(), "responsive": False, "displayModeBar": False, "doubleClick": False}}


def _said(picture: Picture, lists: list[list[str]]) -> dict[str, int]:
    """What columns, rows and cells are, each text list once."""
    rows, columns = picture.cells.shape
    across = [picture.across.label(cell) for cell in range(columns)]
    down = [picture.down.label(cell) for cell in range(rows)]
    texts = {"across": across, "down": down, "said": picture.spoken}
    return {name: _place(lists, said) for name, said in texts.items()}


def _place(lists: list[list[str]], texts: list[str]) -> int:
    if texts not in lists:
        lists.append(texts)
    return lists.index(texts)


def listed(value: Any) -> Any:
    """Tuples and arrays as lists, as JSON has them."""
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [listed(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
