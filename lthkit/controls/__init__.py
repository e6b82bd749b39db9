"""Masks that are not tickets: the controls without which a ticket says nothing."""

from lthkit.controls.kinds import (
    complement,
    difference,
    flip,
    global_random,
    intersection,
    layer_random,
    layer_shuffled,
    one_layer,
    one_shot,
    swap,
    union,
)
from lthkit.controls.recipe import Made, Recipe, kinds, make, realise

__all__ = [
    "Made",
    "Recipe",
    "complement",
    "difference",
    "flip",
    "global_random",
    "intersection",
    "kinds",
    "layer_random",
    "layer_shuffled",
    "make",
    "one_layer",
    "one_shot",
    "realise",
    "swap",
    "union",
]
