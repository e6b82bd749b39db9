"""The one training loop: every dense network, ticket and baseline goes through ``train``."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lthkit import masks as masking
from lthkit import ranks
from lthkit.errors import LthkitError, TrainingDiverged
from lthkit.masks import Masks
from lthkit.progress import Progress, Silent
from lthkit.seeds import derive
from lthkit.selection import best
from lthkit.tasks import Task, at_address, masked_networks
from lthkit.train import machine
from lthkit.train.optimizers import make_optimizer, set_rates
from lthkit.train.plan import Plan, learning_rate
from lthkit.train.state import Point, Snapshot, capture, copy_state, prove, restore, with_fresh_optimizer

Row = dict[str, float]
_LOSSES_AT_ONCE = 50
_MOST_EVALUATIONS = 1_000_000  # each is a row of scores in the store


@dataclass(frozen=True)
class Keeping:
    """What a training leaves behind while it runs.

    Attributes:
        save: called with a ``Snapshot`` every ``seconds`` and on interruption, always between two steps.
        seconds: time between two saves.
        best: keep the state at the best evaluation.
        points: called with the state before step k, for each k.
    """

    save: Callable[[Snapshot], None] | None = None
    seconds: float = 60.0
    best: bool = False
    points: Mapping[int, Callable[[Point], None]] | None = None


def columns(task: Task) -> tuple[str, ...]:
    """Names of the score columns that a training of ``task`` fills."""
    scores = [f"{split}_{metric}" for split in ("validation", "test") for metric in task.metrics]
    return ("step", "learning_rate", "train_loss", "wall_time", *scores)


def check_task(task: Task, plan: Plan) -> None:
    """Refuse a task that cannot be trained by this plan, before anything of it is written.

    Raises:
        LthkitError: on selection without a validation split, a network outside of the modules, too many evaluations,
            or parameters that the optimiser does not take.
    """
    if plan.selection == "validation" and "validation" not in task.splits:
        raise LthkitError("selection by validation needs a validation split; set data.validation or selection 'last'")
    evaluations = plan.evaluations(task.steps_per_epoch())
    if evaluations > _MOST_EVALUATIONS:
        raise LthkitError(f"the plan has {evaluations:,} evaluations in a training; raise plan.evaluate_every")
    if plan.compile and not getattr(task, "compiles", True):
        raise LthkitError("the network of this task is not called as a whole, so nothing is compiled; turn compile off")
    masked_networks(task)
    make_optimizer(plan, task)


def train(
    task: Task,
    plan: Plan,
    masks: Mapping[str, Tensor],
    *,
    seed: int,
    begin: Point | Snapshot,
    keeping: Keeping | None = None,
    progress: Progress | None = None,
    until: int | None = None,
) -> Snapshot:
    """Train one subnetwork (mask, weights) on one task to the end of the plan.

    Same arguments on the same machine give the same bits, wherever ``begin`` lies within the training: random
    numbers of a step depend on seed and step alone. Removed weights are exactly zero before and after every step.

    Args:
        task: what is trained and scored; left in its final state.
        plan: length, schedule, precision.
        masks: ``{name: bool tensor}`` over ``task.network``'s parameters; no names for a dense training.
        seed: of batches, augmentation and dropout.
        begin: a ``Point`` to train from (its step counts into the schedule) or a ``Snapshot`` to resume.
        keeping: what to save on the way.
        progress: told of each step and evaluation.
        until: stop after this many steps of the plan instead of at its end.

    Returns:
        The final snapshot; ``rows`` hold one evaluation each.

    Raises:
        TrainingDiverged: when a loss is not finite, naming the step.
        LthkitError: when masks do not fit, and as ``check_task``.
    """
    parameters = dict(task.network.named_parameters())
    masking.check(masks, {name: tuple(parameter.shape) for name, parameter in parameters.items()})
    check_task(task, plan)
    run = _Run(task, plan, seed, keeping or Keeping(), progress or Silent(), until)
    run.start(begin if isinstance(begin, Snapshot) else Snapshot(begin), masks)
    with machine.settings(plan), machine.interruption() as interrupted:
        run.to_the_end(interrupted)
    return run.snapshot()


class _Run:
    """The live training: task, optimiser and what has been gathered so far."""

    def __init__(
        self, task: Task, plan: Plan, seed: int, keeping: Keeping, progress: Progress, until: int | None
    ) -> None:
        self.task, self.plan, self.seed, self.keeping, self.progress = task, plan, seed, keeping, progress
        self.per_epoch = task.steps_per_epoch()
        self.total = plan.total_steps(self.per_epoch)
        self.end = self.total if until is None else min(until, self.total)
        self.masked = masked_networks(task)
        self.trained = [parameter for parameter in task.modules.parameters() if parameter.requires_grad]
        self.optimizer = make_optimizer(plan, task)
        self.stop = False
        if plan.compile:
            machine.compile_once(task.network)
        if hasattr(task, "told"):
            task.told = self.progress.scoring

    def start(self, begin: Snapshot, masks: Mapping[str, Tensor]) -> None:
        point = with_fresh_optimizer(begin.point, self.task.modules, self.optimizer)
        restore(point, self.task.modules, self.optimizer)
        bound: Masks = {}
        for address in self.masked:
            bound |= at_address(masks, address)
        parameters = dict(self.task.modules.named_parameters())
        # removed weights in each weight's own memory format, so that zeroing them is one pass over both
        self.removed = [
            (
                parameters[name].data,
                torch.empty_like(parameters[name], dtype=torch.bool, requires_grad=False).copy_(~mask),
            )
            for name, mask in bound.items()
        ]
        self.remove_weights()
        prove(point, self.task.modules, self.optimizer, bound)
        self.step, self.rows, self.best = point.step, list(begin.rows), begin.best
        self.loss_sum, self.loss_count = begin.losses
        self.pending: list[Tensor] = []
        self.clock = time.perf_counter() - begin.seconds
        self.saved = time.perf_counter()

    def to_the_end(self, interrupted: Callable[[], bool]) -> None:
        machine.training_mode(self.task.modules)
        while self.step < self.end:
            epoch, index = divmod(self.step, self.per_epoch)
            for batch in self.task.batches(self.seed, epoch, index):
                self.take_step(batch, interrupted)
                if self.plan.evaluates_after(self.step, self.per_epoch):
                    self.evaluate()
                if self.stop:
                    self.save()
                    raise KeyboardInterrupt
                if time.perf_counter() - self.saved >= self.keeping.seconds:
                    self.save()
                if self.step == self.end:
                    break

    def take_step(self, batch: object, interrupted: Callable[[], bool]) -> None:
        if self.keeping.points and self.step in self.keeping.points:
            self.keeping.points[self.step](capture(self.step, self.task.modules, self.optimizer))
        torch.manual_seed(derive(self.seed, "step", self.step, *([ranks.rank()] if ranks.rank() else [])))
        set_rates(self.optimizer, self.plan, self.step, self.per_epoch)
        with machine.autocast(self.plan):
            loss = self.task.loss(batch)
        loss.backward()
        mean_loss, self.stop = ranks.average(self.trained, self.task.modules, loss, interrupted())
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.remove_weights()
        self.step += 1
        self.task.after_step(self.step)
        self.pending.append(mean_loss)
        if len(self.pending) >= _LOSSES_AT_ONCE or not loss.is_cuda:
            self.gather_losses()
        self.progress.advance()

    def remove_weights(self) -> None:
        for weight, removed in self.removed:
            weight.masked_fill_(removed, 0)

    def gather_losses(self) -> None:
        """Add up the losses not yet looked at; on CUDA this waits for the device, so it is done for many at once."""
        if not self.pending:
            return
        values = torch.stack(self.pending).tolist()
        for ago, value in zip(range(len(values), 0, -1), values, strict=True):
            if not abs(value) < float("inf"):
                raise TrainingDiverged(
                    f"the loss is {value} at step {self.step - ago + 1} of {self.total}; "
                    "lower the learning rate, lengthen the warm-up or use float32"
                )
            self.loss_sum += value
        self.loss_count += len(values)
        self.pending.clear()

    def evaluate(self) -> None:
        """Score validation; score the test split where validation is best so far, or at the end without selection."""
        self.gather_losses()
        row: Row = dict.fromkeys(columns(self.task), float("nan"))
        row |= {
            "step": float(self.step),
            "learning_rate": learning_rate(self.plan, self.step - 1, self.per_epoch),
            "train_loss": self.loss_sum / self.loss_count,
        }
        self.loss_sum, self.loss_count = 0.0, 0
        row |= ranks.first(lambda: self.scores(row))
        if self.keeping.best and self.is_chosen(row):
            self.best = copy_state(self.task.modules)
        self.rows.append(row)
        self.progress.note(row)

    def scores(self, row: Row) -> Row:
        scores: Row = {}
        with machine.scoring(self.plan, self.task.modules):
            if "validation" in self.task.splits:
                scores |= {f"validation_{name}": value for name, value in self.task.evaluate("validation").items()}
            if "test" in self.task.splits and self.is_chosen(row | scores):
                scores |= {f"test_{name}": value for name, value in self.task.evaluate("test").items()}
        return scores | {"wall_time": time.perf_counter() - self.clock}

    def is_chosen(self, row: Row) -> bool:
        """Whether the test split is scored here: at the best validation so far, or without selection at the end."""
        return self.is_best(row) if self.plan.selection == "validation" else self.step == self.total

    def is_best(self, row: Row) -> bool:
        column = f"validation_{self.task.metric}"
        return best([each[column] for each in (*self.rows, row)], self.task.higher_is_better) == len(self.rows)

    def snapshot(self) -> Snapshot:
        self.gather_losses()
        return Snapshot(
            capture(self.step, self.task.modules, self.optimizer),
            self.rows,
            self.best,
            (self.loss_sum, self.loss_count),
            time.perf_counter() - self.clock,
        )

    def save(self) -> None:
        if self.keeping.save and ranks.rank() == 0:
            self.keeping.save(replace(self.snapshot(), rows=list(self.rows)))
        self.saved = time.perf_counter()
