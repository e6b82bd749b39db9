"""The one writer of a store.

A commit checks what it is given, rewrites chunks, then rows of scores, then, as the one step that counts, the
attributes of group ``masks``; each is on the disk before the next begins. The order is what survives kills.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from filelock import FileLock

from lthkit.codes import Codes
from lthkit.errors import StoreError
from lthkit.store import extra
from lthkit.store.arrays import open_group, write_variables
from lthkit.store.check import check_nested, check_progress, manifest, merged_scores
from lthkit.store.files import clean_up, locked, unwritable
from lthkit.store.format import MASKS, SCORES, plain_json, sealed, sha256
from lthkit.store.read import Store, open_store


class Writer:
    """The exclusive writer of a store, from ``create`` or ``reopen``; a context manager.

    The lock is freed by ``close`` and when the process dies.
    """

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._lock = lock

    @property
    def store(self) -> Store:
        """What is committed now."""
        return open_store(self.path)

    def commit(self, codes: Codes, *, rounds: int, scored: int, scores: dict[int, dict[str, np.ndarray]]) -> None:
        """Make rounds and scores durable in one step: a kill leaves either all of the commit or none of it.

        The commit of the last planned round takes longer, because it compresses for good.

        Args:
            codes: all codes, uint8, each 1…``rounds`` or 255, those up to the committed round as committed.
            rounds: prunings made, at least those committed.
            scored: trainings finished: rounds ``first_round`` … ``scored`` − 1 have scores.
            scores: {round: {metric: values, one per evaluation}} for the rounds newly scored; rounds already
                committed may be given again if they are the same.

        Raises:
            StoreError: if codes or scores do not fit (nothing is written then), or the disk does not take them
                (what was committed stays).
        """
        store = self._open()
        rounds, scored = int(rounds), int(scored)
        check_progress(store, rounds, scored)
        variables = manifest(codes, store.parameters, rounds)
        check_nested(store, codes)
        columns = merged_scores(store, scores, scored)
        attributes = store.committed.model_copy(
            update={
                "rounds": rounds,
                "scored": scored,
                "parameters": variables,
                "scores_sha256": {name: sha256(column[:scored]) for name, column in columns.items()},
            }
        )
        with unwritable(self.path):
            if rounds > store.rounds:
                last = rounds == store.planned_rounds
                write_variables(open_group(self.path, MASKS, write=True), codes, tight=last)
            if scored > store.scored:
                write_variables(open_group(self.path, SCORES, write=True), columns)
            open_group(self.path, MASKS, write=True).attrs.put(sealed(attributes))

    def write_extra(self, name: str, masks: dict[str, np.ndarray], recipe: dict[str, Any] | None) -> None:
        """Add a foreign mask, bit-packed, under a new name. Inverse: ``Store.read_extra``.

        Args:
            name: letters, digits and ``_-.@+``.
            masks: bool arrays by parameter.
            recipe: how it was made, as JSON values, if that is known.

        Raises:
            StoreError: if name, masks or recipe are unfit, or the disk does not take it.
        """
        bond = self._open().committed.root_sha256
        recipe = recipe and plain_json(recipe, f"the recipe of '{name}'")
        with unwritable(self.path):
            extra.write(self.path, name, masks, recipe, bond)

    def close(self) -> None:
        """Let others write."""
        self._lock.release()

    def _open(self) -> Store:
        if not self._lock.is_locked:
            raise StoreError(f"the writer of {self.path} is closed; open the store again with `reopen`")
        return self.store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def reopen(path: Path | str, lock: FileLock | None = None) -> Writer:
    """Open a store to go on writing; what a killed writer left over is removed.

    Args:
        path: of the store.
        lock: of the path, if it is held already; taken here otherwise.

    Raises:
        StoreError: if it is no sound store, its folder is read-only, or it is already open for writing.
    """
    path = Path(path)
    open_store(path)
    with locked(path, lock) as held:
        clean_up(path)
    return Writer(path, held)
