"""The plan of one training: length, schedule, precision; with model, task, mask and seed it decides the outcome."""

import math
import os
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator

from lthkit import ranks
from lthkit.config import Config
from lthkit.errors import LthkitError

Option = bool | int | float | str | None
_MOST = 1_000_000_000  # whatever is counted, more is a slip of the pen
_MOST_THREADS = 1024
Factor = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1, le=_MOST)]


class Plan(Config):
    """How a subnetwork is trained: SGD with momentum or another optimiser, by epochs or by steps.

    Attributes:
        epochs, steps: the length; exactly one is given. It is also the unit of ``milestones`` and ``evaluate_every``.
        batch_size: samples per step.
        learning_rate: the highest one.
        schedule: ``constant`` (Chen's pre-training tasks), ``steps`` (× ``gamma`` at each milestone, or × one of
            its own at each; Chen's and Mehta's classification), ``cosine`` (to ``final_learning_rate``; Chen's
            detection) or ``polynomial`` (power ``power`` to ``final_learning_rate``; Chen's Faster R-CNN).
        warmup_steps: linear from learning_rate / warmup_steps before the schedule proper.
        optimizer: a name in ``torch.optim``, or one's own ``package.module:factory``, called with parameter groups.
            It is given ``learning_rate`` as ``lr``, and ``momentum`` and ``weight_decay`` where it has arguments of
            these names; where it has none, they must be zero or left at their defaults.
        optimizer_options: its other arguments, e.g. ``betas`` (lists are given as tuples).
        evaluate_every: None: after every pass over the data, whatever the unit.
        selection: ``validation``: the score is the test metric where validation is best; ``last``: the test metric
            at the end, as the papers score on the published evaluation split.
        precision: ``bfloat16`` is autocast with float32 weights.
        channels_last: memory format of images and convolutions; classification keeps the plain one where a strided 1×1
            convolution has fewer than 16 input channels, for which some builds of torch write out of bounds.
        threads: of the CPU; part of the outcome (1 and 2 threads differ in bits). None: as OMP_NUM_THREADS says, else
            as many as cores, shared among the processes of this machine; noted. At most 1024, since all are started
            at once.
        processes: as started by torchrun; part of the outcome. None: as many as there are, noted.
        device: ``auto`` is CUDA where there is one, noted.
        workers: processes that decode streamed data, at most 256; they do not change the outcome.
    """

    epochs: Count | None = None
    steps: Count | None = None
    batch_size: Count = 128
    learning_rate: float = Field(default=0.1, gt=0)
    schedule: Literal["constant", "steps", "cosine", "polynomial"] = "constant"
    milestones: tuple[int, ...] = ()
    gamma: Factor | tuple[Factor, ...] = 0.1
    power: float = Field(default=0.9, gt=0)
    final_learning_rate: float = Field(default=0.0, ge=0)
    warmup_steps: int = Field(default=0, ge=0, le=_MOST)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=1e-4, ge=0)
    optimizer: str = "SGD"
    optimizer_options: dict[str, Option | tuple[Option, ...]] = Field(default_factory=dict)
    evaluate_every: Count | None = None
    selection: Literal["validation", "last"] = "validation"
    precision: Literal["float32", "bfloat16"] = "float32"
    channels_last: bool = True
    compile: bool = False
    threads: int | None = Field(default=None, ge=1, le=_MOST_THREADS)
    processes: Count | None = None
    device: str = "auto"
    workers: int = Field(default=0, ge=0, le=256)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give the length either as epochs or as steps")
        if self.milestones and self.schedule != "steps":
            raise ValueError(f"milestones have no meaning in the schedule '{self.schedule}'; use 'steps' or drop them")
        if isinstance(self.gamma, tuple) and len(self.gamma) != len(self.milestones):
            raise ValueError(
                f"{len(self.gamma)} gammas do not fit {len(self.milestones)} milestones; give one for each"
            )
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones {self.milestones} must increase")
        return self

    def resolved(self) -> Self:
        """The plan with what it leaves open (threads, processes, device, evaluations) written down.

        Raises:
            LthkitError: if OMP_NUM_THREADS is asked and is no sensible number.
        """
        chosen = {
            "threads": self.threads or _threads_here(),
            "processes": self.processes or ranks.world_size(),
            "device": ("cuda" if torch.cuda.is_available() else "cpu") if self.device == "auto" else self.device,
            "evaluate_every": self.evaluate_every or (None if self.steps is not None else 1),
        }
        return self.model_copy(update=chosen)

    def total_steps(self, steps_per_epoch: int) -> int:
        """The length in steps."""
        return self.steps if self.steps is not None else (self.epochs or 0) * steps_per_epoch

    def evaluates_after(self, step: int, steps_per_epoch: int) -> bool:
        """Whether an evaluation follows step number ``step`` (from 1): every ``evaluate_every``, and at the end."""
        return step % self._steps_per_evaluation(steps_per_epoch) == 0 or step == self.total_steps(steps_per_epoch)

    def evaluations(self, steps_per_epoch: int) -> int:
        """How many evaluations a whole training has."""
        return math.ceil(self.total_steps(steps_per_epoch) / self._steps_per_evaluation(steps_per_epoch))

    def _steps_per_evaluation(self, steps_per_epoch: int) -> int:
        if self.evaluate_every is None:
            return steps_per_epoch
        return self.evaluate_every * (1 if self.steps is not None else steps_per_epoch)


def learning_rate(plan: Plan, step: int, steps_per_epoch: int) -> float:
    """The learning rate of step number ``step`` (from 0), a pure function of the plan.

    The last step has exactly ``final_learning_rate`` under ``cosine`` and ``polynomial``.
    """
    if step < plan.warmup_steps:
        return plan.learning_rate * (step + 1) / plan.warmup_steps
    last = plan.total_steps(steps_per_epoch) - 1
    done = (step - plan.warmup_steps) / max(last - plan.warmup_steps, 1)
    span = plan.learning_rate - plan.final_learning_rate
    match plan.schedule:
        case "constant":
            return plan.learning_rate
        case "steps":
            unit = 1 if plan.steps is not None else steps_per_epoch
            passed = sum(step >= milestone * unit for milestone in plan.milestones)
            if isinstance(plan.gamma, tuple):
                return plan.learning_rate * math.prod(plan.gamma[:passed])
            return plan.learning_rate * plan.gamma**passed
        case "cosine":
            return plan.final_learning_rate + span * (1 + math.cos(math.pi * done)) / 2
        case "polynomial":
            return plan.final_learning_rate + span * (1 - done) ** plan.power


def _threads_here() -> int:
    processes = ranks.local_size()
    stated = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    # torchrun sets 1 for each of its processes where the user set nothing
    if not stated or (stated == "1" and processes > 1):
        return max(1, len(os.sched_getaffinity(0)) // processes)
    if not stated.isdecimal() or not 1 <= int(stated) <= _MOST_THREADS:
        raise LthkitError(f"OMP_NUM_THREADS is '{stated}', not a number from 1 to {_MOST_THREADS}; correct or unset it")
    return int(stated)
