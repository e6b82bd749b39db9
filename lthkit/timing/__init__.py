"""What a ticket gains in time and size: dense, masked and cut networks, and sparse kernels, timed beside each other."""

from lthkit.timing.latency import interleaved
from lthkit.timing.table import made_up, named, threads, time_network, time_tickets, trained_or_start
from lthkit.timing.variants import VARIANTS, Variant, make_variants

__all__ = [
    "VARIANTS",
    "Variant",
    "interleaved",
    "made_up",
    "make_variants",
    "named",
    "threads",
    "time_network",
    "time_tickets",
    "trained_or_start",
]
