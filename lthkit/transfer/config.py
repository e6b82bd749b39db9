"""One training of one subnetwork: mask, weights, target task, schedule and seed; nothing else decides its outcome."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lthkit.config import Config
from lthkit.controls import Recipe
from lthkit.data import DataSpec
from lthkit.tasks import TaskSpec
from lthkit.train import Plan


class Weights(Config):
    """The weights θ that a subnetwork starts from.

    Attributes:
        kind: ``pretrained`` θp: the checkpoint that the source search started from. ``random`` θ0: the random draw of
            the search's seed. ``rewound`` θk: θ0 after k steps of dense training on the target under this very plan.
            ``source`` θS: the dense weights that the search trained on its source task. ``redrawn`` θ′: another random
            draw. ``file``: any stored point, by path.
        step, share: k of ``rewound``, in steps or as a share of the training (Chen et al. 2021, Fig. 8: 0.05).
        which: of ``source``: where validation was ``best`` (Mehta 2019, §2) or at the ``last`` step (§3.1).
        seed: of ``redrawn``.
        path: of ``file``.
    """

    kind: Literal["pretrained", "random", "rewound", "source", "redrawn", "file"] = "pretrained"
    step: int | None = Field(default=None, ge=1)
    share: float | None = Field(default=None, gt=0, lt=1)
    which: Literal["best", "last"] = "best"
    seed: int = Field(default=0, ge=0)
    path: str | None = None

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


class Head(Config):
    """The target's head, always drawn anew.

    Attributes:
        hidden: None for a linear head, else the width of a two-layer one (Mehta 2019: 100).
    """

    hidden: int | None = Field(default=None, ge=1)


class TransferConfig(Config):
    """Source ticket (or control) → target task.

    Attributes:
        mask: the ticket of a round of a search, or a control made from it (see ``controls``).
        weights: what the subnetwork starts from.
        task, data, plan: the target, as in a search.
        head: the target's head.
        freeze: ``body`` trains the head alone (Mehta 2019, §3), ``none`` everything.
        frozen_statistics: BatchNorm statistics of a frozen body: ``kept`` or ``updated`` by the batches.
        seed: the training seed: new head, order of the batches, augmentation.
    """

    mask: Recipe
    weights: Weights = Weights()
    task: TaskSpec = TaskSpec()
    data: DataSpec
    plan: Plan
    head: Head = Head()
    freeze: Literal["none", "body"] = "none"
    frozen_statistics: Literal["kept", "updated"] = "kept"
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _trainable(self) -> Self:
        if self.freeze == "body" and self.weights.kind == "rewound":
            raise ValueError("a frozen body is not trained, so it has no 'rewound' weights; use 'random'")
        return self
