"""Masks by the magnitude of given weights: one-shot pruning of the network, and of one layer alone."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field
from torch import Tensor

from lthkit import masks as rules
from lthkit.controls.kind import Inputs, Place, Undrawn, percent
from lthkit.errors import LthkitError
from lthkit.masks import Masks


class Ranked(Undrawn):
    """The largest of given weights, written ``KIND weights``.

    Attributes:
        weights: which ones, e.g. "pretrained" or "source"; whoever makes the mask gives their values.
        sparsity: fraction to remove; None for the ticket's own count.
    """

    weights: str
    sparsity: float | None = Field(default=None, ge=0, lt=1)

    @classmethod
    def read(cls, argument: str, place: Place) -> dict[str, Any]:
        if not argument:
            raise LthkitError(
                f"a mask of kind '{cls.name()}' needs the weights to rank; write e.g. {cls.name()} pretrained"
            )
        return super().read("", place) | {"weights": argument}

    @property
    def ranked(self) -> str:
        return self.weights

    def arguments(self) -> list[str]:
        return [self.weights, *([] if self.sparsity is None else [percent(self.sparsity)])]

    @property
    def count(self) -> str:
        """How many weights are left, in words."""
        return "as many as it has" if self.sparsity is None else f"{100 * self.sparsity:g} % removed"


class OneShotStart(Ranked):
    """The weights that are largest before training."""

    kind: Literal["one_shot_start"] = "one_shot_start"

    def make(self, inputs: Inputs) -> Masks:
        return one_shot(inputs.weights, inputs.ticket, self.sparsity)

    def describe(self) -> str:
        return f"largest starting weights ({self.weights}) of the network of {self.ticket}, {self.count}"


class OneShotTrained(Ranked):
    """The weights that are largest after training."""

    kind: Literal["one_shot_trained"] = "one_shot_trained"

    def make(self, inputs: Inputs) -> Masks:
        return one_shot(inputs.weights, inputs.ticket, self.sparsity)

    def describe(self) -> str:
        return f"largest trained weights ({self.weights}) of the network of {self.ticket}, {self.count}"


class OneLayer(Ranked):
    """One layer pruned, all others dense; written ``one_layer layer weights``.

    Attributes:
        layer: parameter name.
    """

    kind: Literal["one_layer"] = "one_layer"
    layer: str

    @classmethod
    def read(cls, argument: str, place: Place) -> dict[str, Any]:
        layer, _, weights = argument.partition(" ")
        if not weights:
            raise LthkitError(
                "a mask of kind 'one_layer' needs a layer and the weights to rank; "
                "write e.g. one_layer layer1.0.conv1.weight pretrained"
            )
        return super().read(weights, place) | {"layer": layer}

    def make(self, inputs: Inputs) -> Masks:
        return one_layer(inputs.weights, inputs.ticket, self.layer, self.sparsity)

    def describe(self) -> str:
        network = f"the network of {self.ticket}"
        return f"{self.layer} alone pruned by its weights ({self.weights}) in {network}, {self.count}"

    def arguments(self) -> list[str]:
        weights, *sparsity = super().arguments()
        return [weights, self.layer, *sparsity]


def one_shot(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor], sparsity: float | None = None) -> Masks:
    """The largest weights by magnitude over all layers, pruned once from the dense network.

    At the starting weights this is the control for "the ticket is where the weights are large to begin with"; after
    training it is one-shot pruning (Mehta 2019, Section 4.2).

    Args:
        weights: values to rank, at least for every name in ``masks``.
        masks: the ticket; gives the shapes, and the count if ``sparsity`` is None.
        sparsity: fraction to remove, 0…1; rounded to whole weights, halves up.

    Raises:
        LthkitError: on weights that do not fit or are not finite, or a sparsity outside [0, 1).
    """
    shapes = {name: tuple(mask.shape) for name, mask in masks.items()}
    return rules.prune(weights, rules.dense(shapes), _kept(masks, sparsity))


def one_layer(
    weights: Mapping[str, Tensor], masks: Mapping[str, Tensor], layer: str, sparsity: float | None = None
) -> Masks:
    """One layer pruned by magnitude, all others dense: how much that layer bears (Mehta 2019, layer-wise sensitivity).

    Args:
        weights: values to rank, at least of ``layer``.
        masks: the ticket; gives the shapes, and the layer's count if ``sparsity`` is None.
        layer: parameter name.
        sparsity: fraction of the layer to remove, 0…1; rounded to whole weights, halves up.

    Raises:
        LthkitError: if there is no such layer, or its weights do not fit.
    """
    if layer not in masks:
        raise LthkitError(f"there is no prunable layer '{layer}'; choose one of {', '.join(list(masks)[:5])} …")
    if layer not in weights:
        raise LthkitError(f"the weights to rank lack the layer '{layer}'; give those of the masks' network")
    pruned = rules.dense({name: tuple(mask.shape) for name, mask in masks.items()})
    kept = _kept({layer: masks[layer]}, sparsity)
    return pruned | rules.prune({layer: weights[layer]}, {layer: pruned[layer]}, kept)


def _kept(masks: Mapping[str, Tensor], sparsity: float | None) -> int:
    """Weights that a mask of this sparsity has; the masks' own count if it is None."""
    if sparsity is None:
        return rules.left(masks)
    if not 0 <= sparsity < 1:
        raise LthkitError(f"sparsity {sparsity} lies outside [0, 1); give the fraction of weights to remove")
    left = rules.size(masks) * (1 - Fraction(repr(float(sparsity)))) + Fraction(1, 2)
    return left.numerator // left.denominator
