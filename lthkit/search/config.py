"""The whole configuration of a search; its SHA-256 names the search."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lthkit.config import Config
from lthkit.data import DataSpec
from lthkit.masks import MOST_ROUNDS
from lthkit.models import ModelSpec
from lthkit.tasks import TaskSpec
from lthkit.train import Plan


class Pruning(Config):
    """How much goes each round, and from where.

    Attributes:
        rate: fraction of the weights left that a round removes; 0.2 in both papers.
        rounds: number of prunings; 0 only trains (a pre-training or a dense reference).
        scope: ``global`` compares magnitudes over all layers (both papers), ``layer`` within each.
    """

    rate: float = Field(default=0.2, gt=0, lt=1)
    rounds: int = Field(default=5, ge=0, le=MOST_ROUNDS)
    scope: Literal["global", "layer"] = "global"


class Rewind(Config):
    """Where the weights go back to after each pruning.

    Attributes:
        to: ``start``: the starting weights (Chen et al. 2021, Algorithm 1). ``step``: the state after k steps of the
            first round, going on from step k of the schedule (true rewinding). ``restart``: the same weights, but the
            whole schedule again (the papers' released variant). ``none``: prune and train on (Mehta's released code).
        step: k in steps.
        share: k as a share of the training, e.g. 0.05.
    """

    to: Literal["start", "step", "restart", "none"] = "start"
    step: int | None = Field(default=None, ge=0)
    share: float | None = Field(default=None, ge=0, lt=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = (self.step is not None) + (self.share is not None)
        needed = 1 if self.to in ("step", "restart") else 0
        if given != needed:
            mend = "give either step or share" if needed else "drop step and share"
            raise ValueError(f"rewinding to '{self.to}' is given {given} points; {mend}")
        return self

    def steps(self, total: int) -> int | None:
        """k in steps of a training of ``total`` steps; None where nothing is rewound to a step."""
        if self.share is not None:
            return round(self.share * total)
        return self.step


class SearchConfig(Config):
    """One search: model, data, task, plan, pruning, rewinding and seed. Nothing else decides the outcome.

    Attributes:
        start_mask: ``STORE@round``: the search starts from that store's mask and counts its rounds on from there.
        keep_weights: which trained weights are kept as safetensors beside the store: of the first and last round
            (``ends``), of ``all`` rounds or of ``none``; the starting weights always are.
        seed: of the random weights (θ0, a new head), the order of the batches and the augmentation.
    """

    task: TaskSpec = TaskSpec()
    model: ModelSpec
    data: DataSpec
    plan: Plan
    pruning: Pruning = Pruning()
    rewind: Rewind = Rewind()
    seed: int = Field(default=0, ge=0)
    start_mask: str | None = None
    keep_weights: Literal["ends", "all", "none"] = "ends"
