"""What runs allow to be said: matching, not inferior, commensurate; rules on plain arrays of runs.

A run is one number; NaN is a run that is missing. Too few runs get "no verdict", never a guess. Where runs were
summarised before (``Sample``), that is taken, too.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from lthkit.analysis.verdicts.samples import NO_VERDICT, Sample, Word, reaches, sample, too_few, word

Given = np.ndarray | Sample
LEAST_RUNS = 3
ALPHA = 0.05


@dataclass(frozen=True)
class Matching:
    """Whether runs reach the dense network.

    Attributes:
        verdict: the working rule of Chen et al. 2021 (footnote 7): the mean is not worse than the dense mean by
            more than one standard deviation of the dense runs.
        at_least_dense: Eq. 1 taken by the letter: the mean is not worse than the dense mean.
        threshold: where the band of the rule ends, in units of the score.
        runs, dense: the numbers behind it.
        reason: why there is no verdict; empty where there is one.
    """

    verdict: Word
    at_least_dense: Word
    threshold: float
    runs: Sample
    dense: Sample
    reason: str

    def __str__(self) -> str:
        if self.reason:
            return f"no verdict on matching: {self.reason}"
        said = "matching" if self.verdict == "yes" else "not matching"
        return (
            f"{said}: {self.runs} against dense {self.dense}, within one standard deviation up to {self.threshold:.4g}"
        )


@dataclass(frozen=True)
class NonInferiority:
    """Welch's one-sided test of "worse than dense by the margin or more".

    Attributes:
        verdict: "yes" if that is refuted at level ``alpha``; "no" means not shown, not that it is inferior.
        margin: in units of the score, > 0.
        alpha: one-sided level.
        difference: mean minus dense mean, turned so that positive is better.
        lower: one-sided lower bound of the difference at level ``alpha``.
        upper: the other end of the two-sided interval of level 1 − 2·``alpha``.
        p: of the test.
        reason: why there is no verdict; empty where there is one.
    """

    verdict: Word
    margin: float
    alpha: float
    difference: float
    lower: float
    upper: float
    p: float
    reason: str

    def __str__(self) -> str:
        if self.reason:
            return f"no verdict on inferiority: {self.reason}"
        said = "not inferior" if self.verdict == "yes" else "not shown to be non-inferior"
        level = 100 * (1 - 2 * self.alpha)
        return (
            f"{said} by a margin of {self.margin:g}: difference {self.difference:+.4g}, "
            f"{level:g} % interval {self.lower:+.4g} to {self.upper:+.4g}, p = {self.p:.2g}"
        )


@dataclass(frozen=True)
class Commensurate:
    """Mehta 2019, Section 2: accuracy α′ ≥ α and iterations k′ ≤ k to the least validation loss, means of runs.

    Attributes:
        verdict: both hold.
        score, dense_score: α′ and α.
        steps, dense_steps: k′ and k.
        reason: why there is no verdict; empty where there is one.
    """

    verdict: Word
    score: Sample
    dense_score: Sample
    steps: Sample
    dense_steps: Sample
    reason: str

    def __str__(self) -> str:
        if self.reason:
            return f"no verdict on commensurate: {self.reason}"
        said = "commensurate" if self.verdict == "yes" else "not commensurate"
        return (
            f"{said}: score {self.score} against dense {self.dense_score}, "
            f"{self.steps} iterations to the least validation loss against {self.dense_steps}"
        )


def matching(runs: Given, dense: Given, *, higher_is_better: bool = True, least_runs: int = LEAST_RUNS) -> Matching:
    """Does a subnetwork reach the dense network from θp (Chen et al. 2021, Eq. 1 and footnote 7)?

    Args:
        runs: scores of the subnetwork, NaN where missing.
        dense: scores of the dense network from θp after the same training.
        higher_is_better: False for losses.
        least_runs: of each; with fewer there is no verdict.
    """
    ours, theirs = sample(runs), sample(dense)
    sign = 1 if higher_is_better else -1
    threshold = theirs.mean - sign * theirs.sd
    reason = too_few({"the subnetwork": ours, "the dense network": theirs}, least_runs)
    if reason:
        return Matching(NO_VERDICT, NO_VERDICT, threshold, ours, theirs, reason)
    within = reaches(sign * ours.mean, sign * threshold)
    return Matching(word(within), word(reaches(sign * ours.mean, sign * theirs.mean)), threshold, ours, theirs, "")


def non_inferior(
    runs: Given,
    dense: Given,
    *,
    margin: float | None,
    alpha: float = ALPHA,
    higher_is_better: bool = True,
    least_runs: int = LEAST_RUNS,
) -> NonInferiority:
    """Is a subnetwork shown not to be worse than dense by ``margin``? Welch's t, one-sided at ``alpha``.

    Args:
        runs: scores of the subnetwork, NaN where missing.
        dense: scores of the dense network.
        margin: the largest loss that is of no matter, in units of the score, > 0; without one there is no verdict.
        alpha: one-sided level, 0…0.5.
        higher_is_better: False for losses.
        least_runs: of each (two at the least); with fewer there is no verdict.
    """
    ours, theirs = sample(runs), sample(dense)
    reason = too_few({"the subnetwork": ours, "the dense network": theirs}, max(2, least_runs))
    difference = (ours.mean - theirs.mean) * (1 if higher_is_better else -1)
    if margin is None or not margin > 0 or not 0 < alpha < 0.5:
        reason = reason or "no margin > 0 or no level within 0 to 0.5 is stated"
    if reason or margin is None:
        nan = math.nan
        return NonInferiority(NO_VERDICT, nan if margin is None else margin, alpha, difference, nan, nan, nan, reason)
    error, freedom = _welch(ours, theirs)
    reach = -float(special.stdtrit(freedom, alpha)) * error if error else 0.0
    p = float(special.stdtr(freedom, -(difference + margin) / error)) if error else float(difference <= -margin)
    lower = difference - reach
    return NonInferiority(word(lower > -margin), margin, alpha, difference, lower, difference + reach, p, "")


def commensurate(
    scores: Given,
    steps: Given,
    dense_scores: Given,
    dense_steps: Given,
    *,
    higher_is_better: bool = True,
    least_runs: int = LEAST_RUNS,
) -> Commensurate:
    """Is a subnetwork as good and as fast as the dense network from θS (Mehta 2019, Conjecture 2.1 with k′ ≤ k)?

    Args:
        scores: test scores α′ of the subnetwork, NaN where missing.
        steps: iterations k′ to its least validation loss.
        dense_scores: α of the dense network fine-tuned from θS.
        dense_steps: k of it.
        higher_is_better: of the score.
        least_runs: of each; with fewer there is no verdict.
    """
    ours, theirs, k_ours, k_theirs = (sample(runs) for runs in (scores, dense_scores, steps, dense_steps))
    counted = {"the subnetwork": ours, "the dense network": theirs}
    losses = {"the subnetwork's validation loss": k_ours, "the dense validation loss": k_theirs}
    reason = too_few(counted | losses, least_runs)
    if reason:
        return Commensurate(NO_VERDICT, ours, theirs, k_ours, k_theirs, reason)
    sign = 1 if higher_is_better else -1
    good = reaches(sign * ours.mean, sign * theirs.mean)
    return Commensurate(word(good and reaches(-k_ours.mean, -k_theirs.mean)), ours, theirs, k_ours, k_theirs, "")


def _welch(ours: Sample, theirs: Sample) -> tuple[float, float]:
    """Standard error of the difference of means, and Welch's degrees of freedom."""
    parts = ours.sd**2 / ours.n, theirs.sd**2 / theirs.n
    spread = sum(parts)
    if spread == 0:
        return 0.0, math.inf
    return math.sqrt(spread), spread**2 / (parts[0] ** 2 / (ours.n - 1) + parts[1] ** 2 / (theirs.n - 1))
