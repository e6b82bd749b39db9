"""The explorer without its controls: searches in memory and everything by round, each made once from the codes."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import xarray as xr

from lthkit import analysis
from lthkit.analysis.labels import labelled
from lthkit.analysis.masks.histograms import histogram, kernel_codes, left
from lthkit.analysis.masks.searches import Search, common_layers
from lthkit.errors import LthkitError

MAPS_KEPT = 8
Layers = tuple[str, ...]


class Model:
    """Searches by name, and tables of them; every table has all rounds and is made when first asked.

    Args:
        searches: at least one.

    Raises:
        LthkitError: if there is none.
    """

    def __init__(self, searches: Mapping[str, Search]) -> None:
        if not searches:
            raise LthkitError("there is nothing to explore; give at least one store")
        self.searches = dict(searches)
        self.shared = lru_cache(None)(self._shared)
        self.kept = lru_cache(None)(self._kept)
        self.zeros = lru_cache(None)(self._zeros)
        self.overlap = lru_cache(MAPS_KEPT)(self._overlap)
        self.pairs = lru_cache(MAPS_KEPT)(self._pairs)
        self.weight_cells = lru_cache(MAPS_KEPT)(self._weight_cells)
        self.zero_cells = lru_cache(MAPS_KEPT)(self._zero_cells)
        self.difference_cells = lru_cache(MAPS_KEPT)(self._difference_cells)
        self.layer_shares = lru_cache(MAPS_KEPT)(self._layer_shares)
        self.channel_shares = lru_cache(MAPS_KEPT)(self._channel_shares)
        self.places = lru_cache(MAPS_KEPT)(self._places)

    def layers(self, name: str) -> list[str]:
        """The layers of a search, in depth order."""
        return list(self.searches[name].codes)

    def rounds(self, name: str) -> int:
        """Prunings made in a search."""
        return self.searches[name].rounds

    def channels(self, name: str, layer: str) -> tuple[int, int]:
        """Output and input channels of a layer."""
        return _pair(self.searches[name].codes[layer].shape)

    def sparsity(self, name: str) -> np.ndarray:
        """Share of the prunable weights removed in each round of a search."""
        return np.asarray(self.kept(name)["sparsity"].values)

    def partners(self, a: str, b: str) -> np.ndarray:
        """The round of b nearest in density to each round of a."""
        apart = np.abs(np.subtract.outer(self.sparsity(a), self.sparsity(b)))
        return apart.argmin(axis=1)

    def weights(self, name: str, layer: str, kernel: tuple[int, int]) -> np.ndarray:
        """When each weight of a kernel died, (height, width)."""
        return np.asarray(analysis.kernel_patterns(self.searches[name], layer, kernels=[kernel]).values[0])

    def _shared(self, a: str, b: str) -> list[str]:
        """The layers of equal name and shape in both."""
        try:
            return common_layers([self.searches[a], self.searches[b]])[0]
        except LthkitError:
            return []

    def _kept(self, name: str) -> xr.DataArray:
        counts = analysis.weights_left(self.searches[name])
        total = counts.values.sum(axis=0)
        return counts.assign_coords(sparsity=("round", 1 - total / total[0]))

    def _zeros(self, name: str) -> xr.Dataset:
        return analysis.zero_kernels(self.searches[name]).sel(unit="kernel", drop=True)

    def _overlap(self, a: str, b: str) -> xr.Dataset:
        return analysis.overlap(self.searches[a], self.searches[b])

    def _pairs(self, a: str, b: str, layers: Layers) -> xr.Dataset:
        return analysis.pooled(self.overlap(a, b).sel(layer=list(layers)))

    def _weight_cells(self, name: str, layers: Layers) -> xr.Dataset:
        return analysis.weight_cells(self.searches[name], layers)

    def _zero_cells(self, name: str, layers: Layers) -> xr.Dataset:
        return analysis.zero_kernel_cells(self.searches[name], layers)

    def _difference_cells(self, a: str, b: str, layers: Layers) -> xr.Dataset:
        return analysis.difference_cells(self.searches[a], self.searches[b], layers, self.partners(a, b).tolist())

    def _layer_shares(self, name: str, layers: Layers) -> xr.Dataset:
        """Share of each layer's weights left in each round: ``density`` (layer, round)."""
        kept = self.kept(name).sel(layer=list(layers)).values
        return _by_round("layer", kept / kept[:, :1], {"layer": list(layers)})

    def _channel_shares(self, name: str, layer: str) -> xr.Dataset:
        """Share of each output channel's weights left in each round: ``density`` (out, round)."""
        search = self.searches[name]
        channels = search.codes[layer].reshape(len(search.codes[layer]), -1)
        kept = left(np.stack([histogram(channel, search.rounds) for channel in channels]))
        return _by_round("out", kept / channels.shape[1], {})

    def _places(self, name: str, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """Codes of a layer by place in the kernel, (place, out, in), and the round each kernel is zero from."""
        code = self.searches[name].codes[layer]
        out, inner = _pair(code.shape)
        places = np.ascontiguousarray(np.moveaxis(code.reshape(out, inner, -1), 2, 0))
        return places, kernel_codes(code)


def _pair(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[0], shape[1] if len(shape) > 1 else 1


def _by_round(rows: str, shares: np.ndarray, coords: dict[str, list[str]]) -> xr.Dataset:
    array = {"density": ((rows, "round"), shares)}
    return labelled(xr.Dataset(array, coords | {"round": np.arange(shares.shape[1])}, {"cell": "a cell is one round"}))
