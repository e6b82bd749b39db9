"""What a trained subnetwork says of single images, and how well it does on each class."""

import numpy as np
import xarray as xr

from lthkit.catalog import Catalog
from lthkit.errors import LthkitError
from lthkit.search.trained import find_trained, loaded_task
from lthkit.store import StoreLike
from lthkit.train import machine


def predict(
    what: StoreLike, *, round: int | None = None, split: str = "test", count: int = 4, catalog: Catalog | None = None
) -> xr.Dataset:
    """The first images of a split, what is on them, and what a trained subnetwork finds there.

    Args:
        what: a search (store or path), or the file of a single training's result whose weights were kept
            (``keep_weights``).
        round: of a search; the last whose trained weights are kept by default.
        split: ``test`` or ``validation``.
        count: of images.
        catalog: found from the current folder by default.

    Returns:
        As ``plots.predictions`` takes it: ``image`` and, of detection, boxes or, of segmentation, masks.

    Raises:
        LthkitError: if the weights are not kept, the samples are others, or the task predicts nothing that can be
            drawn.
    """
    trained = find_trained(what, round)
    task = loaded_task(trained, catalog)
    found = getattr(task, "predictions", None)
    if found is None:
        raise LthkitError(
            f"task '{trained.config.task.name}' has no predictions to draw; take a search of detection or segmentation"
        )
    with machine.settings(trained.config.plan), machine.scoring(trained.config.plan, task.modules):
        return found(split, count).assign_attrs(split=split, **trained.said)


def score_per_class(
    what: StoreLike, *, round: int | None = None, split: str = "test", catalog: Catalog | None = None
) -> xr.DataArray:
    """The score of each class: AP50 of detection, IoU of segmentation. Arguments and errors as ``predict``.

    Returns:
        By ``class``, named as the score; NaN where a class has none.
    """
    trained = find_trained(what, round)
    task = loaded_task(trained, catalog)
    if not hasattr(task, "per_class"):
        raise LthkitError(
            f"task '{trained.config.task.name}' has no score for each class; take a search of detection or segmentation"
        )
    with machine.settings(trained.config.plan), machine.scoring(trained.config.plan, task.modules):
        name, scores = task.per_class(split)
    said = {"split": split, "test_share": trained.config.data.test_share} | trained.said
    return xr.DataArray(np.array(list(scores.values())), {"class": list(scores)}, ("class",), name, said)
