"""Sources and sets of trainings of a scale, as the transfer notebooks use them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lthkit.controls import read_recipe
from lthkit.errors import LthkitError
from lthkit.scales.settings import Values, names, settings
from lthkit.search import find_ticket, trained_file
from lthkit.store import Store, open_store
from lthkit.transfer import Head, TransferConfig, Weights

_MOST_ROUNDS = 6
_SHARE = 0.05
# (rounds of a source, weights, masks of a curve, masks beside each other, seeds, levels of one layer)
_SETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "source": 2,
        "weights": ["pretrained", "random"],
        "masks": ["layer_random"],
        "beside": ["complement", "flip", "other_complement"],
        "seeds": [0],
        "levels": [0.5, 0.9],
    },
    "demo": {
        "source": 12,
        "weights": ["pretrained", "random", f"rewound {_SHARE}"],
        "masks": ["layer_random"],
        "beside": None,
        "seeds": [0, 1, 2],
        "levels": [0.5, 0.8, 0.95],
    },
}
_SETS["small"] = _SETS["demo"] | {"source": 8, "seeds": [0, 1, 2]}
_SETS["paper"] = _SETS["demo"] | {"source": 18}
_BESIDE = [
    "complement",
    "other_ticket",
    "other_complement",
    "random",
    "layer_random",
    "layer_shuffled",
    "flip",
    "swap",
    "one_shot_start pretrained",
    "one_shot_trained source",
    "union",
    "intersection",
    "difference",
]


def source_ticket(scale: str, folder: str | Path, seed: int = 0) -> Store:
    """A ticket for the source task from its own pre-trained weights (mP, θp), made in ``folder`` or found there.

    Args:
        scale: one of ``names()``.
        folder: gets ``pretrain.zarr`` and ``ticket.zarr``.
        seed: of the pre-training and the search.
    """
    folder = Path(folder)
    shared = {"seed": seed}
    find_ticket(settings(scale, "source", shared), folder / "pretrain.zarr")
    checkpoint = str(trained_file(folder / "pretrain.zarr", 0, "best"))
    changes = shared | {"pruning.rounds": _set(scale)["source"], "model.checkpoint": checkpoint}
    return find_ticket(settings(scale, "source", changes), folder / "ticket.zarr")


def transfer_settings(
    scale: str,
    source: str | Path,
    *,
    rounds: Sequence[int] | None = None,
    masks: Sequence[str] | None = None,
    weights: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    other: str | Path | None = None,
    changes: Values | None = None,
    freeze: str = "none",
    hidden: int | None = None,
) -> list[TransferConfig]:
    """All trainings of a comparison on the scale's target: dense, ticket and controls, from each start, for each seed.

    Args:
        scale: one of ``names()``; gives data and plan of the target.
        source: store of the search that found the ticket.
        rounds: of the source; about six of them evenly by default, the last among them.
        masks: kinds beside dense and ticket, with an argument where they take one: ``flip 0.2``,
            ``one_shot_start pretrained``; kinds made of two tickets take the same round of ``other``.
        weights: starts: ``pretrained``, ``random``, ``source``, ``redrawn``, ``rewound 0.05`` (a share) or
            ``rewound 100`` (steps).
        seeds: training seeds; random masks are drawn anew for each.
        other: store of a second ticket, for the kinds made of two.
        changes: dotted key → value of the target's settings, as for ``settings``.
        freeze: ``none`` or ``body``.
        hidden: width of a two-layer head.

    Raises:
        LthkitError: on what is unknown or does not fit together.
    """
    known = _set(scale)
    target = settings(scale, "target", changes)
    base = {
        "task": target.task.plain(),
        "data": target.data.plain(),
        "plan": target.plan.plain(),
        "head": Head(hidden=hidden).plain(),
        "freeze": freeze,
    }
    chosen = list(rounds) if rounds is not None else _evenly(open_store(source).rounds)
    kinds = ["ticket", *(known["masks"] if masks is None else masks)]
    cases = [("dense", 0), *((kind, round) for kind in kinds for round in chosen)]
    configs = []
    for start in weights or known["weights"]:
        for kind, round in cases:
            for seed in seeds or known["seeds"]:
                mask = read_recipe(kind, source=source, round=round, seed=seed, other=other)
                values = base | {"mask": mask.plain(), "weights": _weights(start), "seed": seed}
                configs.append(TransferConfig.parse(values, f"transfer at scale '{scale}'"))
    return configs


def masks_beside(scale: str) -> list[str]:
    """The kinds of masks that the sensitivity notebook sets beside the ticket."""
    return list(_set(scale)["beside"] or _BESIDE)


def levels(scale: str) -> list[float]:
    """Sparsities of one layer at a time."""
    return list(_set(scale)["levels"])


def _set(scale: str) -> dict[str, Any]:
    if scale not in _SETS:
        raise LthkitError(f"there is no scale '{scale}'; choose one of {', '.join(names())}")
    return _SETS[scale]


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
