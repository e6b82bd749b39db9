"""A stored ticket as a smaller dense network."""

from torch import nn

from lthkit import masks as masking
from lthkit.catalog import Catalog
from lthkit.cutting.network import FACTS, Borders, cut_network
from lthkit.errors import LthkitError
from lthkit.search import Kept, find_trained, loaded_task
from lthkit.store import StoreLike, as_store
from lthkit.tasks import at_address, network_address

_COUNT = 8


def cut(
    ticket: StoreLike,
    round: int,
    weights: Kept | None = None,
    *,
    borders: Borders = "term",
    catalog: Catalog | None = None,
) -> nn.Module:
    """The network of a search's round without what its mask leaves without effect, the same function to 1e-5.

    Of a detector it is backbone, neck and, where torch.fx can follow them, heads: images to the maps that detections
    are read from; of segmentation all of it; of a contrastive task the encoder with its projection.

    Args:
        ticket: a search (store or path).
        round: whose mask, 0 (dense) … ``store.rounds``.
        weights: ``start``, ``rewind``, ``best`` or ``last``; those trained in the round by default.
        borders: as ``cut_network``.
        catalog: found from the current folder by default.

    Returns:
        As ``cut_network``, compared with the masked network on random and on real images; its facts also name
        ``store``, ``round``, ``weights`` and ``sparsity``.

    Raises:
        LthkitError: no such round, weights that are not kept, samples that are others, and as ``cut_network``.
    """
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
    small = cut_network(whole, named, shape, images=images, borders=borders)
    small.meta[FACTS] |= trained.said | {"weights": weights or "trained"}
    return small
