"""A stored ticket as a smaller dense network."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from lthkit import masks as masking
from lthkit.catalog import Catalog
from lthkit.cutting.network import FACTS, Borders, cut_network
from lthkit.errors import LthkitError
from lthkit.masks import Masks
from lthkit.search import Kept, find_trained, loaded_task
from lthkit.store import StoreLike, as_store
from lthkit.tasks import at_address, network_address

_COUNT = 8


@dataclass(frozen=True, eq=False)
class TicketNetwork:
    """The network of a search's round, as it infers.

    Of a detector it is backbone, neck and, where torch.fx can follow them, heads: images to the maps that detections
    are read from; of segmentation all of it; of a contrastive task the encoder with its projection.

    Attributes:
        network: with its weights, not masked.
        masks: by the names of its parameters.
        image_shape: of one input, (C, H, W).
        images: (B, C, H, W), real ones; None where the task gives none.
        said: ``store``, ``round``, ``sparsity`` and ``weights``.
    """

    network: nn.Module
    masks: Masks
    image_shape: tuple[int, ...]
    images: Tensor | None
    said: dict[str, Any]


def ticket_network(
    ticket: StoreLike, round: int, weights: Kept | None = None, catalog: Catalog | None = None
) -> TicketNetwork:
    """The network of a search's round. Arguments and errors as ``cut``."""
    store = as_store(ticket)
    masks = masking.as_tensors(store.masks(round))
    trained = find_trained(store, round, weights)
    task = loaded_task(trained, catalog)
    shape = getattr(task, "image_shape", None)
    if shape is None:
        raise LthkitError(
            f"task '{trained.config.task.name}' does not say the shape of its images; give it image_shape"
        )
    whole = getattr(task, "inference", task.network)
    images = task.images("test", _COUNT) if hasattr(task, "images") else None
    named = at_address(masks, network_address(whole, task.network))
    return TicketNetwork(whole, named, tuple(shape), images, trained.said | {"weights": weights or "trained"})


def cut(
    ticket: StoreLike,
    round: int,
    weights: Kept | None = None,
    *,
    borders: Borders = "term",
    catalog: Catalog | None = None,
) -> nn.Module:
    """The network of a search's round without what its mask leaves without effect, the same function to 1e-5.

    Args:
        ticket: a search (store or path).
        round: whose mask, 0 (dense) … ``store.rounds``.
        weights: ``start``, ``rewind``, ``best`` or ``last``; those trained in the round by default.
        borders: as ``cut_network``.
        catalog: found from the current folder by default.

    Returns:
        As ``cut_network`` of what ``TicketNetwork`` says, compared with the masked network on random and on real
        images; its facts also name ``store``, ``round``, ``weights`` and ``sparsity``.

    Raises:
        LthkitError: no such round, weights that are not kept, samples that are others, and as ``cut_network``.
    """
    whole = ticket_network(ticket, round, weights, catalog)
    small = cut_network(whole.network, whole.masks, whole.image_shape, images=whole.images, borders=borders)
    small.meta[FACTS] |= whole.said
    return small
