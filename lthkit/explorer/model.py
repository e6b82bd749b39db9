"""The explorer without its controls: searches in memory and everything by round, each made once from the codes."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import xarray as xr

from lthkit import analysis
from lthkit.analysis.labels import labelled
from lthkit.analysis.masks.cells import PERMILLE
from lthkit.analysis.masks.histograms import histogram, left
from lthkit.analysis.masks.magnitudes import Magnitudes, magnitudes
from lthkit.analysis.masks.searches import Search, common_layers
from lthkit.analysis.verdicts.samples import Sample
from lthkit.errors import LthkitError
from lthkit.explorer.searches import Subject

MAPS_KEPT = 8
Layers = tuple[str, ...]


class Model:
    """Searches by name, and tables of them; every table has all rounds and is made when first asked.

    Args:
        given: at least one search; or what ``subjects`` makes of searches and controls.
        dense: runs of the dense network, which scores are compared with.

    Raises:
        LthkitError: if there is none.
    """

    def __init__(self, given: Mapping[str, Search | Subject], dense: Sample | None = None) -> None:
        if not given:
            raise LthkitError("there is nothing to explore; give at least one store")
        self.subjects = {name: one if isinstance(one, Subject) else Subject(one) for name, one in given.items()}
        self.searches = {name: subject.search for name, subject in self.subjects.items()}
        self.dense = dense
        self.reach: dict[tuple[str, str, str | None], float] = {}
        self.shared = lru_cache(None)(self._shared)
        self.kept = lru_cache(None)(self._kept)
        self.zeros = lru_cache(None)(self._zeros)
        self.sparsity = lru_cache(None)(self._sparsity)
        self.common = lru_cache(None)(self._common)
        self.partners = lru_cache(None)(self._partners)
        self.curve = lru_cache(None)(self._curve)
        self.magnitudes = lru_cache(MAPS_KEPT)(self._magnitudes)
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

    def inverse(self, name: str) -> bool:
        """Whether it is a complement: what its codes keep is what it lacks."""
        return self.subjects[name].inverse

    def channels(self, name: str, layer: str) -> tuple[int, int]:
        """Output and input channels of a layer."""
        return _pair(self.searches[name].codes[layer].shape)

    def sizes(self, name: str) -> np.ndarray:
        """Weights of each layer."""
        return np.array([code.size for code in self.searches[name].codes.values()])

    def weights(self, name: str, layer: str, kernel: tuple[int, int]) -> np.ndarray:
        """The code of each weight of a kernel, (height, width)."""
        return np.asarray(analysis.kernel_patterns(self.searches[name], layer, kernels=[kernel]).values[0])

    def left(self, name: str, codes: np.ndarray, round: int) -> np.ndarray:
        """Which of these codes of a search are left at a round."""
        return codes <= round if self.inverse(name) else codes > round

    def _sparsity(self, name: str) -> np.ndarray:
        """Share of the prunable weights removed in each round of a search."""
        return np.asarray(self.kept(name)["sparsity"].values)

    def _partners(self, a: str, b: str) -> np.ndarray:
        """The round of b that stands beside each round of a: nearest in density; a control's is that of its search."""
        of_a, of_b = (self.subjects[name].of or name for name in (a, b))
        apart = np.abs(np.subtract.outer(self.sparsity(of_a), self.sparsity(of_b)))
        return apart.argmin(axis=1)

    def _common(self, names: tuple[str, ...]) -> list[str]:
        """The layers of equal name and shape in all of these searches."""
        rest = [set(self.shared(names[0], other)) for other in names[1:]]
        return [layer for layer in self.layers(names[0]) if all(layer in there for there in rest)]

    def _shared(self, a: str, b: str) -> list[str]:
        """The layers of equal name and shape in both."""
        try:
            return common_layers([self.searches[a], self.searches[b]])[0]
        except LthkitError:
            return []

    def _curve(self, name: str) -> xr.Dataset | None:
        return self.subjects[name].curve()

    def _magnitudes(self, name: str, layer: str, round: int) -> Magnitudes | None:
        store, codes = self.subjects[name].store, self.searches[name].codes[layer]
        return None if store is None else magnitudes(store, codes, layer, round)

    def _kept(self, name: str) -> xr.DataArray:
        """Weights left in each layer and round (layer, round), with the whole search's sparsity."""
        counts = analysis.weights_left(self.searches[name])
        size = counts.isel(round=0)
        total = counts.values.sum(axis=0) / int(size.sum())
        if self.inverse(name):
            return (size - counts).transpose(*counts.dims).assign_coords(sparsity=("round", total))
        return counts.assign_coords(sparsity=("round", 1 - total))

    def _zeros(self, name: str) -> xr.Dataset:
        if not self.inverse(name):
            return analysis.zero_kernels(self.searches[name]).sel(unit="kernel", drop=True)
        whole = analysis.weights_left(self._whole_kernels(name))
        nothing = xr.full_like(whole, np.nan, dtype=float)
        return xr.Dataset({"counted": whole, "units": whole.isel(round=0, drop=True), "expected": nothing})

    def _whole_kernels(self, name: str) -> Search:
        """A search of single weights, one a kernel, left as long as the whole kernel is."""
        search = self.searches[name]
        codes = {key: code.reshape(*_pair(code.shape), -1).min(axis=2) for key, code in search.codes.items()}
        return Search(codes, search.rounds, search.name)

    def _overlap(self, a: str, b: str) -> xr.Dataset:
        return analysis.overlap(self.searches[a], self.searches[b])

    def _pairs(self, a: str, b: str, layers: Layers) -> xr.Dataset:
        return analysis.pooled(self.overlap(a, b).sel(layer=list(layers)))

    def _weight_cells(self, name: str, layers: Layers) -> xr.Dataset:
        made = analysis.weight_cells(self.searches[name], layers)
        if not self.inverse(name):
            return made
        rest = (1000 - made["weights_left"]).astype(np.uint16).assign_attrs(made["weights_left"].attrs)
        return made.assign(weights_left=rest)

    def _zero_cells(self, name: str, layers: Layers) -> xr.Dataset:
        if not self.inverse(name):
            return analysis.zero_kernel_cells(self.searches[name], layers)
        whole = analysis.weight_cells(self._whole_kernels(name), layers).rename(weights_left="zero_kernels")
        return labelled(whole, zero_kernels=("completely zero kernels", PERMILLE))

    def _difference_cells(self, a: str, b: str, layers: Layers) -> xr.Dataset:
        return analysis.difference_cells(self.searches[a], self.searches[b], layers, self.partners(a, b).tolist())

    def _layer_shares(self, name: str, layers: Layers) -> xr.Dataset:
        """Share of each layer's weights left in each round: ``density`` (layer, round)."""
        kept = self.kept(name).sel(layer=list(layers)).values
        sizes = np.array([self.searches[name].codes[layer].size for layer in layers])
        return _by_round("layer", kept / sizes[:, None], {"layer": list(layers)})

    def _channel_shares(self, name: str, layer: str) -> xr.Dataset:
        """Share of each output channel's weights left in each round: ``density`` (out, round)."""
        search = self.searches[name]
        channels = search.codes[layer].reshape(len(search.codes[layer]), -1)
        kept = left(np.stack([histogram(channel, search.rounds) for channel in channels])) / channels.shape[1]
        return _by_round("out", 1 - kept if self.inverse(name) else kept, {})

    def _places(self, name: str, layer: str) -> np.ndarray:
        """Codes of a layer by place in the kernel, (place, out, in)."""
        code = self.searches[name].codes[layer]
        return np.ascontiguousarray(np.moveaxis(code.reshape(*_pair(code.shape), -1), 2, 0))


def _pair(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[0], shape[1] if len(shape) > 1 else 1


def _by_round(rows: str, shares: np.ndarray, coords: dict[str, list[str]]) -> xr.Dataset:
    array = {"density": ((rows, "round"), shares)}
    return labelled(xr.Dataset(array, coords | {"round": np.arange(shares.shape[1])}, {"cell": "a cell is one round"}))
