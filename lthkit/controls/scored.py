"""Masks by a criterion at the starting weights (pruning at initialisation), and Erdős–Rényi-kernel random ones."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from lthkit import masks as rules
from lthkit.controls.draw import keys, smallest
from lthkit.controls.drawn import Drawn
from lthkit.controls.kind import Inputs, Score, Undrawn
from lthkit.errors import LthkitError
from lthkit.masks import Masks


class Scored(Undrawn):
    """As many weights as the ticket has, those of the highest scores where the training starts."""

    @property
    def criterion(self) -> str:
        return self.name()

    def make(self, inputs: Inputs) -> Masks:
        if inputs.scored is None:
            raise LthkitError(
                f"a mask of kind '{self.name()}' is made where a training starts, from its weights and batches; "
                "train with it, or make it there"
            )
        score, steps = inputs.scored
        dense = rules.dense({name: tuple(mask.shape) for name, mask in inputs.ticket.items()})
        return pruned_in_steps(score, dense, rules.left(inputs.ticket), steps)

    def describe(self) -> str:
        return f"weights of the highest {self.name()} scores at the start, as many as {self.ticket} has"


class Snip(Scored):
    """Connection sensitivity (Lee et al. 2019)."""

    kind: Literal["snip"] = "snip"


class Grasp(Scored):
    """Gradient signal preservation (Wang et al. 2020)."""

    kind: Literal["grasp"] = "grasp"


class Synflow(Scored):
    """Synaptic flow, in a hundred steps (Tanaka et al. 2020)."""

    kind: Literal["synflow"] = "synflow"


class ErdosRenyiKernel(Drawn):
    """As many weights as the ticket has, anywhere in layers whose densities follow their shapes."""

    kind: Literal["erk"] = "erk"

    def make(self, inputs: Inputs) -> Masks:
        return erdos_renyi_kernel(inputs.ticket, self.seed)

    def describe(self) -> str:
        return (
            f"random mask with as many weights as {self.ticket}, in layers of Erdős–Rényi-kernel densities, "
            f"seed {self.seed}"
        )


def pruned_in_steps(
    score: Score, masks: Masks, keep: int, steps: int, prune: Callable[..., Masks] = rules.prune
) -> Masks:
    """Pruned to ``keep`` in so many steps, each of the same share of what is left, the scores taken anew before each.

    Args:
        score: of what is left.
        masks: what is left now.
        keep: what is to be left.
        steps: one for all at once.
        prune: ``(scores, masks, keep)`` → masks.
    """
    before = rules.left(masks)
    for step in range(1, steps + 1):
        wanted = keep if step == steps else math.floor(before * (keep / max(before, 1)) ** (step / steps) + 0.5)
        masks = prune(score(masks), masks, max(wanted, keep))
    return masks


def erdos_renyi_kernel(masks: Mapping[str, Tensor], seed: int) -> Masks:
    """As many weights as the masks have, drawn at random in layers of ``erk_counts``."""
    counts = erk_counts({name: tuple(mask.shape) for name, mask in masks.items()}, rules.left(masks))
    drawn = {}
    for name, mask in masks.items():
        chosen = smallest(keys(mask.numel(), seed, "erk", name), counts[name])
        drawn[name] = torch.from_numpy(chosen).view(mask.shape)
    return drawn


def erk_counts(shapes: Mapping[str, tuple[int, ...]], keep: int) -> dict[str, int]:
    """Weights of each layer: a density proportional to Σ sides ÷ Π sides of its weight, at most 1 (Evci et al. 2020,
    arXiv 1911.11134, section 3), together exactly ``keep``: what rounding leaves over goes to the largest remainders.
    """
    sizes = np.array([math.prod(shape) for shape in shapes.values()])
    sides = np.array([sum(shape) for shape in shapes.values()], float)  # density · size is proportional to this
    whole = np.zeros(len(sizes), bool)
    wanted = sizes.astype(float)
    while not whole.all():
        wanted = np.where(whole, sizes, sides * (keep - sizes[whole].sum()) / sides[~whole].sum())
        above = (wanted > sizes) & ~whole
        if not above.any():
            break
        whole |= above
    counts = np.floor(wanted).astype(int)
    rest = np.argsort(counts - wanted, kind="stable")[: keep - counts.sum()]
    counts[rest] += 1
    return dict(zip(shapes, counts.tolist(), strict=True))
