"""The whole configuration of a search; its SHA-256 names the search.

Dense reference, ticket, control and search are one thing: a starting mask and starting weights, trained, and pruned
as often as ``pruning.rounds`` says; zero rounds only train.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from lthkit.codes import MOST_ROUNDS
from lthkit.config import Config
from lthkit.controls import Recipe, ticket_recipe
from lthkit.data import DataSpec
from lthkit.errors import LthkitError
from lthkit.granularity import pattern_of
from lthkit.models import ModelSpec
from lthkit.tasks import TaskSpec
from lthkit.train import Plan


class Pruning(Config):
    """How much goes each round, and what goes first.

    Attributes:
        rate: fraction of the weights left that a round removes; 0.2 in both papers.
        rounds: number of prunings; 0 only trains (a pre-training, a dense reference, a transfer).
        scope: ``global`` compares scores over all layers (both papers), ``layer`` within each.
        criterion: what is compared: ``magnitude`` (both papers), ``snip``, ``grasp``, ``synflow``, or one's own
            ``package.module:function`` from the trained weights by name, and where it takes a second argument the
            gradients of the loss, to scores by name; the smallest go first, in absolute value.
        batches: training batches that gradients for the criterion are taken on.
        granularity: what is removed as one: ``weight`` (both papers), ``kernel``, ``filter``, by the mean magnitude of
            what each has left; then ``rate`` and ``scope`` count these. Or a pattern like ``2:4``: one of every 4
            neighbouring weights goes each round until 2 are left, in every layer, whatever ``rate`` and ``scope`` say.
    """

    rate: float = Field(default=0.2, gt=0, lt=1)
    rounds: int = Field(default=5, ge=0, le=MOST_ROUNDS)
    scope: Literal["global", "layer"] = "global"
    criterion: str = "magnitude"
    batches: int = Field(default=1, ge=1)
    granularity: str = "weight"

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        try:
            pattern = pattern_of(self.granularity)
        except LthkitError as error:
            raise ValueError(str(error)) from None
        if pattern and self.rounds > pattern[1] - pattern[0]:
            raise ValueError(
                f"granularity '{self.granularity}' is reached after {pattern[1] - pattern[0]} prunings, one weight of "
                f"{pattern[1]} each, so there can't be {self.rounds} rounds; set rounds to {pattern[1] - pattern[0]}"
            )
        return self


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
        return round(self.share * total) if self.share is not None else self.step


class Weights(Config):
    """The weights θ that a training starts from; the head is the task's own, drawn by the training's seed.

    Attributes:
        kind: ``pretrained`` θp: what the source search started from. ``random`` θ0: the random draw of the source
            search's seed. ``rewound`` θk: θ0 after k steps of dense training on the target under this very plan.
            ``source`` θS: the dense weights that the source search trained. ``redrawn`` θ′: another random draw.
            ``file``: any stored point, by path.
        step, share: k of ``rewound``, in steps or as a share of the training (Chen et al. 2021, Fig. 8: 0.05).
        which: of ``source``: where validation was ``best`` (Mehta 2019, §2) or at the ``last`` step (§3.1).
        seed: of ``redrawn``.
        path: of ``file``.
        store: the source search; that of the starting mask where left out.
    """

    kind: Literal["pretrained", "random", "rewound", "source", "redrawn", "file"] = "pretrained"
    step: int | None = Field(default=None, ge=1)
    share: float | None = Field(default=None, gt=0, lt=1)
    which: Literal["best", "last"] = "best"
    seed: int = Field(default=0, ge=0)
    path: str | None = None
    store: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        points = (self.step is not None) + (self.share is not None)
        if points != (self.kind == "rewound"):
            raise ValueError("'rewound' takes either step or share, and no other kind takes one")
        if (self.path is not None) != (self.kind == "file"):
            raise ValueError("'file' takes a path, and no other kind takes one")
        return self

    @property
    def label(self) -> str:
        """Short name for tables and legends."""
        if self.kind == "rewound":
            return f"rewound {self.share:.0%}" if self.share is not None else f"rewound {self.step} steps"
        return self.kind


def _as_recipe(mask: Any) -> Any:
    """``STORE@round`` as the recipe of that ticket; a recipe stays as it is."""
    return ticket_recipe(mask) if isinstance(mask, str) else mask


class SearchConfig(Config):
    """One search: task, network, data, plan, pruning, where it starts and the seed; nothing else decides its outcome.

    Attributes:
        mask: the starting mask: a ticket of another search or a control made from one (``controls``), also as the
            text ``STORE@round``; dense where left out. From a ticket the search counts that store's rounds on.
        weights: the starting weights; where left out those of ``model.checkpoint``, else the seed's random draw.
        keep_weights: which trained weights are kept as safetensors beside the store: of the first and last round
            (``ends``), of ``all`` rounds or of ``none``.
        seed: of the random weights (θ0, a new head), the order of the batches and the augmentation.
    """

    task: TaskSpec = TaskSpec()
    model: ModelSpec
    data: DataSpec
    plan: Plan
    pruning: Pruning = Pruning()
    rewind: Rewind = Rewind()
    mask: Annotated[Recipe | None, BeforeValidator(_as_recipe)] = Field(
        default=None,
        validation_alias=AliasChoices("mask", "start_mask"),  # as stores of schema 1 have it
    )
    weights: Weights | None = None
    seed: int = Field(default=0, ge=0)
    keep_weights: Literal["ends", "all", "none"] = "ends"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.weights is None:
            return self
        if self.model.checkpoint is not None:
            raise ValueError("'weights' and 'model.checkpoint' both say where the training starts; drop one of them")
        if self.model.freeze == "body" and self.weights.kind == "rewound":
            raise ValueError("a frozen body is not trained, so it has no 'rewound' weights; use 'random'")
        if self.weights.kind in ("pretrained", "source") and self.source is None:
            raise ValueError(f"weights '{self.weights.kind}' are those of a search; name it by 'weights.store'")
        return self

    @property
    def source(self) -> str | None:
        """Path of the search that the starting weights are taken from, if there is one."""
        named = self.weights.store if self.weights else None
        return named or (self.mask.source if self.mask else None)

    @property
    def task_label(self) -> str:
        """The data set and its classes, e.g. ``digits 0,1,2,3,4``; before it the task, unless it classifies, and the
        detector, if one is chosen."""
        classes = "" if self.data.classes is None else f" {','.join(map(str, self.data.classes))}"
        by = f" by {self.task.options['detector']}" if "detector" in self.task.options else ""
        own = "" if self.task.name == "classification" else f"{self.task.name.split(':')[0]}{by} on "
        return f"{own}{self.data.name}{classes}"

    @property
    def weights_label(self) -> str:
        """What the training starts from, for tables and legends."""
        if self.weights is not None:
            return self.weights.label
        return "pretrained" if self.model.checkpoint else "random"
