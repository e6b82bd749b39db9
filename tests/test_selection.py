import math

import numpy as np
import pytest

from lthkit.selection import best

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("values", "highest", "lowest"),
    [
        ([0.5, 0.7, 0.7, 0.2, 0.2], 1, 3),  # the first of equals
        ([NAN, 0.5, 0.6], 2, 1),  # a first NaN does not stand as the best
        ([0.5, NAN, 0.6, NAN], 2, 0),
        ([INF, -INF, 0.5, 0.6], 3, 2),
        ([-0.0, 0.0], 0, 0),
        ([NAN, INF, -INF], None, None),
        ([], None, None),
    ],
)
def test_the_first_of_the_finite_best_counts(values, highest, lowest):
    for given in (values, np.array(values)):
        assert best(given, True) == highest
        assert best(given, False) == lowest


def test_against_numpy_on_random_values():
    values = np.random.default_rng(0).integers(0, 5, (50, 7)).astype(float)
    values[values == 4] = NAN
    for row in values[np.isfinite(values).any(axis=1)]:
        assert best(row, True) == np.nanargmax(row)
        assert best(row, False) == np.nanargmin(row)
