"""What a commit may change, checked before anything is written: codes stay nested, committed scores stay."""

from typing import Any

import numpy as np

from lthkit.codes import SURVIVOR, Codes
from lthkit.errors import StoreError
from lthkit.store.files import parallel
from lthkit.store.format import Variable, canonical, sha256
from lthkit.store.read import Store


def check_progress(store: Store, rounds: int, scored: int) -> None:
    """Refuse a commit that takes back rounds or scores, or goes beyond the plan.

    Raises:
        StoreError: naming the number at fault.
    """
    if not store.rounds <= rounds <= store.planned_rounds:
        raise StoreError(
            f"{store.path} cannot commit {rounds} rounds: {store.rounds} are committed and "
            f"{store.planned_rounds} planned; give a number from {store.rounds} to {store.planned_rounds}"
        )
    if not store.scored <= scored <= rounds + 1:
        raise StoreError(
            f"{store.path} cannot have {scored} rounds scored: {store.scored} are and {rounds} prunings allow "
            f"{rounds + 1}; give a number from {store.scored} to {rounds + 1}"
        )


def manifest(codes: Codes, shapes: dict[str, tuple[int, ...]], rounds: int) -> tuple[Variable, ...]:
    """The manifest of codes after ``rounds`` prunings, in the order of ``shapes``.

    Raises:
        StoreError: if names, shapes or types differ, or a code is neither 1…``rounds`` nor 255.
    """
    odd = codes.keys() ^ shapes.keys()
    if odd:
        raise StoreError(
            f"codes and store differ in parameter '{min(odd)}'; give codes of exactly the store's parameters"
        )

    def entry(name: str) -> Variable:
        _check_codes(name, codes[name], shapes[name], rounds)
        left = int(np.count_nonzero(codes[name] == SURVIVOR))
        return Variable(name=name, shape=shapes[name], left=left, data_sha256=sha256(codes[name]))

    return tuple(parallel(entry, shapes))


def _check_codes(name: str, codes: Any, shape: tuple[int, ...], rounds: int) -> None:
    if not isinstance(codes, np.ndarray) or codes.dtype != np.uint8 or codes.shape != shape:
        found = f"{codes.dtype} array of shape {codes.shape}" if isinstance(codes, np.ndarray) else type(codes).__name__
        raise StoreError(f"the codes of '{name}' are a {found}; give a uint8 array of shape {shape}")
    if not codes.all():
        raise StoreError(f"the codes of '{name}' hold 0; a code is a round from 1 to {rounds}, or 255")
    if ((codes > rounds) & (codes != SURVIVOR)).any():
        raise StoreError(f"the codes of '{name}' hold rounds after {rounds}; a code is 1 to {rounds}, or 255")


def check_nested(store: Store, codes: Codes) -> None:
    """Refuse codes that differ from those committed up to the committed round.

    Raises:
        StoreError: naming the first parameter whose removed weights changed.
    """

    def same(variable: Variable) -> bool:
        code = codes[variable.name]
        return sha256(np.where(code > store.rounds, np.uint8(SURVIVOR), code)) == variable.data_sha256

    for variable, fits in zip(store.committed.parameters, parallel(same, store.committed.parameters), strict=True):
        if not fits:
            raise StoreError(
                f"the codes of '{variable.name}' differ from those committed up to round {store.rounds}; "
                f"go on from the codes of {store.path}"
            )


def merged_scores(store: Store, scores: dict[int, dict[str, np.ndarray]], scored: int) -> dict[str, np.ndarray]:
    """All score columns, (planned_rounds + 1, evaluations), with the new rows.

    Raises:
        StoreError: if a newly scored round is missing, a row does not fit, or a committed row would change.
    """
    for round in range(store.scored, scored):
        if round not in scores:
            raise StoreError(f"the scores of round {round} are missing; give them with the commit that counts them")
    columns = store.score_columns()
    for round, row in scores.items():
        if not store.first_round <= round < scored:
            raise StoreError(
                f"scores of round {round} do not belong to rounds {store.first_round} to {scored - 1}; leave them out"
            )
        if row.keys() != columns.keys():
            raise StoreError(f"scores of round {round} have columns {sorted(row)}; give exactly {sorted(columns)}")
        for name, values in row.items():
            _put_row(columns[name], round, name, values, new=round >= store.scored)
    return columns


def _put_row(column: np.ndarray, round: int, name: str, values: Any, *, new: bool) -> None:
    """Put a row's values first, NaN after them; in place."""
    row = np.full(column.shape[1], np.nan)
    given = np.asarray(values)
    if given.ndim != 1 or given.dtype.kind not in "fiub" or len(given) > len(row):
        raise StoreError(f"scores '{name}' of round {round} must be one row of at most {len(row)} numbers")
    row[: len(given)] = canonical(given.astype(np.float64))
    if not new and not np.array_equal(row, column[round], equal_nan=True):
        raise StoreError(f"scores '{name}' of round {round} are committed and differ; leave committed rounds out")
    column[round] = row
