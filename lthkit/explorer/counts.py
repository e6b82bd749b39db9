"""What a view counts in each layer at one round, and what it would count by chance."""

from dataclasses import dataclass

import numpy as np

from lthkit.explorer.choices import ALL


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


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
