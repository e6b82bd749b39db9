"""The tables behind the explorer's figure."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from lthkit.analysis.masks.searches import layer_labels
from lthkit.errors import LthkitError
from lthkit.explorer.choices import COMPARING, Choices
from lthkit.explorer.layers import counts_of_kernels, left_by_channel
from lthkit.explorer.model import Model


def layers(model: Model, choices: Choices) -> pd.DataFrame:
    """What is counted in each layer at the chosen round, a row each: counted, of how many, share, share by chance."""
    counts = model.counts(choices)
    labels = layer_labels({name: model.searches[choices.a].codes[name].shape for name in counts.layers})
    columns = {"layer": counts.layers, "block": labels["block"][1], "kernel": labels["kernel"][1]}
    columns |= {"counted": counts.counted, "of": counts.units, "share": counts.share}
    return pd.DataFrame(columns | ({"by chance": counts.chance} if np.isfinite(counts.chance).any() else {}))


def picture(model: Model, choices: Choices) -> pd.DataFrame:
    """The numbers of the picture: pairs of rounds, rounds of layers or channels, kernels, or a map's cells."""
    layer = model.layer(choices)
    if choices.view == "overlap":
        return _pairs(model, choices)
    if choices.view == "density":
        return _densities(model, choices, layer)
    if layer:
        return _kernels(model, choices, layer)
    return _cells(model, choices)


def kernel(model: Model, choices: Choices) -> pd.DataFrame:
    """When each weight of the chosen kernel died in a, and in b where two are compared; empty if it is left."""
    layer = model.layer(choices)
    if layer is None:
        return pd.DataFrame(columns=["row", "column"])
    columns: dict[str, np.ndarray] = {}
    for name in dict.fromkeys((choices.a, choices.b) if choices.view in COMPARING else (choices.a,)):
        if name is not None:
            codes = model.weights(name, layer, choices.kernel)
            columns |= dict(zip(("row", "column"), (axis.ravel() for axis in np.indices(codes.shape)), strict=True))
            died = np.where(codes > model.searches[name].rounds, "left", codes.astype(str))
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


def _pairs(model: Model, choices: Choices) -> pd.DataFrame:
    assert choices.b is not None
    counts = model.overlap(choices.a, choices.b).sel(layer=model.scoped(choices))
    keys = ("intersection", "union", "expected")
    both, union, expected = (counts[key].values.sum(axis=0) for key in keys)
    rounds = (axis.ravel() for axis in np.indices(both.shape))
    columns = dict(zip((f"round of {choices.a}", f"round of {choices.b} "), rounds, strict=True))
    columns |= {"left in both": both.ravel(), "left in either": union.ravel()}
    with np.errstate(invalid="ignore"):
        by_chance = expected / (both + union - expected)
        return pd.DataFrame(columns | {"overlap": (both / union).ravel(), "by chance": by_chance.ravel()})


def _densities(model: Model, choices: Choices, layer: str | None) -> pd.DataFrame:
    rounds = [f"round {place}" for place in range(model.searches[choices.a].rounds + 1)]
    if layer:
        shares = left_by_channel(model.searches[choices.a], layer)
        return pd.DataFrame(shares, columns=rounds).rename_axis("output channel").reset_index()
    kept = model.kept(choices.a).sel(layer=model.scoped(choices)).values
    frame = pd.DataFrame(kept / kept[:, :1], columns=rounds)
    frame.insert(0, "layer", model.scoped(choices))
    return frame


def _kernels(model: Model, choices: Choices, layer: str) -> pd.DataFrame:
    counts, size = counts_of_kernels(model, choices, layer)
    output, place = (axis.ravel() for axis in np.indices(counts.shape))
    columns = {"output": output, "input": place}
    if choices.view == "zero":
        return pd.DataFrame(columns | {"completely zero": counts.ravel() > 0})
    return pd.DataFrame(columns | {"weights": counts.ravel(), "of": size})


def _cells(model: Model, choices: Choices) -> pd.DataFrame:
    stack = model.stack(choices)
    shares = stack.values[choices.round].T / 1000
    rows = shares.shape[1]
    columns = {key: np.repeat(stack[key].values, rows) for key in ("layer", "first_input", "last_input")}
    columns["outputs from (%)"] = np.tile(100 * np.arange(rows) / rows, len(shares))
    return pd.DataFrame(columns | {"share": shares.ravel()})
