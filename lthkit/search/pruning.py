"""One pruning of a search: exact counts of what is pruned as one, global or in each layer, nested round by round."""

from collections.abc import Mapping
from functools import partial

from torch import Tensor

from lthkit import controls, criteria, granularity, masks
from lthkit.controls import Score
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.search.config import Pruning, SearchConfig
from lthkit.tasks import Task
from lthkit.train import machine


def pruned(score: Score, now: Masks, start: Masks, pruning: Pruning, prunings: int, steps: int = 1) -> Masks:
    """The masks after so many prunings.

    Args:
        score: of the trained weights that masks leave; the smallest magnitudes go first.
        now: what is left, after one pruning less.
        start: what the search began with: round(units · (1 − rate)^prunings) of its units are left, halves up. Of a
            pattern n:m one of every m goes each time, until n are left.
        pruning: the search's.
        prunings: 1, 2, …
        steps: that each pruning is made of, where weights of all layers are compared; else one.
    """
    pattern = granularity.pattern_of(pruning.granularity)
    if pattern:
        n, m = pattern
        return granularity.prune_pattern(score(now), now, max(n, m - prunings), m)
    units = granularity.as_units(start, pruning.granularity)
    prune = partial(granularity.prune_units, granularity=pruning.granularity)
    if pruning.scope == "layer":
        counts = masks.counts_left(units)
        keep = {name: masks.weights_left(count, pruning.rate, prunings) for name, count in counts.items()}
        return prune(score(now), now, keep)
    wanted = masks.weights_left(masks.left(units), pruning.rate, prunings)
    if pruning.granularity == "weight":
        return controls.pruned_in_steps(score, now, wanted, steps, prune)
    return prune(score(now), now, wanted)


def check_pruning(pruning: Pruning, prunable: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a pattern that none of the prunable weights can have.

    Raises:
        LthkitError: naming it.
    """
    pattern = granularity.pattern_of(pruning.granularity)
    if pattern and not any(granularity.has_groups(shape, pattern[1]) for shape in prunable.values()):
        raise LthkitError(
            f"no prunable weight has input channels in groups of {pattern[1]}, so pruning.granularity "
            f"'{pruning.granularity}' would remove nothing; choose another, or a wider network"
        )


def scorer(name: str, config: SearchConfig, task: Task, seed: int) -> tuple[Score, int]:
    """Scores by a criterion of what masks leave of a task's network as it is, and the steps it prunes in."""
    criterion = criteria.find_criterion(name)

    def score(left: Masks) -> Mapping[str, Tensor]:
        with machine.settings(config.plan):
            return criteria.scores(criterion, task, left, seed=seed, batches=config.pruning.batches)

    return score, criterion.steps
