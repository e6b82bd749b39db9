"""Latency, size and score of tickets, a row for each ticket, round, batch size and variant."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lthkit.analysis import curve
from lthkit.catalog import Catalog
from lthkit.cutting import TicketNetwork, random_images, ticket_network
from lthkit.errors import LthkitError
from lthkit.search import Kept, config_of
from lthkit.store import Store, StoreLike, as_store, trained_file
from lthkit.timing.latency import interleaved
from lthkit.timing.variants import VARIANTS, Variant, make_variants
from lthkit.train import machine

REPETITIONS = 30
BATCH_SIZES = (1, 32)
_ROUNDS = 3


def time_tickets(
    tickets: Mapping[str, StoreLike] | StoreLike,
    rounds: Sequence[int] | None = None,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    *,
    weights: Kept | None = None,
    names: Sequence[str] = VARIANTS,
    repetitions: int = REPETITIONS,
    device: str = "cpu",
    catalog: Catalog | None = None,
) -> pd.DataFrame:
    """What the tickets of searches gain, measured here; with torch's number of threads.

    Args:
        tickets: a search (store or path), or several by name.
        rounds: whose masks; a third, two thirds and the end of each search by default.
        batch_sizes: images at once.
        weights: as ``cut``; by default those trained in the round where they are kept, else those it started from.
        names: variants, of ``VARIANTS``; those that this machine lacks are left out.
        repetitions: measurements of each, in turns.
        device: where torch works.
        catalog: found from the current folder by default.

    Returns:
        Rows as ``time_network`` gives, with ``ticket``, ``round``, ``sparsity`` (of the prunable weights), ``weights``
        (which), ``score`` and ``metric`` (of the round in its store; the dense network's are those of round 0).

    Raises:
        LthkitError: before anything is timed, on what cannot be used.
    """
    stores = {name: as_store(each) for name, each in _by_name(tickets).items()}
    asked = [(name, store, round) for name, store in stores.items() for round in _rounds(store, rounds)]
    _check(batch_sizes, repetitions, names, device)
    scored = {name: _scores(store) for name, store in stores.items()}
    frames = []
    for name, store, round in asked:
        which = weights or trained_or_start(store, round)
        found = ticket_network(store, round, which, catalog)
        frame = time_network(found, batch_sizes, names=names, repetitions=repetitions, device=device)
        said = {"ticket": name, "round": round, "sparsity": found.said["sparsity"], "weights": which or "trained"}
        scores = scored[name]
        dense = frame["variant"] == "dense"
        frame["score"] = np.where(dense, scores.get(0, np.nan), scores.get(round, np.nan))
        frame["metric"] = scores.get("metric")
        for place, (column, value) in enumerate(said.items()):
            frame.insert(place, column, value)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def time_network(
    found: TicketNetwork,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    *,
    names: Sequence[str] = VARIANTS,
    repetitions: int = REPETITIONS,
    device: str = "cpu",
) -> pd.DataFrame:
    """One network in all variants, each batch size measured in turns.

    Returns:
        Columns ``batch``, ``variant``, ``latency`` (s a batch, median), ``low`` and ``high`` (quartiles), ``ratio``
        (median of the latencies over the dense network's of the same turn), ``ratio_low`` and ``ratio_high`` (its
        quartiles), ``parameters``, ``bytes``, ``multiply_adds`` (of one image), ``repetitions``, ``device`` and
        ``threads``.

    Raises:
        LthkitError: as ``make_variants``; on a device that is not here, a batch size or number of repetitions below 1.
    """
    _check(batch_sizes, repetitions, names, device)
    made = make_variants(found, device, tuple(dict.fromkeys(("dense", *names))))
    like = next(found.network.parameters())
    rows = []
    for batch in batch_sizes:
        images = random_images(batch, found.image_shape, like).to(device)
        with torch.inference_mode():
            calls = {name: partial(each.run, images) for name, each in made.items()}
            seconds = interleaved(calls, repetitions, device)
        for name, each in made.items():
            rows.append(_row(batch, name, each, seconds) | {"repetitions": repetitions, "device": device})
    return pd.DataFrame(rows).assign(threads=torch.get_num_threads())


def named(stores: Sequence[str | Path]) -> dict[str, StoreLike]:
    """Stores by their names, or where those are not all different by the folder and the name."""
    paths = [Path(store) for store in stores]
    for parts in range(1, 1 + max(len(path.resolve().parts) for path in paths)):
        names = ["/".join(path.resolve().with_suffix("").parts[-parts:]) for path in paths]
        if len(set(names)) == len(names):
            return dict(zip(names, paths, strict=True))
    twice = next(path for place, path in enumerate(paths) if path.resolve() in [one.resolve() for one in paths[:place]])
    raise LthkitError(f"'{twice}' is given twice; name each store once")


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """With so many threads of torch, and of what counts them by it; as it is for None.

    Raises:
        LthkitError: on a number below 1.
    """
    if count is not None and count < 1:
        raise LthkitError(f"{count} threads cannot work; give a number from 1 on")
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(count or before)
        yield
    finally:
        torch.set_num_threads(before)


def made_up(network: nn.Module, masks: Mapping[str, Tensor], image_shape: tuple[int, ...]) -> TicketNetwork:
    """Any network with any masks as ``time_network`` takes it."""
    return TicketNetwork(network, dict(masks), image_shape, None, {})


def _row(batch: int, name: str, variant: Variant, seconds: Mapping[str, np.ndarray]) -> dict[str, Any]:
    low, latency, high = np.quantile(seconds[name], [0.25, 0.5, 0.75])
    ratio_low, ratio, ratio_high = np.quantile(seconds[name] / seconds["dense"], [0.25, 0.5, 0.75])
    return {
        **{"batch": batch, "variant": name, "latency": latency, "low": low, "high": high},
        **{"ratio": ratio, "ratio_low": ratio_low, "ratio_high": ratio_high},
        **{"parameters": variant.parameters, "bytes": variant.bytes, "multiply_adds": variant.multiply_adds},
    }


def _by_name(tickets: Mapping[str, StoreLike] | StoreLike) -> Mapping[str, StoreLike]:
    if not isinstance(tickets, Mapping):
        return {as_store(tickets).path.stem: tickets}
    if not tickets:
        raise LthkitError("there is no ticket to time; name a store")
    return tickets


def _rounds(store: Store, rounds: Sequence[int] | None) -> list[int]:
    last = store.rounds
    if rounds is None:
        return sorted({-(-last * part // _ROUNDS) for part in range(1, _ROUNDS + 1)})
    for round in rounds:
        if not 0 <= round <= last:
            raise LthkitError(f"{store.path} has no round {round}; choose of 0 to {last}")
    return list(rounds)


def trained_or_start(store: Store, round: int) -> Kept | None:
    """None, which stands for the weights trained in the round, if they are kept; else ``start``."""
    which: Literal["best", "last"] = "best" if config_of(store).plan.selection == "validation" else "last"
    return None if trained_file(store, round, which).is_file() else "start"


def _scores(store: Store) -> dict[Any, Any]:
    """By round, and the ``metric``; nothing where nothing was scored."""
    if not store.metrics or not store.scored:
        return {}
    scored = curve(store)
    by_round = zip(scored["round"].values.tolist(), scored["score"].values.tolist(), strict=True)
    return {**dict(by_round), "metric": scored.attrs["metric"]}


def _check(batch_sizes: Sequence[int], repetitions: int, names: Sequence[str], device: str) -> None:
    if not batch_sizes or min(batch_sizes) < 1 or repetitions < 1:
        raise LthkitError("batch sizes and repetitions are whole numbers from 1 on; give others")
    for name in names:
        if name not in VARIANTS:
            raise LthkitError(f"there is no variant '{name}'; choose of {'; '.join(VARIANTS)}")
    machine.check_device(device)
