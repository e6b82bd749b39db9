"""What a place in the picture stands for: what a click there chooses, and what is said of it."""

from typing import Any

from lthkit.explorer.choices import Choices
from lthkit.explorer.model import Model
from lthkit.explorer.pictures import picture
from lthkit.plots.titles import hover, shown


def chosen(model: Model, choices: Choices, row: int, column: int) -> dict[str, Any]:
    """Fields of ``Choices`` that a click on a cell of the picture changes, as its axes say."""
    drawn = picture(model, choices)
    picks = drawn.down.picks(row) | drawn.across.picks(column)
    kernel = picks.pop("output", choices.kernel[0]), picks.pop("input", choices.kernel[1])
    return picks if kernel == choices.kernel else picks | {"kernel": kernel}


def said(model: Model, choices: Choices, row: int, column: int) -> str:
    """What a cell of the picture stands for, with its number."""
    drawn = picture(model, choices)
    number = f"{shown(drawn.array)[row, column]:.3g}"
    size = drawn.array.attrs.get("kernel_size")
    of = f" of {size}" if size and drawn.array.attrs["units"] != "1" else ""
    return f"{drawn.across.label(column)}, {drawn.down.label(row)}: {hover(drawn.array, number)}{of}"
