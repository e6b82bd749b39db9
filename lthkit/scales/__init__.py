"""Ready settings by scale, as data: smoke (tests), demo (digits, a minute), small (CIFAR-10-sized) and paper."""

from lthkit.scales.configure import configure
from lthkit.scales.scale import STAGES, Changes, Scale, TransferSet, find_scale, scale_names
from lthkit.scales.temperatures import temperature_tickets
from lthkit.scales.transfers import source_ticket, target_ticket, transfer_configs

__all__ = [
    "STAGES",
    "Changes",
    "Scale",
    "TransferSet",
    "configure",
    "find_scale",
    "scale_names",
    "source_ticket",
    "target_ticket",
    "temperature_tickets",
    "transfer_configs",
]
