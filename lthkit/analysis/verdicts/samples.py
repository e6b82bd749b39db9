"""Runs of one subnetwork as numbers: their mean and spread, and what rounding does not tell apart."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

Word = Literal["yes", "no", "no verdict"]
NO_VERDICT: Word = "no verdict"

# scores that differ by less than rounding are equal
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Sample:
    """Runs of one subnetwork. ``sd`` has ddof 1 and is NaN for fewer than two runs, ``mean`` for none."""

    mean: float
    sd: float
    n: int
    missing: int

    def __str__(self) -> str:
        if not self.n:
            return "no runs"
        spread = f" ± {self.sd:.4g}" if self.n > 1 else ""
        lacking = f", {self.missing} missing" if self.missing else ""
        return f"{self.mean:.4g}{spread} (n = {self.n}{lacking})"


def sample(runs: np.ndarray | Sample, planned: int | None = None) -> Sample:
    """Mean, standard deviation (ddof 1), number of runs and of missing ones.

    Args:
        runs: one number per run, NaN where it is missing; a sample stays as it is.
        planned: how many runs there should be, if those that are missing are not among them.
    """
    if isinstance(runs, Sample):
        return runs
    values = np.asarray(runs, dtype=float).ravel()
    known = values[np.isfinite(values)]
    mean = float(known.mean()) if len(known) else math.nan
    sd = float(known.std(ddof=1)) if len(known) > 1 else math.nan
    return Sample(mean, sd, len(known), (len(values) if planned is None else planned) - len(known))


def too_few(samples: dict[str, Sample], least: int) -> str:
    """Which samples have fewer than ``least`` runs, as a clause; empty if none has."""
    few = [
        f"{found.n or 'no'} run{'' if found.n == 1 else 's'} of {of}"
        for of, found in samples.items()
        if found.n < least
    ]
    return f"{' and '.join(few)}, at least {least} are needed" if few else ""


def reaches(value: float, bar: float) -> bool:
    """``value`` ≥ ``bar`` up to rounding."""
    return value >= bar - _ROUNDING * max(1.0, abs(bar))


def word(holds: bool) -> Word:
    """ "yes" or "no"."""
    return "yes" if holds else "no"
