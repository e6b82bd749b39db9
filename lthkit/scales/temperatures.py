"""The temperature study: one pruning under each temperature, from one stored mask (Chen et al. 2021, Table 2)."""

from collections.abc import Sequence
from pathlib import Path

from lthkit.errors import LthkitError
from lthkit.scales.configure import nested
from lthkit.scales.scale import Changes
from lthkit.search import SearchConfig, config_of, find_ticket
from lthkit.store import Store, StoreLike, as_store


def temperature_tickets(
    source: StoreLike,
    temperatures: Sequence[float],
    folder: str | Path,
    *,
    round: int = 5,
    changes: Changes | None = None,
) -> dict[float, Store]:
    """Train a contrastive ticket under each temperature and prune it once more.

    Table 2 takes the mask of 67.23 % (round 5 at the usual rate) to 73.79 % under temperatures of 0.1 to 20.

    Args:
        source: the search of a task with a temperature (``simclr``, ``moco``), with pre-trained weights.
        temperatures: each > 0.
        folder: gets ``temperature-<τ>.zarr``; what is there already is not searched again.
        round: whose mask each begins with.
        changes: dotted key → value, of all these trainings.

    Returns:
        temperature → the search, whose last round is ``round + 1``.

    Raises:
        LthkitError: if the source has no such round or its task no temperature, and as ``find_ticket``.
    """
    store = as_store(source)
    config = config_of(store)
    if not 0 <= round <= store.rounds:
        raise LthkitError(f"{store.path} has no round {round}; choose one of 0…{store.rounds}")
    return {
        temperature: find_ticket(
            _once_more(config, store, round, temperature, changes), Path(folder) / f"temperature-{temperature:g}.zarr"
        )
        for temperature in temperatures
    }


def _once_more(
    config: SearchConfig, store: Store, round: int, temperature: float, changes: Changes | None
) -> SearchConfig:
    """One pruning from a stored mask and the source's own starting weights, under another temperature."""
    own: Changes = {
        "task.options.temperature": temperature,
        "model.checkpoint": None,
        "pruning.rounds": 1,
        "mask": f"{store.path}@{round}",
        "weights": {"kind": "pretrained"},
    }
    return SearchConfig.parse(nested(config.plain() | own | (changes or {})), f"temperature of {store.path}")
