"""From a score for every box and class to the detections of an image."""

import torch
from torch import Tensor

from lthkit.detectors.base import DetectorOptions
from lthkit.scores import Detections

_CANDIDATES = 1000


def suppressed(boxes: Tensor, scores: Tensor, size: int, options: DetectorOptions) -> Detections:
    """The surest boxes of each class that do not overlap a surer one of the same class (non-maximum suppression).

    A box may be detected as several classes. Boxes are cut at the image's edge, and those that lie outside are left
    out.

    Args:
        boxes: float32 (n, 4), left, top, right, bottom in pixels.
        scores: float32 (n, classes) in [0, 1].
        size: height and width of the image.
        options: which detections are kept.

    Returns:
        Detections by falling score, on the CPU.
    """
    from torchvision.ops import batched_nms  # as long to import as torch itself

    boxes = boxes.clamp(0, size)
    inside = (boxes[:, 2:] > boxes[:, :2]).all(1)
    place, label = torch.nonzero((scores >= options.least_score) & inside[:, None], as_tuple=True)
    surest = scores[place, label].argsort(descending=True, stable=True)[:_CANDIDATES]
    place, label = place[surest], label[surest]
    kept = batched_nms(boxes[place], scores[place, label], label, options.overlap)[: options.most]
    place, label = place[kept], label[kept]
    return Detections(boxes[place].cpu(), scores[place, label].cpu(), label.cpu())
