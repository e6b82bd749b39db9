"""The tables behind the explorer's figure."""

from collections.abc import Callable
from html import escape

import numpy as np
import pandas as pd

from lthkit.analysis.masks.cells import PERMILLE
from lthkit.analysis.masks.searches import layer_labels
from lthkit.errors import LthkitError
from lthkit.explorer.choices import Choices
from lthkit.explorer.look import look
from lthkit.explorer.model import Model
from lthkit.explorer.pictures import arrays

MOST_ROWS = 200


def layers(model: Model, choices: Choices) -> pd.DataFrame:
    """What is counted in each layer at the chosen round, a row each: counted, of how many, share, share by chance."""
    view, scene = look(model, choices)
    counts = view.counts(scene)
    labels = layer_labels({name: model.searches[scene.a].codes[name].shape for name in counts.layers})
    columns = {"layer": counts.layers, "block": labels["block"][1], "kernel": labels["kernel"][1]}
    columns |= {"counted": counts.counted, "of": counts.units, "share": counts.share}
    return pd.DataFrame(columns | ({"by chance": counts.chance} if np.isfinite(counts.chance).any() else {}))


def picture(model: Model, choices: Choices) -> pd.DataFrame:
    """The numbers of the picture, a row a cell: its place and labels, and its number (‰ as a share)."""
    made = arrays(model, choices)
    shares = {name: array / 1000 for name, array in made.items() if array.attrs["units"] == PERMILLE}
    return made.assign(shares).to_dataframe().reset_index()


def kernel(model: Model, choices: Choices) -> pd.DataFrame:
    """When each weight of the chosen kernel died in a, and in b where two are compared; empty if it is left."""
    _, scene = look(model, choices)
    if scene.layer is None:
        return pd.DataFrame(columns=["row", "column"])
    columns: dict[str, np.ndarray] = {}
    for name in dict.fromkeys(name for name in (scene.a, scene.b) if name is not None):
        codes = model.weights(name, scene.layer, scene.kernel)
        columns |= dict(zip(("row", "column"), (axis.ravel() for axis in np.indices(codes.shape)), strict=True))
        died = np.where(codes > model.rounds(name), "left", codes.astype(str))
        columns[f"{name}: died in round"] = died.ravel()
    return pd.DataFrame(columns)


TABLES: dict[str, Callable[[Model, Choices], pd.DataFrame]] = {"layers": layers, "picture": picture, "kernel": kernel}


def table(model: Model, choices: Choices, name: str) -> pd.DataFrame:
    """One of the tables.

    Raises:
        LthkitError: if there is none of that name.
    """
    if name not in TABLES:
        raise LthkitError(f"there is no table '{name}'; choose from {', '.join(TABLES)}")
    return TABLES[name](model, choices)


def table_html(frame: pd.DataFrame, name: str) -> str:
    """The first rows of a table as a page shows them, and how to have all."""
    more = f" (the first {MOST_ROWS}; all: <code>explorer.table('{escape(name)}')</code>)"
    said = f"{len(frame):,} rows{more if len(frame) > MOST_ROWS else ''}"
    shown = frame.head(MOST_ROWS)
    rows = shown.to_html(index=False, border=0, float_format="{:.4g}".format, na_rep="", classes=["lthkit-table"])
    return f"<p>{said}</p>{rows}"
