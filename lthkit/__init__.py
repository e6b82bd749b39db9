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
    "data",
    "display",
    "masks",
    "models",
    "plots",
    "scales",
    "search",
    "store",
    "tasks",
    "train",
)
_NAMES = {
    "LthkitError": "errors",
    "SearchConfig": "search",
    "curve": "analysis",
    "enter_project": "catalog",
    "find_ticket": "search",
    "kernels_left": "analysis",
    "layer_density": "analysis",
    "load_catalog": "catalog",
    "open_store": "store",
    "save": "plots",
    "settings": "scales",
    "show": "display",
    "trained_file": "search",
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
