"""Cutting a ticket out: the smaller dense network of the same function."""

from lthkit.cutting.network import Borders, cut_network
from lthkit.cutting.ticket import cut

__all__ = ["Borders", "cut", "cut_network"]
