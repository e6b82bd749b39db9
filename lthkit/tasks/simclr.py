"""simCLR: the two views of an image attract each other, all other images of the batch repel (Chen et al. 2020)."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lthkit import models, ranks
from lthkit.data import Splits
from lthkit.tasks.base import TaskContext
from lthkit.tasks.contrastive import (
    Contrastive,
    ContrastiveOptions,
    Pair,
    begin,
    retrieval_of,
    with_features,
)
from lthkit.tasks.place import place
from lthkit.tasks.similarity import dot, unit


class SimclrOptions(ContrastiveOptions):
    """Options of the task ``simclr``.

    Attributes:
        temperature: τ of the loss (Chen et al. 2021, Table 2: 0.1 to 20).
    """

    temperature: float = Field(default=0.1, gt=0)


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The normalised temperature-scaled cross-entropy: the mean over 2n views of −log p (Chen et al. 2020, Eq. 1).

    p is the softmax, over the 2n − 1 other views, of cosine similarity / temperature, at the image's other view.

    Args:
        first: (n, d) projections of n images.
        second: (n, d) those of other views of them.
        temperature: > 0.
    """
    projected = unit(torch.cat([first, second]))
    similarity = dot(projected, projected) / temperature
    similarity.fill_diagonal_(-torch.inf)
    partner = torch.arange(len(projected), device=projected.device).roll(len(first))
    return cross_entropy(similarity, partner)


class Simclr(Contrastive):
    """A network with a projection head on pairs of views (Chen et al. 2021, Table 1: simCLR)."""

    metrics: tuple[str, ...] = ("retrieval", "loss")
    metric = "retrieval"
    higher_is_better = True

    def __init__(
        self, network: nn.Module, splits: Splits, options: SimclrOptions, context: TaskContext, start: str
    ) -> None:
        context = place(network, network, context)
        super().__init__(splits, options, context)
        self.network = self.modules = network
        self.prunable = models.prunable_of(network, context.model)
        self.chance, self.start = self.retrieval_chance, start
        self.temperature = options.temperature

    def batches(self, seed: int, epoch: int, start: int) -> Iterator[Pair]:
        return self.pairs(seed, epoch, start)

    def loss(self, batch: Pair) -> Tensor:
        first, second = self.network(torch.cat(batch)).chunk(2)
        # every rank computes the whole loss, of the images of all of them
        return ranks.whole(nt_xent(ranks.gather(first), ranks.gather(second), self.temperature))

    def after_step(self, step: int) -> None:
        """Nothing lives beside the network."""

    def evaluate(self, split: str) -> dict[str, float]:
        features, projected = [], []
        for first, second in self.scored_pairs(split):
            (one, of_one), (other, of_other) = (with_features(self.network, views) for views in (first, second))
            projected.append((one, other))
            features.append((of_one, of_other))
        return {"retrieval": retrieval_of(features), "loss": self._mean_loss(projected)}

    def _mean_loss(self, projected: list[Pair]) -> float:
        """The loss in batches as large as those that are trained on; what is left over is not counted."""
        first, second = (torch.cat(batches) for batches in zip(*projected, strict=True))
        size = min(self.context.batch_size, len(first))
        losses = [
            nt_xent(first[start : start + size], second[start : start + size], self.temperature)
            for start in range(0, len(first) - size + 1, size)
        ]
        return torch.stack(losses).mean().item()


def make(context: TaskContext) -> Simclr:
    """The network on pairs of views, from its checkpoint or at random.

    Raises:
        LthkitError: on options out of range, and as ``contrastive.begin``.
    """
    options = SimclrOptions.parse(dict(context.options), "task 'simclr'")
    splits, network, start = begin(context, options.projection)
    return Simclr(network, splits, options, context, start)
