"""Ready settings by scale: smoke (tests), demo (digits, a minute), small (CIFAR-10-sized) and paper."""

from lthkit.scales.settings import names, settings
from lthkit.scales.transfers import levels, masks_beside, source_ticket, transfer_settings

__all__ = ["levels", "masks_beside", "names", "settings", "source_ticket", "transfer_settings"]
