"""Controls of every round: their codes give, bit for bit, the masks that the recipes draw."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lthkit import controls
from lthkit.controls import NESTED, nested_codes
from lthkit.errors import LthkitError

DRAW = {
    "layer_random": controls.layer_random,
    "random": controls.global_random,
    "layer_shuffled": controls.layer_shuffled,
}
SHAPES = {"a.weight": (5, 4, 3, 3), "b.weight": (6, 5, 1, 1), "c.weight": (7, 6)}


def codes(seed: int, rounds: int):
    draws = np.random.default_rng(seed)
    died = np.append(np.arange(1, rounds + 1), 255).astype(np.uint8)
    return {name: draws.choice(died, shape) for name, shape in SHAPES.items()}


def test_every_kind_is_held_here():
    assert DRAW.keys() == NESTED.keys()


@settings(derandomize=True, deadline=None, max_examples=20)
@given(st.sampled_from(sorted(DRAW)), st.integers(0, 10**6), st.integers(1, 7), st.integers(0, 3))
def test_masks_of_every_round_are_the_recipes(kind, seed, rounds, drawn):
    given_codes = codes(seed, rounds)
    found = nested_codes(kind, given_codes, rounds, drawn)
    for round in range(rounds + 1):
        ticket = {name: torch.from_numpy(code > round) for name, code in given_codes.items()}
        for name, mask in DRAW[kind](ticket, drawn).items():
            assert np.array_equal(found[name] > round, mask.numpy()), (name, round)


def test_a_kind_that_does_not_shrink_is_refused():
    with pytest.raises(LthkitError, match="'flip' do not shrink round by round; choose from layer_random, random"):
        nested_codes("flip", codes(0, 2), 2)
