"""Linear mode connectivity: the error along the straight line between two trained networks, and its barrier."""

from lthkit.connectivity.barriers import between_rounds, instability
from lthkit.connectivity.copies import Copy, trained_copies
from lthkit.connectivity.path import barrier, error_along
from lthkit.connectivity.stability import stability_table

__all__ = ["Copy", "barrier", "between_rounds", "error_along", "instability", "stability_table", "trained_copies"]
