"""Where this process runs: in batch, in a live notebook or in a terminal; and what suits each."""

import os
import sys
from typing import Any

from tqdm import TqdmExperimentalWarning

BATCH_VARIABLE = "LTHKIT_BATCH"
BEHIND = 42
"""Columns of ``:  36%|█  | 9999/9999 [00:12<01:30, 99.99s/step]``, with a bar of a few."""
ANY = 1000
"""Characters of no limit, in a notebook."""


def is_batch() -> bool:
    """Whether this process runs a notebook in batch (set by ``lthkit run``)."""
    return os.environ.get(BATCH_VARIABLE, "") not in ("", "0")


def is_watched() -> bool:
    """Whether a bar can be drawn for somebody: a live notebook or a terminal."""
    return not is_batch() and (_in_a_kernel() or sys.stderr.isatty())


def _in_a_kernel() -> bool:
    # asked of IPython only where it runs already; importing it here would take longer than torch
    ipython = sys.modules.get("IPython")
    return getattr(ipython.get_ipython(), "kernel", None) is not None if ipython else False


def bar(**options: Any) -> Any:
    """A tqdm bar: a widget in a live notebook, text in a terminal."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmExperimentalWarning)
        from tqdm.autonotebook import tqdm
    return tqdm(dynamic_ncols=True, **options)


def room(bar: Any) -> int:
    """Characters that fit before a bar of tqdm's, so that in a terminal the time left can still be read behind it."""
    columns = bar.ncols
    return max(columns - BEHIND, 0) if isinstance(columns, int) else ANY
