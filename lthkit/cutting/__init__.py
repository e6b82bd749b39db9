"""Cutting a ticket out: the smaller dense network of the same function."""

from lthkit.cutting.network import FACTS, Borders, cut_network, masked_network
from lthkit.cutting.proof import prove, random_images
from lthkit.cutting.ticket import TicketNetwork, cut, ticket_network

__all__ = [
    "FACTS",
    "Borders",
    "TicketNetwork",
    "cut",
    "cut_network",
    "masked_network",
    "prove",
    "random_images",
    "ticket_network",
]
