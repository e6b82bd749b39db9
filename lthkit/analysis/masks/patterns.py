"""Single kernels: when each of their weights died."""

from collections.abc import Sequence
from math import prod

import numpy as np
import xarray as xr

from lthkit.analysis.labels import labelled
from lthkit.analysis.masks.density import checked
from lthkit.analysis.masks.searches import Searched
from lthkit.codes import SURVIVOR
from lthkit.errors import LthkitError


def kernel_patterns(
    searched: Searched, layer: str, output: int = 0, kernels: Sequence[tuple[int, int]] | None = None
) -> xr.DataArray:
    """When each weight of some kernels died: uint8 codes, dimensions (kernel, height, width), survivors 255.

    Args:
        searched: the search.
        layer: name of the parameter.
        output: all kernels of this output channel.
        kernels: instead, these pairs of output and input channel.

    Returns:
        Codes with the labels ``output`` and ``input`` of each kernel; attributes ``layer``, ``rounds``, ``name``. A
        linear layer has kernels of 1×1, a 1-D convolution of 1×k; of a 3-D one the planes stand below each other.

    Raises:
        StoreError: if there is no such layer.
        LthkitError: naming a kernel that there is not.
    """
    search = checked(searched, layer)
    code = search.codes[layer]
    out, inner = code.shape[0], code.shape[1]
    pairs = [(output, place) for place in range(inner)] if kernels is None else [tuple(pair) for pair in kernels]
    for pair in pairs:
        if not (0 <= pair[0] < out and 0 <= pair[1] < inner):
            raise LthkitError(f"'{layer}' has {out} × {inner} kernels (output × input), so no kernel {pair}")
    outputs, inputs = np.array([pair[0] for pair in pairs], int), np.array([pair[1] for pair in pairs], int)
    shape = (prod(code.shape[2:-1]), code.shape[-1]) if code.ndim > 2 else (1, 1)
    chosen = code[outputs, inputs].reshape(len(pairs), *shape)
    chosen = np.where(chosen > search.rounds, SURVIVOR, chosen).astype(np.uint8)
    coords = {"output": ("kernel", outputs), "input": ("kernel", inputs)}
    attrs = {"layer": layer, "rounds": search.rounds, "name": search.name}
    return labelled(xr.DataArray(chosen, coords, ("kernel", "height", "width"), "pruned_at", attrs))
