"""The result of a training of zero rounds: one small JSON file, bound by SHA-256 to all that decided its numbers."""

import json
import math
from pathlib import Path
from typing import Any

from lthkit import config as configs
from lthkit.atomic import replacing
from lthkit.errors import LthkitError
from lthkit.search.facts import Facts
from lthkit.selection import best
from lthkit.strict_json import finite
from lthkit.train import Snapshot
from lthkit.untrusted import read_at_most

SCHEMA = 2
MOST_BYTES = 2**26
ENDING = ".result.json"
LABELS = ("source", "weights", "target", "mask", "round", "search_seed", "training_seed")


def summary(rows: list[dict[str, float]], metric: str, higher_is_better: bool, selection: str) -> dict[str, float]:
    """Score, its validation value, iterations to the best and to the least validation loss (Mehta 2019, §2: k).

    Args:
        rows: one per evaluation, as ``train`` gives them.
        metric: the selecting one.
        higher_is_better: its direction.
        selection: ``validation`` (first best wins) or ``last``.

    Raises:
        LthkitError: if no validation value is finite, so that nothing can be selected.
    """
    chosen: int | None = len(rows) - 1
    if selection == "validation":
        chosen = best([row[f"validation_{metric}"] for row in rows], higher_is_better)
    if chosen is None:
        raise LthkitError(f"no validation {metric} is finite, so no score counts; lower the learning rate")
    least = best([row.get("validation_loss", math.nan) for row in rows], higher_is_better=False)
    return {
        "score": rows[chosen][f"test_{metric}"],
        "validation": rows[chosen].get(f"validation_{metric}", math.nan),
        "best_step": rows[chosen]["step"],
        "least_loss_step": math.nan if least is None else rows[least]["step"],
        "wall_time": rows[-1]["wall_time"],
    }


def result_of(facts: Facts, trained: Snapshot) -> dict[str, Any]:
    """All of one training: labels, settings, hashes, evaluations and their summary."""
    config, task, made = facts.config, facts.task, facts.origin.made or {}
    selection = config.plan.selection
    masks = facts.origin.masks
    kept = sum(int(mask.sum()) for mask in masks.values()) / sum(mask.numel() for mask in masks.values())
    found = summary(trained.rows, task.metric, task.higher_is_better, selection)
    return facts.provenance() | {
        "schema": SCHEMA,
        "labels": labels(facts),
        "config": config.plain(),
        "config_sha256": facts.config_sha256,
        "selection": selection,
        "mask": made.get("said", "dense"),
        "density_before": made.get("density_before", 1.0),
        "rows": trained.rows,
        "summary": found | {"sparsity": 1 - kept},
    }


def labels(facts: Facts) -> dict[str, str | int]:
    """What tells one training from others in tables and figures."""
    config, source = facts.config, facts.source
    return {
        "source": source.task_label,
        "weights": config.weights_label,
        "target": config.task_label,
        "mask": config.mask.label if config.mask else "dense",
        "round": config.mask.round if config.mask else 0,
        "search_seed": source.seed,
        "training_seed": config.seed,
    }


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write a result with its own SHA-256; inverse of ``read_result``.

    Raises:
        LthkitError: if the disk refuses.
    """
    plain = finite(result)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(plain | {"sha256": configs.canonical_sha256(plain)}, indent=1))


def read_result(path: Path) -> dict[str, Any]:
    """A result as written, null where nothing was measured.

    Raises:
        LthkitError: if it is no result of this version, damaged or incomplete.
    """
    try:
        found = json.loads(read_at_most(path, MOST_BYTES))
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema {found['schema']}")
        if found.pop("sha256") != configs.canonical_sha256(found):
            raise ValueError("it does not fit its SHA-256")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise LthkitError(f"{path} is not a result of this version ({error}); remove it or train it again") from None
    return found
