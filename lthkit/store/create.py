"""A new store: built under a temporary name, renamed when it is whole and on the disk."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from filelock import FileLock

from lthkit.codes import MOST_ROUNDS, SURVIVOR, Codes, survivors
from lthkit.config import canonical_sha256
from lthkit.errors import StoreError
from lthkit.store.arrays import write_variables
from lthkit.store.check import manifest
from lthkit.store.files import DurableStore, built, clean_up, locked
from lthkit.store.format import (
    CODES_FILL,
    EXTRA,
    MASKS,
    MOST_ROW_BYTES,
    SCHEMA_VERSION,
    SCORES,
    SCORES_FILL,
    MasksAttributes,
    RootAttributes,
    check_names,
    check_scores,
    dimension_names,
    layout,
    plain_json,
    sealed,
    sha256,
)
from lthkit.store.write import Writer


def create(
    path: Path | str,
    *,
    parameters: dict[str, tuple[int, ...]],
    config: dict[str, Any],
    provenance: dict[str, Any],
    metrics: tuple[str, ...],
    rounds: int,
    evaluations: int,
    first_round: int = 0,
    codes: Codes | None = None,
    lock: FileLock | None = None,
) -> Writer:
    """A new store, open for writing.

    Args:
        path: ``NAME.zarr``, which must not exist; folders above it are made.
        parameters: shapes of the prunable parameters in manifest order.
        config: the complete configuration, as JSON values.
        provenance: SHA-256 of the starting weights, versions, parent store and round, as JSON values.
        metrics: names of the score columns.
        rounds: the planned last round, ``first_round`` … 254.
        evaluations: most evaluations a round has.
        first_round: the parent's round whose mask the search starts from, 0 for dense.
        codes: the parent's codes if ``first_round`` > 0; those above ``first_round`` are taken as 255.
        lock: of the path, if it is held already (``lock``); taken here otherwise.

    Raises:
        StoreError: if something exists at ``path``, arguments do not fit, or the disk does not take it.
    """
    path = Path(path)
    _check_plan(parameters, metrics, rounds, evaluations, first_round)
    plain = plain_json(config, "the configuration")
    root = RootAttributes(
        config=plain,
        config_sha256=canonical_sha256(plain),
        provenance=plain_json(provenance, "the provenance"),
        planned_rounds=rounds,
        metrics=tuple(metrics),
        evaluations=evaluations,
        schema_version=SCHEMA_VERSION,
    )
    start = _inherited(parameters, codes, first_round)
    masks = _first_commit(root, parameters, start, first_round)
    _refuse_existing(path)
    with locked(path, lock) as held:
        _refuse_existing(path)
        clean_up(path)
        with built(path) as folder:
            _build(folder, root, masks, start)
    return Writer(path, held)


def _check_plan(
    parameters: dict[str, tuple[int, ...]], metrics: tuple[str, ...], rounds: int, evaluations: int, first_round: int
) -> None:
    if not 0 <= first_round <= rounds <= MOST_ROUNDS:
        raise StoreError(f"a store cannot go from round {first_round} to {rounds}; plan 0 to {MOST_ROUNDS} rounds")
    if evaluations < 1:
        raise StoreError(f"a round cannot have {evaluations} evaluations; give at least 1")
    if not parameters:
        raise StoreError("a store needs at least one prunable parameter; choose other layers to prune")
    check_names(tuple(parameters), "parameter")
    check_scores(tuple(metrics), rounds, evaluations)
    for name, shape in parameters.items():
        if math.prod(shape[1:]) > MOST_ROW_BYTES:
            raise StoreError(f"'{name}' of shape {shape} has rows of more than {MOST_ROW_BYTES:,}; prune other layers")
    dimensions = {axis for name, shape in parameters.items() for axis in dimension_names(name, shape)}
    for name in dimensions.intersection(parameters):
        raise StoreError(f"parameter '{name}' is also the name of a dimension of another; rename it")


def _inherited(parameters: dict[str, tuple[int, ...]], codes: Codes | None, first_round: int) -> Codes:
    """The codes a search starts from: the parent's up to ``first_round``, or survivors only."""
    if codes is None:
        if first_round:
            raise StoreError(f"a search that starts from round {first_round} needs its parent's codes; give them")
        return survivors(parameters)
    return {name: np.where(code > first_round, np.uint8(SURVIVOR), code) for name, code in codes.items()}


def _first_commit(
    root: RootAttributes, parameters: dict[str, tuple[int, ...]], codes: Codes, first_round: int
) -> MasksAttributes:
    shapes = {name: tuple(int(length) for length in shape) for name, shape in parameters.items()}
    no_rows = sha256(np.full((first_round, root.evaluations), np.nan))
    return MasksAttributes(
        schema_version=SCHEMA_VERSION,
        first_round=first_round,
        rounds=first_round,
        scored=first_round,
        parameters=manifest(codes, shapes, first_round),
        scores_sha256=dict.fromkeys(root.metrics, no_rows),
        root_sha256=sealed(root)["sha256"],
    )


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise StoreError(f"{path} exists already; choose another name, or go on with that store")


def _build(folder: Path, root: RootAttributes, masks: MasksAttributes, codes: Codes) -> None:
    store = zarr.create_group(DurableStore(folder), zarr_format=3, attributes=sealed(root))
    group = store.create_group(MASKS, attributes=sealed(masks))
    for name, code in codes.items():
        names = dimension_names(name, code.shape)
        group.create_array(**layout(name, code.shape, "uint8", CODES_FILL, names))
    write_variables(group, codes)
    scores = store.create_group(SCORES)
    for metric in root.metrics:
        shape = (root.planned_rounds + 1, root.evaluations)
        scores.create_array(**layout(metric, shape, "float64", SCORES_FILL, ("round", "evaluation")))
    store.create_group(EXTRA)
