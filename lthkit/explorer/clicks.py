"""What a place in the picture stands for: what a click there chooses, and what is said of it."""

from typing import Any

from lthkit.explorer.choices import Choices
from lthkit.explorer.layers import tile_side
from lthkit.explorer.model import Model
from lthkit.explorer.pictures import picture


def chosen(model: Model, choices: Choices, row: int, column: int) -> dict[str, Any]:
    """Fields of ``Choices`` that a click on a cell of the picture changes.

    A cell of a map or of densities chooses its layer; a kernel's cell that kernel (the first of a tile, unless the
    chosen kernel lies in it); an output channel's that channel; a pair of rounds the round of a.
    """
    if choices.view == "overlap":
        return {"round": row}
    layer = model.layer(choices)
    if choices.view == "density":
        return {"kernel": (row, choices.kernel[1]), "round": column} if layer else {"scope": model.scoped(choices)[row]}
    if layer is None:
        return {"scope": _column(model, choices, column)}
    tile = tile_side(model.channels(choices))
    if (choices.kernel[0] // tile, choices.kernel[1] // tile) == (row, column):
        return {}
    return {"kernel": (row * tile, column * tile)}


def said(model: Model, choices: Choices, row: int, column: int) -> str:
    """What a cell of the picture stands for, with its number."""
    drawn = picture(model, choices)
    share = float(drawn.values[row, column] / drawn.whole)
    what = drawn.shade.bar["title"]["text"]
    return f"{drawn.across.label(column)}, {drawn.down.label(row)}: {what} {100 * share:.3g} %"


def _column(model: Model, choices: Choices, column: int) -> str:
    layers = model.scoped(choices)
    return layers[column * len(layers) // model.stack(choices).shape[2]]
