"""What is pruned as one: units and patterns, by hand, by brute force and in whole searches."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import AUTOENCODER, tiny_config

from lthkit import masks as masking
from lthkit.analysis import zero_kernels
from lthkit.errors import LthkitError
from lthkit.granularity import as_units, pattern_of, prune_pattern, prune_units
from lthkit.progress import Silent
from lthkit.search import SearchConfig, find_ticket
from lthkit.search.config import Pruning
from lthkit.search.pruning import check_pruning, pruned


def ones(**weights):
    return {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in weights.items()}


def test_a_filter_goes_whole_by_its_mean_magnitude():
    small = torch.tensor([[[[1.0]], [[-1.0]]], [[[0.5]], [[-2.0]]]])  # means 1 and 1.25
    large = torch.full((2, 1, 2, 2), 1.1)
    masks = prune_units({"a": small, "b": large}, ones(a=small, b=large), 3, "filter")
    assert masks["a"].flatten(1).tolist() == [[False, False], [True, True]]
    assert masks["b"].all()


def test_a_kernel_is_judged_by_what_it_has_left():
    weight = torch.tensor([[[[3.0, 0.0]], [[2.0, 2.0]]]])
    left = torch.tensor([[[[True, False]], [[True, True]]]])
    masks = prune_units({"a": weight}, {"a": left}, 1, "kernel")
    assert masks["a"].tolist() == [[[[True, False]], [[False, False]]]]


def test_two_of_four_by_hand_and_the_earlier_of_equal_ones_goes_first():
    weight = torch.tensor([[3.0, -4.0, 1.0, 2.0, 5.0, 5.0, 5.0, 5.0]])
    masks = prune_pattern({"a": weight}, ones(a=weight), 2, 4)
    assert masks["a"].int().tolist() == [[1, 1, 0, 0, 0, 0, 1, 1]]


def test_the_groups_of_a_pattern_lie_along_the_input_channels():
    weight = torch.randn(3, 8, 2, 2, generator=torch.Generator().manual_seed(0))
    odd = torch.randn(3, 6, 1, 1)
    masks = prune_pattern({"a": weight, "odd": odd}, ones(a=weight, odd=odd), 1, 4)
    for out, row, column, group in np.ndindex(3, 2, 2, 2):
        four = weight[out, 4 * group : 4 * group + 4, row, column].abs()
        assert masks["a"][out, 4 * group : 4 * group + 4, row, column].tolist() == (four == four.max()).tolist()
    assert masks["odd"].all()


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["weight", "kernel", "filter", "2:4", "1:4"]),
    st.sampled_from(["global", "layer"]),
)
def test_masks_are_nested_and_their_counts_exact(seed, granularity, scope):
    draws = torch.Generator().manual_seed(seed)
    weights = {
        "a": torch.randn(5, 4, 3, 3, generator=draws),
        "b": torch.randn(7, 8, generator=draws).round(),  # with ties and zeros
    }
    start = ones(**weights)
    rounds = 2 if ":" in granularity else 4
    config = Pruning(granularity=granularity, scope=scope, rate=0.3, rounds=rounds)
    now = start
    for prunings in range(1, rounds + 1):
        after = pruned(lambda left: weights, now, start, config, prunings)
        assert all((after[name] <= now[name]).all() for name in now)
        units = _units(after, granularity)
        if ":" in granularity:
            assert set(units.tolist()) == {4 - prunings}
        elif scope == "global":
            whole = len(_units(start, granularity))
            assert int(units.sum()) == int(whole * Fraction(7, 10) ** prunings + Fraction(1, 2))
        else:
            for name in after:
                whole = len(_units({name: start[name]}, granularity))
                kept = int(_units({name: after[name]}, granularity).sum())
                assert kept == int(whole * Fraction(7, 10) ** prunings + Fraction(1, 2))
        now = after


def _units(masks, granularity):
    """Of each unit whether it is left, whole or not at all; of each group how many are."""
    found = []
    for mask in masks.values():
        shape = {"weight": (-1, 1), "filter": (mask.shape[0], -1), "kernel": (mask.shape[0] * mask.shape[1], -1)}
        if ":" in granularity:
            found.append(mask.movedim(1, -1).reshape(-1, 4).sum(1))
        else:
            parts = mask.reshape(shape[granularity])
            assert (parts.all(1) == parts.any(1)).all()
            found.append(parts.any(1).int())
    return torch.cat(found)


@pytest.mark.parametrize("granularity", ["kernel", "filter", "2:4"])
def test_a_search_prunes_so_and_everything_reads_its_store(tmp_path, granularity):
    config = tiny_config(AUTOENCODER, pruning__granularity=granularity, pruning__rounds=2)
    store = find_ticket(config, tmp_path / "a.zarr", progress=Silent())
    masks = [masking.as_tensors(store.masks(round)) for round in range(3)]
    assert all((masks[2][name] <= masks[1][name]).all() for name in masks[0])
    assert masking.left(masks[2]) < masking.left(masks[1]) < masking.left(masks[0])
    if granularity == "2:4":
        for mask in masks[2].values():
            if mask.shape[1] % 4 == 0:
                assert set(mask.movedim(1, -1).reshape(-1, 4).sum(1).tolist()) == {2}
        return
    units = as_units(masks[2], granularity)
    assert sum(int(mask.sum()) for mask in masks[2].values()) == sum(
        int(units[name].sum()) * (masks[0][name].numel() // units[name].numel()) for name in units
    )
    zeros = zero_kernels(store).sel(round=2)
    kernels = [mask.reshape(*mask.shape[:2], -1).any(2) for mask in masks[2].values()]
    assert int(zeros["counted"].sel(unit="kernel").sum()) == sum(int((~kernel).sum()) for kernel in kernels) > 0


def test_the_search_is_the_one_it_was_without_the_setting():
    given = tiny_config(AUTOENCODER).plain()
    del given["pruning"]["granularity"]
    assert SearchConfig.parse(given, "it").plain() == tiny_config(AUTOENCODER).plain()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"granularity": "channel"}, "no granularity 'channel'; choose weight, kernel, filter or a pattern like 2:4"),
        ({"granularity": "4:2"}, "no granularity '4:2'"),
        ({"granularity": "2:4", "rounds": 3}, "reached after 2 prunings.*set rounds to 2"),
    ],
)
def test_what_cannot_be_is_refused(settings, said):
    with pytest.raises(LthkitError, match=said):
        tiny_config(AUTOENCODER, **{f"pruning__{name}": value for name, value in settings.items()})


def test_a_pattern_that_no_layer_can_have_is_refused():
    with pytest.raises(LthkitError, match="groups of 5"):
        check_pruning(Pruning(granularity="2:5", rounds=3), {"a": (4, 4, 3, 3)})
    assert pattern_of("2:5") == (2, 5)


def test_scores_that_are_no_numbers_are_refused():
    weight = torch.tensor([[1.0, float("nan")]])
    with pytest.raises(LthkitError, match="'a' holds NaN"):
        prune_pattern({"a": weight}, ones(a=weight), 1, 2)
