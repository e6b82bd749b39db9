"""Scores as a long table for other programs: a row for each evaluation."""

from pathlib import Path

import numpy as np
import pandas as pd

from lthkit.atomic import refuse_existing, replacing
from lthkit.errors import LthkitError
from lthkit.store import Store, StoreLike, as_store

_ENDINGS = (".csv", ".parquet")


def scores_table(store: StoreLike) -> pd.DataFrame:
    """A row for each evaluation of each trained round.

    Columns: ``round``, ``evaluation`` (from 0), ``sparsity`` (fraction of the prunable weights removed), then the
    store's own score columns; NaN where one was not measured.

    Raises:
        StoreError: if the scores are damaged.
    """
    store = as_store(store)
    scores = store.scores()
    table = pd.DataFrame({name: scores[name].values.ravel() for name in store.metrics})
    rounds = np.repeat(scores["round"].values, store.evaluations).astype(np.int64)
    table.insert(0, "round", rounds)
    table.insert(1, "evaluation", np.tile(np.arange(store.evaluations), len(scores["round"])))
    table.insert(2, "sparsity", _sparsity(store)[rounds])
    return table.dropna(subset=list(store.metrics), how="all").reset_index(drop=True)


def write_scores(store: StoreLike, path: Path | str, *, force: bool = False) -> Path:
    """Write ``scores_table`` as CSV or parquet, by the path's ending; numbers come back to the bit.

    Raises:
        LthkitError: another ending, a store without scores, a file that exists or cannot be written.
    """
    store = as_store(store)
    if store.scored == store.first_round:
        raise LthkitError(f"{store.path} has no scores: none of its rounds is trained; there is nothing to write")
    return write_table(scores_table(store), path, force=force)


def write_table(table: pd.DataFrame, path: Path | str, *, force: bool = False) -> Path:
    """Write a table as CSV or parquet, by the path's ending; numbers come back to the bit.

    Raises:
        LthkitError: another ending, a file that exists or cannot be written.
    """
    path = Path(path)
    if path.suffix not in _ENDINGS:
        raise LthkitError(f"'{path}' is of no known format; end it in {' or '.join(_ENDINGS)}")
    refuse_existing(path, force)
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            table.to_csv(temporary, index=False)
        else:
            table.to_parquet(temporary, engine="pyarrow", index=False)
    return path


def _sparsity(store: Store) -> np.ndarray:
    died = np.sum([np.bincount(code.ravel(), minlength=256) for code in store.codes().values()], axis=0)
    return np.cumsum(died)[: store.rounds + 1] / died.sum()
