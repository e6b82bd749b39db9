"""Masks that are not tickets: the controls without which a ticket says nothing."""

from lthkit.controls.changed import flip, swap
from lthkit.controls.drawn import global_random, layer_random, layer_shuffled
from lthkit.controls.kind import Score
from lthkit.controls.made import Made, realise
from lthkit.controls.nested import NESTED, nested_codes
from lthkit.controls.paired import difference, intersection, union
from lthkit.controls.ranked import one_layer, one_shot
from lthkit.controls.recipe import Recipe, kinds, parse_recipe, read_recipe, ticket_recipe
from lthkit.controls.scored import erdos_renyi_kernel, erk_counts, pruned_in_steps
from lthkit.controls.stored import complement

__all__ = [
    "NESTED",
    "Made",
    "Recipe",
    "Score",
    "complement",
    "difference",
    "erdos_renyi_kernel",
    "erk_counts",
    "flip",
    "global_random",
    "intersection",
    "kinds",
    "layer_random",
    "layer_shuffled",
    "nested_codes",
    "one_layer",
    "one_shot",
    "parse_recipe",
    "pruned_in_steps",
    "read_recipe",
    "realise",
    "swap",
    "ticket_recipe",
    "union",
]
