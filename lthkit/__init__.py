"""lthkit: lottery tickets in pre-trained vision models, found, stored and looked at.

Every room is a submodule (see the README's map). The names below, and the rooms themselves, are loaded on first
use, so that importing lthkit costs hardly more than importing torch.
"""

from importlib import import_module
from typing import Any

_ROOMS = (
    "analysis",
    "batch",
    "catalog",
    "controls",
    "data",
    "display",
    "exchange",
    "explorer",
    "housekeeping",
    "masks",
    "models",
    "papers",
    "plots",
    "scales",
    "search",
    "store",
    "tasks",
    "train",
    "transfer",
)
_NAMES = {
    "LthkitError": "errors",
    "agreement": "analysis",
    "SearchConfig": "search",
    "curve": "analysis",
    "collect": "transfer",
    "enter_project": "catalog",
    "explore": "explorer",
    "export_ticket": "exchange",
    "find_ticket": "search",
    "import_masks": "exchange",
    "kernels_left": "analysis",
    "layer_density": "analysis",
    "like_for_like": "analysis",
    "load_catalog": "catalog",
    "open_store": "store",
    "overlap": "analysis",
    "overlaps": "analysis",
    "removable_channels": "analysis",
    "save": "plots",
    "settings": "scales",
    "show": "display",
    "source_ticket": "scales",
    "trained_file": "search",
    "transfer_many": "transfer",
    "transfer_settings": "scales",
    "verdict_table": "analysis",
    "zero_kernels": "analysis",
}

__all__ = [*_ROOMS, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f"lthkit.{_NAMES[name]}"), name)
    if name in _ROOMS:
        return import_module(f"lthkit.{name}")
    raise AttributeError(f"module 'lthkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
