"""Titles and hover texts from what the arrays say of themselves: ``long_name`` and ``units``."""

from textwrap import wrap

import numpy as np
import xarray as xr

from lthkit.errors import LthkitError

BAR_WIDTH = 12


def title(array: xr.DataArray) -> str:
    """Of an axis: long name and unit; fractions are shown in %, a unit that the name already has is left out."""
    name, unit = name_and_units(array)[0], unit_of(array)
    return f"{name} ({unit})" if unit and unit not in name else name


def bar_title(array: xr.DataArray, width: int = BAR_WIDTH) -> str:
    """Of a colour bar, whose ticks have the unit: the long name in lines of ``width`` letters."""
    name, units = name_and_units(array)
    size = array.attrs.get("kernel_size", 1) if units == "weights" else 1
    name += f" (of {size})" if size > 1 else ""
    return "<br>".join(wrap(name, width, break_long_words=False))


def hover(array: xr.DataArray, number: str = "%{customdata:.3g}") -> str:
    """What a mark says of its number, which is that of ``shown``."""
    name, unit = name_and_units(array)[0], unit_of(array)
    return f"{name}: {number} {unit}" if unit and unit not in name else f"{name}: {number}"


def shown(array: xr.DataArray) -> np.ndarray:
    """The numbers of an array in the unit that figures use."""
    return np.asarray(100 * array.values if unit_of(array) == "%" else array.values)


def unit_of(array: xr.DataArray) -> str:
    """The unit that figures use: % for fractions, none for ratios and plain numbers."""
    _, units = name_and_units(array)
    if units != "1":
        return units
    return "%" if array.dtype.kind == "f" and array.name != "times_chance" else ""


def name_and_units(array: xr.DataArray) -> tuple[str, str]:
    """Long name and units of an array.

    Raises:
        LthkitError: if it does not say them.
    """
    try:
        return str(array.attrs["long_name"]), str(array.attrs["units"])
    except KeyError as missing:
        raise LthkitError(
            f"array '{array.name}' does not say its {missing.args[0]}; draw what lthkit.analysis gives, or set "
            "the attributes long_name and units"
        ) from None
