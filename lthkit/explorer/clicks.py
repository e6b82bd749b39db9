"""What a place in the picture stands for: what a click there chooses, and what is said of it."""

from typing import Any

from lthkit.explorer.choices import Choices
from lthkit.explorer.look import look, window_around
from lthkit.explorer.model import Model
from lthkit.explorer.pictures import Picture, picture, pictures
from lthkit.plots.titles import hover, shown


def chosen(model: Model, choices: Choices, row: int, column: int) -> dict[str, Any]:
    """Fields of ``Choices`` that a click on a cell of the picture changes, as its axes say."""
    drawn = picture(model, choices)
    picks = drawn.down.picks(row) | drawn.across.picks(column)
    narrow = picks.pop("narrow", False)
    kernel = picks.pop("output", choices.kernel[0]), picks.pop("input", choices.kernel[1])
    if kernel != choices.kernel:
        picks["kernel"] = kernel
    # a tile of many kernels opens: its single kernels are shown with those around
    return picks | ({"window": window_around(look(model, choices)[1].channels, kernel)} if narrow else {})


def said(model: Model, choices: Choices, row: int, column: int) -> str:
    """What a cell of the pictures stands for, with its number in each."""
    drawn = pictures(model, choices)
    first = drawn[0]
    where = f"{first.across.label(column)}, {first.down.label(row)}"
    if len(drawn) == 1:
        return f"{where}: {_number(first, row, column)}"
    there = [one for one in drawn if column < one.array.shape[1]]
    return f"{where}: " + "; ".join(f"{one.name} {_number(one, row, column)}" for one in there)


def _number(drawn: Picture, row: int, column: int) -> str:
    number = f"{shown(drawn.array)[row, column]:.3g}"
    size = drawn.array.attrs.get("kernel_size")
    of = f" of {size}" if size and drawn.array.attrs["units"] != "1" else ""
    return f"{hover(drawn.array, number)}{of}"
