"""What the two papers report, as data, to be drawn beside what is measured.

Numbers are as printed, as fractions (91.41 % is 0.9141). Data sets have the catalog's names where it has them.
Chen et al. 2021, "The Lottery Tickets Hypothesis for Supervised and Self-supervised Pre-training in Computer Vision
Models"; Mehta 2019, "Sparse Transfer Learning via Winning Lottery Tickets".
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from lthkit.errors import LthkitError

CHEN, MEHTA = "Chen et al. 2021", "Mehta 2019"
PRETRAININGS = ("imagenet", "simclr", "moco")
"""The sources of Chen et al.: supervised on ImageNet, simCLR and MoCo v2 on ImageNet; all ResNet-50."""


@dataclass(frozen=True)
class Outcome:
    """One published result.

    Attributes:
        paper: which paper.
        where: figure, table or section in it.
        source: the pre-training, or the source task.
        target: the task that it was trained and scored on.
        found_on: where the mask was found: "source" or "target".
        weights: start weights: "pretrained" (θp), "source" (θS), "random" (θ0) or "redrawn" (θ′).
        setting: network and training, in words.
        metric: of the scores.
        highest: the highest sparsity (fraction removed) at which it still matches (Chen) or is a winning ticket
            (Mehta); None if it does at none.
        best_score: the best score printed, as a fraction; None if none is.
        best_sparsity: where; None if not said.
        runs: independent runs behind it; None if not said.
    """

    paper: str
    where: str
    source: str
    target: str
    found_on: str
    weights: str
    setting: str
    metric: str
    highest: float | None
    best_score: float | None = None
    best_sparsity: float | None = None
    runs: int | None = None

    @property
    def label(self) -> str:
        """Paper and place, for a legend."""
        return f"{self.paper}, {self.where}"


# target, found on, setting, metric, where, highest sparsity in % for supervised, simCLR, MoCo
_CHEN: tuple[tuple[str, str, str, str, str, tuple[float | None, ...]], ...] = (
    ("cifar10", "source", "ResNet-50", "accuracy", "Fig. 3", (91.41, 91.41, 91.41)),
    ("cifar100", "source", "ResNet-50", "accuracy", "Fig. 3", (86.58, 86.58, 89.26)),
    ("svhn", "source", "ResNet-50", "accuracy", "Fig. 3", (91.41, 96.48, 93.13)),
    ("fashion-mnist", "source", "ResNet-50", "accuracy", "Fig. 3", (89.26, 89.26, 91.41)),
    ("visda2017", "source", "ResNet-50", "accuracy", "Fig. 4", (67.23, 59.04, 59.04)),
    ("four natural-image sets", "source", "ResNet-50, universal", "accuracy", "Section 4.1", (86.58, 86.58, 89.26)),
    ("cifar10", "target", "ResNet-50", "accuracy", "Fig. 3", (98.20, 91.41, 73.79)),
    ("cifar100", "target", "ResNet-50", "accuracy", "Fig. 3", (91.41, 91.41, 20.00)),
    ("svhn", "target", "ResNet-50", "accuracy", "Fig. 3", (91.41, 95.60, 91.41)),
    ("fashion-mnist", "target", "ResNet-50", "accuracy", "Fig. 3", (89.26, 96.48, 73.79)),
    ("visda2017", "target", "ResNet-50", "accuracy", "Fig. 4", (73.79, 59.04, 67.23)),
    ("voc-detection", "source", "YOLOv4", "AP", "Fig. 5", (73.79, 48.80, 73.79)),
    ("voc-detection", "source", "YOLOv4", "AP50", "Fig. 10", (83.22, 89.26, 36.00)),
    ("voc-detection", "source", "YOLOv4", "AP75", "Fig. 10", (73.79, 48.80, 79.03)),
    ("voc-detection", "target", "YOLOv4", "AP", "Fig. 5", (95.60, 93.13, 97.75)),
    ("voc-segmentation", "source", "DeepLabv3+", "mIoU", "Fig. 5", (48.80, 36.00, 83.22)),
    ("voc-segmentation", "target", "DeepLabv3+", "mIoU", "Fig. 5", (73.79, 67.23, 86.58)),
    ("voc-detection", "source", "Faster R-CNN", "AP", "Fig. 11", (None, None, None)),
    ("voc-detection", "source", "Faster R-CNN", "AP50", "Fig. 11", (None, None, 59.04)),
    ("voc-detection", "source", "Faster R-CNN", "AP75", "Fig. 11", (None, None, None)),
    ("voc-detection", "source", "SSD", "AP", "Fig. 11", (None, None, 83.22)),
    ("voc-detection", "source", "SSD", "AP50", "Fig. 11", (None, None, 86.58)),
    ("voc-detection", "source", "SSD", "AP75", "Fig. 11", (None, None, 83.22)),
)
_CHEN_OWN = {"imagenet": (67.23, "accuracy"), "simclr": (59.04, "retrieval"), "moco": (95.60, "contrast accuracy")}

_FROZEN, _TUNED = "convolutions frozen", "all fine-tuned"
_TWO = "two-layer head"
# target, network, setting, where, smallest winning ticket in % of weights kept, best accuracy in %, kept in % there
_MEHTA: tuple[tuple[str, str, str, str, float | None, float | None, float | None], ...] = (
    ("smallnorb", "ResNet-18", f"{_FROZEN}, linear head", "Fig. 1", 6, 80.01, 17),
    ("smallnorb", "ResNet-18", f"{_FROZEN}, {_TWO}", "Fig. 2", 6, 84.41, None),
    ("fashion-mnist", "ResNet-18", f"{_FROZEN}, {_TWO}", "Fig. 3", 7, None, None),
    ("fashion-mnist", "ResNet-18", f"{_TUNED}, iterative", "Fig. 5", 6.9, 91.7, None),
    ("smallnorb", "ResNet-18", f"{_TUNED}, one-shot", "Fig. 6", 21.0, 89.3, 32.8),
    ("smallnorb", "ResNet-18", f"{_TUNED}, iterative", "Fig. 7", 5.5, 90.2, 26.2),
    ("smallnorb", "VGG-19", f"{_TUNED}, iterative", "Fig. 8", None, None, None),
    ("fashion-mnist", "VGG-19", f"{_TUNED}, iterative", "Fig. 9", None, None, None),
)
TEMPERATURE = {0.1: 0.8181, 0.2: 0.8191, 0.5: 0.8222, 1.0: 0.8124, 2.0: 0.8076, 10.0: 0.8146, 20.0: 0.8018}
"""simCLR's temperature → accuracy on CIFAR-100 at 73.79 % sparsity (Chen et al. 2021, Table 2)."""

OVERLAP_BELOW = 0.0655
"""Relative similarity of masks of two pre-trainings after five rounds, 67.23 % (Chen et al. 2021, Section 5.1): less
than this, where independent masks already share 0.196 (setups.md, trap 5)."""

VOC_DETECTION = {
    "supervised": {"AP": 0.535, "AP50": 0.813, "AP75": 0.588},
    "MoCo v2": {"AP": 0.570, "AP50": 0.824, "AP75": 0.636},
}
"""Pre-training → scores of the dense Faster R-CNN (ResNet-50, C4 form) after 24,000 iterations on VOC 2007 + 2012,
tested on VOC 2007, as the authors of MoCo report them (He et al. 2020; Chen et al. 2020, improved baselines)."""

LOGISTIC_REGRESSION = (0.58, 0.65)
"""Range of the test accuracy of logistic regression on Fashion-MNIST (Mehta 2019, Fig. 4)."""


def outcomes(**labels: str) -> tuple[Outcome, ...]:
    """The published outcomes whose fields are as given, e.g. ``outcomes(target="cifar10", found_on="source")``.

    Raises:
        LthkitError: if an outcome has no such field.
    """
    known = [field.name for field in fields(Outcome)]
    for name in labels:
        if name not in known:
            raise LthkitError(f"a published outcome has no '{name}'; choose by {', '.join(known)}")
    every = (*_chen(), *_mehta())
    return tuple(one for one in every if all(getattr(one, name) == label for name, label in labels.items()))


def _chen() -> Iterator[Outcome]:
    for source, (own, metric) in _CHEN_OWN.items():
        yield Outcome(
            CHEN, "Fig. 2", source, source, "source", "pretrained", "ResNet-50", metric, _fraction(own), runs=3
        )
    for target, found_on, setting, metric, where, percents in _CHEN:
        for source, percent in zip(PRETRAININGS, percents, strict=True):
            yield Outcome(
                CHEN,
                where,
                source,
                target,
                found_on,
                "pretrained",
                setting,
                metric,
                _fraction(percent),
                runs=1 if setting == "SSD" else 3,
            )


def _mehta() -> Iterator[Outcome]:
    for target, network, training, where, kept, best, kept_at_best in _MEHTA:
        setting = f"{network}, {training}"
        place = (MEHTA, where, "cifar10", target, "source")
        highest, at = _fraction(_removed(kept)), _fraction(_removed(kept_at_best))
        yield Outcome(*place, "source", setting, "accuracy", highest, _fraction(best), at)
        # from these no winning ticket was found at any sparsity; VGG-19 was not trained from θ′
        for weights in ("random",) if network == "VGG-19" else ("random", "redrawn"):
            yield Outcome(*place, weights, setting, "accuracy", None)


def _removed(kept: float | None) -> float | None:
    return None if kept is None else 100 - kept


def _fraction(percent: float | None) -> float | None:
    return None if percent is None else round(percent / 100, 6)
