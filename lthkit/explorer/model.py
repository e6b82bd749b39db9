"""The explorer without its controls: searches in memory and everything by round, each made once from the codes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import xarray as xr

from lthkit import analysis
from lthkit.analysis.masks.histograms import kernel_codes
from lthkit.analysis.masks.searches import Search, blocks, common_layers
from lthkit.errors import LthkitError
from lthkit.explorer.choices import ALL, COMPARING, VIEWS, Choices, scope_layers, scopes

MAPS_KEPT = 8


@dataclass(frozen=True)
class Counts:
    """What a view counts in each layer at one round; ``units`` is what it is a share of.

    ``expected`` and ``expected_units`` are the same by chance (NaN where a view has no chance level).
    """

    layers: list[str]
    counted: np.ndarray
    units: np.ndarray
    expected: np.ndarray
    expected_units: np.ndarray

    def of(self, layers: list[str]) -> "Counts":
        """Only these layers."""
        rows = [self.layers.index(name) for name in layers]
        return Counts(layers, self.counted[rows], self.units[rows], self.expected[rows], self.expected_units[rows])

    @property
    def share(self) -> np.ndarray:
        """Counted / units, NaN where there is nothing."""
        return _ratio(self.counted, self.units)

    @property
    def chance(self) -> np.ndarray:
        """Expected / expected units, NaN where there is nothing."""
        return _ratio(self.expected, self.expected_units)

    @property
    def total(self) -> "Counts":
        """The sums over layers."""
        sums = (np.array([values.sum()]) for values in (self.counted, self.units, self.expected, self.expected_units))
        return Counts([ALL], *sums)


class Model:
    """Searches by name, and what the explorer shows of them; every table has all rounds and is made when first asked.

    Args:
        searches: at least one.

    Raises:
        LthkitError: if there is none.
    """

    def __init__(self, searches: Mapping[str, Search]) -> None:
        if not searches:
            raise LthkitError("there is nothing to explore; give at least one store")
        self.searches = dict(searches)
        self.shared = lru_cache(None)(self._common)
        self.kept = lru_cache(None)(self._kept)
        self.zeros = lru_cache(None)(self._zeros)
        self.overlap = lru_cache(MAPS_KEPT)(self._overlap)
        self.parts = lru_cache(MAPS_KEPT)(self._parts)
        self.map = lru_cache(MAPS_KEPT)(self._map)
        self.places = lru_cache(MAPS_KEPT)(self._places)

    def views(self, choices: Choices) -> list[str]:
        """The views that there are: those that compare need a second search with a layer in common."""
        compared = choices.b is not None and self.shared(choices.a, choices.b)
        return [view for view in VIEWS if compared or view not in COMPARING]

    def layers(self, choices: Choices) -> list[str]:
        """The layers that the view can show, in depth order."""
        if choices.view in COMPARING and choices.b is not None:
            return self.shared(choices.a, choices.b)
        return list(self.searches[choices.a].codes)

    def scoped(self, choices: Choices) -> list[str]:
        """The layers of the chosen scope."""
        return scope_layers(self.layers(choices), choices.scope)

    def blocks(self, layers: list[str]) -> list[str]:
        """The block of each layer."""
        return blocks(layers)

    def layer(self, choices: Choices) -> str | None:
        """The chosen layer, if the scope is a single one."""
        return choices.scope if choices.scope in self.searches[choices.a].codes else None

    def fitted(self, choices: Choices) -> Choices:
        """The nearest choices that can be shown, after one of them changed."""
        rounds = self.searches[choices.a].rounds
        choices = replace(choices, round=min(max(choices.round, 0), rounds))
        if choices.view not in self.views(choices):
            choices = replace(choices, view="kernels")
        if choices.scope not in scopes(self.layers(choices)):
            choices = replace(choices, scope=ALL)
        out, inner = self.channels(choices)
        output, place = choices.kernel
        return replace(choices, kernel=(min(max(output, 0), out - 1), min(max(place, 0), inner - 1)))

    def channels(self, choices: Choices) -> tuple[int, int]:
        """Output and input channels of the chosen layer; 1 of each if none is chosen."""
        layer = self.layer(choices)
        return _pair(self.searches[choices.a].codes[layer].shape) if layer else (1, 1)

    def stack(self, choices: Choices) -> xr.DataArray:
        """The map of the chosen view and part of the network, all rounds."""
        other = choices.b if choices.view in COMPARING else None
        return self.map(choices.view, choices.a, other, tuple(self.scoped(choices)))

    def sparsity(self, name: str) -> np.ndarray:
        """Share of the prunable weights removed in each round of a search."""
        return np.asarray(self.kept(name)["sparsity"].values)

    def partners(self, a: str, b: str) -> np.ndarray:
        """The round of b nearest in density to each round of a."""
        apart = np.abs(np.subtract.outer(self.sparsity(a), self.sparsity(b)))
        return apart.argmin(axis=1)

    def round_b(self, choices: Choices) -> int:
        """The round of b that is compared."""
        return int(self.partners(choices.a, choices.b)[choices.round]) if choices.b else 0

    def counts(self, choices: Choices) -> Counts:
        """What the view counts in every layer that it can show, at the chosen round."""
        layers = self.layers(choices)
        if choices.view in COMPARING:
            return self._pair_counts(choices, layers)
        if choices.view == "zero":
            zero = self.zeros(choices.a).isel(round=choices.round)
            units = zero["units"].values
            return Counts(layers, zero["counted"].values, units, zero["expected"].values, units)
        kept = self.kept(choices.a)
        counted, units = kept.values[:, choices.round], kept.values[:, 0]
        return Counts(layers, counted, units, np.full(len(layers), np.nan), units)

    def weights(self, name: str, layer: str, kernel: tuple[int, int]) -> np.ndarray:
        """When each weight of a kernel died, (height, width)."""
        return np.asarray(analysis.kernel_patterns(self.searches[name], layer, kernels=[kernel]).values[0])

    def _pair_counts(self, choices: Choices, layers: list[str]) -> Counts:
        assert choices.b is not None
        at = self.overlap(choices.a, choices.b).isel(round_a=choices.round, round_b=self.round_b(choices))
        both, expected, left_a, left_b = (at[key].values for key in ("intersection", "expected", "left_a", "left_b"))
        if choices.view == "overlap":
            return Counts(layers, both, left_a + left_b - both, expected, left_a + left_b - expected)
        base = {"both": 0, "only_a": left_a, "only_b": left_b}[choices.view]
        sign = 1 if choices.view == "both" else -1
        units = at["weights"].values
        return Counts(layers, base + sign * both, units, base + sign * expected, units)

    def _common(self, a: str, b: str) -> list[str]:
        try:
            return common_layers([self.searches[a], self.searches[b]])[0]
        except LthkitError:
            return []

    def _kept(self, name: str) -> xr.DataArray:
        counts = analysis.weights_left(self.searches[name])
        left = counts.values.sum(axis=0)
        return counts.assign_coords(sparsity=("round", 1 - left / left[0]))

    def _zeros(self, name: str) -> xr.Dataset:
        return analysis.zero_kernels(self.searches[name]).sel(unit="kernel", drop=True)

    def _overlap(self, a: str, b: str) -> xr.Dataset:
        return analysis.overlap(self.searches[a], self.searches[b])

    def _map(self, view: str, a: str, b: str | None, layers: tuple[str, ...]) -> xr.DataArray:
        """Shares of a view in cells of these layers, all rounds of a: (round, row, column)."""
        if view == "kernels":
            made = analysis.weight_cells(self.searches[a], layers)
            return made["left"].assign_attrs(made.attrs)
        if view == "zero":
            made = analysis.zero_kernel_cells(self.searches[a], layers)
            return made["zero"].assign_attrs(made.attrs)
        made = self.parts(a, str(b), layers)
        return made[view].assign_attrs(made.attrs)

    def _parts(self, a: str, b: str, layers: tuple[str, ...]) -> xr.Dataset:
        return analysis.difference_cells(self.searches[a], self.searches[b], layers, self.partners(a, b).tolist())

    def _places(self, name: str, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """Codes of a layer by place in the kernel, (place, out, in), and the round each kernel is zero from."""
        code = self.searches[name].codes[layer]
        out, inner = _pair(code.shape)
        places = np.ascontiguousarray(np.moveaxis(code.reshape(out, inner, -1), 2, 0))
        return places, kernel_codes(code)


def _pair(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[0], shape[1] if len(shape) > 1 else 1


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
