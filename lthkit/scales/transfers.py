"""Sources and sets of trainings of a scale, as the transfer notebooks use them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from lthkit.controls import read_recipe
from lthkit.errors import LthkitError
from lthkit.scales.configure import configure, parse_changed
from lthkit.scales.scale import Changes, find_scale
from lthkit.search import SearchConfig, Weights, config_of, find_ticket
from lthkit.store import Store, open_store, trained_file

_MOST_ROUNDS = 6
_SHARE = 0.05


def source_ticket(
    scale: str,
    folder: str | Path,
    seed: int = 0,
    changes: Changes | None = None,
    stage: Literal["source", "backbone"] = "source",
) -> Store:
    """A ticket for the source task from pre-trained weights (mP, θp), made in ``folder`` or found there.

    Args:
        scale: one of ``scale_names()``.
        folder: gets ``ticket.zarr`` and, unless scale or changes name a checkpoint, ``pretrain.zarr``, whose trained
            weights are θp.
        seed: of the pre-training and the search.
        changes: dotted key → value, of both.
        stage: ``backbone`` for a ticket that detection or segmentation is to take over.
    """
    folder, shared = Path(folder), {"seed": seed} | (changes or {})
    pretraining = configure(scale, stage, shared | {"pruning.rounds": 0})
    checkpoint = pretraining.model.checkpoint
    if checkpoint is None:
        find_ticket(pretraining, folder / "pretrain.zarr")
        checkpoint = str(trained_file(folder / "pretrain.zarr", 0, "best"))
    known = find_scale(scale)
    rounds: Changes = {"pruning.rounds": known.stage(stage).get("pruning.rounds", known.transfer.source_rounds)}
    ticket = configure(scale, stage, rounds | shared | {"model.checkpoint": checkpoint})
    return find_ticket(ticket, folder / "ticket.zarr")


def transfer_configs(
    scale: str,
    source: str | Path,
    *,
    rounds: Sequence[int] | None = None,
    masks: Sequence[str] | None = None,
    weights: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    other: str | Path | None = None,
    changes: Changes | None = None,
    keep: int | None = None,
) -> list[SearchConfig]:
    """All trainings of a comparison on the scale's target: dense, ticket and controls, from each start, for each seed.

    The network is the source's; task, data and plan are the scale's target.

    Args:
        scale: one of ``scale_names()``.
        source: store of the search that found the ticket.
        rounds: of the source; about six of them evenly by default, the last among them.
        masks: kinds beside dense and ticket, with an argument where they take one: ``flip 0.2``,
            ``one_shot_start pretrained``; set operations take the same round of ``other``.
        weights: starts: ``pretrained``, ``random``, ``source``, ``redrawn``, ``rewound 0.05`` (a share) or
            ``rewound 100`` (steps).
        seeds: training seeds; random masks are drawn anew for each.
        other: store of a second ticket, for ``union``, ``intersection`` and ``difference``.
        changes: dotted key → value, e.g. ``{"model.freeze": "body", "model.hidden": 100}`` (Mehta 2019, §3.1). Nothing
            is pruned here: ``pruning.rounds`` of a search that takes the same changes does not count.
        keep: a round at which, and of the dense network, the weights trained from the first start with the first seed
            are kept (for ``predict``); none by default.

    Raises:
        LthkitError: on what is unknown or does not fit together.
    """
    known, store = find_scale(scale).transfer, open_store(source)
    target = _target(scale, config_of(store), {**(changes or {}), "pruning.rounds": 0})
    chosen = list(rounds) if rounds is not None else _evenly(store.rounds)
    kinds = ["ticket", *(known.masks if masks is None else masks)]
    cases = [("dense", 0), *((kind, round) for kind in kinds for round in chosen)]
    configs = []
    starts, runs = list(weights or known.weights), list(seeds or known.seeds)
    for start in starts:
        for kind, round in cases:
            for seed in runs:
                recipe = read_recipe(kind, source=str(source), round=round, seed=seed, other=other and str(other))
                own = {"mask": recipe.plain(), "weights": _weights(start), "seed": seed}
                if keep is not None and (start, seed) == (starts[0], runs[0]) and round in (0, keep):
                    own["keep_weights"] = "ends"
                configs.append(SearchConfig.parse(target | own, f"transfer at scale '{scale}'"))
    return configs


def target_ticket(
    scale: str,
    source: str | Path,
    path: str | Path,
    *,
    seed: int = 0,
    changes: Changes | None = None,
    weights: str = "pretrained",
) -> Store:
    """A ticket found on the target itself, from the pre-trained weights of the source (mT, θp) or from others.

    Args:
        scale: one of ``scale_names()``.
        source: store of a search, whose network and starting weights are taken.
        path: of the store to be made, or found finished.
        seed: of the search.
        changes: dotted key → value.
        weights: a start, as in ``transfer_configs``: ``random`` finds (mT, θ0), ``rewound 0.05`` (mT, θ5%).
    """
    rounds: Changes = {"pruning.rounds": find_scale(scale).stage("target", changes).get("pruning.rounds")}
    target = _target(scale, config_of(open_store(source)), rounds | (changes or {}))
    own = {"weights": _weights(weights) | {"store": str(source)}, "seed": seed, "keep_weights": "ends"}
    return find_ticket(SearchConfig.parse(target | own, f"target at scale '{scale}'"), path)


def _target(scale: str, source: SearchConfig, changes: Changes | None) -> dict[str, Any]:
    """The scale's target with the source's network, its weights to be named."""
    network = {f"model.{key}": value for key, value in source.model.plain().items()}
    settings = find_scale(scale).stage("target", changes)
    kept = {key: value for key, value in settings.items() if not key.startswith("model.")}
    once: Changes = {"model.checkpoint": None, "pruning.rounds": 0, "keep_weights": "none"}
    return parse_changed(kept | network | once, changes, f"transfer at scale '{scale}'").plain()


def _evenly(last: int) -> list[int]:
    if last < 1:
        raise LthkitError("the source search has no round to transfer; give one of at least one pruning")
    count = min(last, _MOST_ROUNDS)
    return sorted({round(last * (place + 1) / count) for place in range(count)})


def _weights(text: str) -> dict[str, Any]:
    kind, _, argument = text.partition(" ")
    values: dict[str, Any] = {"kind": kind}
    if kind == "rewound":
        point = _number(argument or str(_SHARE), text)
        values |= {"share": point} if point < 1 else {"step": int(point)}
    elif kind == "source" and argument:
        values["which"] = argument
    elif argument:
        raise LthkitError(f"weights '{text}' take no '{argument}'; remove it")
    return Weights.parse(values, f"weights '{text}'").plain()


def _number(text: str, owner: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise LthkitError(f"'{owner}' needs a number, not '{text}'; write e.g. rewound 0.05") from None
