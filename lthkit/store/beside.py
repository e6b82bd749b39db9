"""The files of a search: ``NAME.zarr`` has ``NAME.weights/`` and, while it works, ``NAME.state``."""

from pathlib import Path
from typing import Literal

from lthkit.store.read import Store, StoreLike


def state_file(store: Path) -> Path:
    """Training state from which an unfinished search goes on."""
    return store.with_suffix(".state")


def start_file(store: Path) -> Path:
    """The starting weights: the whole state before the first step."""
    return store.with_suffix(".weights") / "start.safetensors"


def rewind_file(store: Path) -> Path:
    """The state after k steps of the first round, if the search rewinds there."""
    return store.with_suffix(".weights") / "rewind.safetensors"


def trained_file(store: StoreLike, round: int, which: Literal["best", "last"] = "best") -> Path:
    """The weights trained in ``round``: where validation was best, or at the end of the training."""
    path = store.path if isinstance(store, Store) else Path(store)
    return path.with_suffix(".weights") / f"round-{round:03d}-{which}.safetensors"
