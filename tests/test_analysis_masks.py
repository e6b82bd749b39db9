import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lthkit.analysis import (
    Search,
    agreement,
    block_density,
    layer_density,
    like_for_like,
    overlap,
    overlaps,
    pooled,
    read,
    sparsity,
    zero_kernels,
)
from lthkit.codes import MOST_ROUNDS
from lthkit.errors import LthkitError
from lthkit.store import create, open_store

quick = settings(derandomize=True, max_examples=25, deadline=None)
shapes = st.sampled_from([(3, 2, 2, 2), (4, 3, 1, 1), (2, 5, 3, 3), (5, 3), (2, 3, 3), (1, 1, 1, 1), (2, 2, 1, 2, 2)])
NAMES = ("layer1.0.a.weight", "layer1.1.a.weight", "layer2.0.b.weight")


@st.composite
def searches(draw, count=1, most=7):
    """Searches of the same layers; codes above ``rounds`` stand for a commit under way."""
    chosen = dict(zip(NAMES, draw(st.lists(shapes, min_size=1, max_size=3)), strict=False))
    made = []
    for number in range(count):
        rounds = draw(st.integers(0, most))
        dice = np.random.RandomState(draw(st.integers(0, 10**6)))
        values = [*range(1, rounds + 3), 255]
        codes = {name: dice.choice(values, shape).astype(np.uint8) for name, shape in chosen.items()}
        made.append(Search(codes, rounds, f"s{number}"))
    return made


def alive(search, name, round_):
    code = search.codes[name]
    return (code > round_) | (code > search.rounds)


def flat(search, round_):
    return np.concatenate([alive(search, name, round_).ravel() for name in search.codes])


def random_search(seed, shapes, rounds=5, rate=0.2, name="search"):
    dice = np.random.RandomState(seed)
    chances = [rate * (1 - rate) ** step for step in range(rounds)] + [(1 - rate) ** rounds]
    values = [*range(1, rounds + 1), 255]
    return Search({n: dice.choice(values, s, p=chances).astype(np.uint8) for n, s in shapes.items()}, rounds, name)


@quick
@given(searches(count=2))
def test_overlap_is_that_of_a_loop_over_all_pairs_of_boolean_masks(pair):
    a, b = pair
    counts, total = overlap(a, b), pooled(overlap(a, b))
    for i, j in itertools.product(range(a.rounds + 1), range(b.rounds + 1)):
        for name in a.codes:
            here = counts.sel(layer=name, round_a=i, round_b=j)
            check_overlap(here, alive(a, name, i), alive(b, name, j))
        check_overlap(total.sel(round_a=i, round_b=j), flat(a, i), flat(b, j))
    assert counts["intersection"].dims == ("layer", "round_a", "round_b")
    np.testing.assert_allclose(total["sparsity_a"], [1 - flat(a, i).mean() for i in range(a.rounds + 1)], atol=1e-12)


def check_overlap(here, one, other):
    both, either = (one & other).sum(), (one | other).sum()
    assert here["intersection"] == both
    assert here["union"] == either
    assert here["hamming"] == (one ^ other).sum()
    np.testing.assert_equal(here["jaccard"].item(), both / either if either else math.nan)


@quick
@given(searches(count=2))
def test_chance_is_that_of_independent_masks_of_these_densities(pair):
    a, b = pair
    total = pooled(overlap(a, b))
    i, j = a.rounds, b.rounds
    one, other = flat(a, i).mean(), flat(b, j).mean()
    either = one + other - one * other
    expected = one * other / either if either else math.nan
    np.testing.assert_allclose(total["chance_global"].sel(round_a=i, round_b=j).item(), expected)
    parts = [(code.size, alive(a, name, i).mean(), alive(b, name, j).mean()) for name, code in a.codes.items()]
    both = sum(n * d * e for n, d, e in parts)
    either = sum(n * (d + e) for n, d, e in parts) - both
    chance = total["chance_layers"].sel(round_a=i, round_b=j).item()
    np.testing.assert_allclose(chance, both / either if either else math.nan)


def test_chance_of_two_masks_at_67_percent_is_one_fifth():
    search = random_search(0, {"a.weight": (1000, 1000)}, rounds=5)
    chance = pooled(overlap(search, search))["chance_global"].sel(round_a=5, round_b=5).item()
    density = 1 - sparsity(search).values[5]
    assert chance == pytest.approx(density / (2 - density))
    assert chance == pytest.approx(0.196, abs=0.001)


@quick
@given(searches())
def test_a_search_against_itself_is_1_on_the_diagonal(given_search):
    diagonal = np.diagonal(pooled(overlap(given_search[0], given_search[0]))["jaccard"])
    left = [flat(given_search[0], round_).any() for round_ in range(given_search[0].rounds + 1)]
    np.testing.assert_array_equal(diagonal, np.where(left, 1.0, np.nan))


def test_most_rounds_that_codes_can_tell():
    code = np.arange(1, 256, dtype=np.uint8).reshape(5, 51)
    search = Search({"a.weight": code}, MOST_ROUNDS)
    counts = pooled(overlap(search, search))
    assert counts["intersection"].shape == (255, 255)
    assert (np.diagonal(counts["intersection"]) == np.arange(255, 0, -1)).all()


def test_independent_searches_are_near_the_printed_chance_and_far_from_it_where_layers_differ():
    shapes = {"layer1.0.weight": (64, 64, 3, 3), "layer2.0.weight": (256, 64, 1, 1)}
    total = like_for_like(pooled(overlap(random_search(1, shapes), random_search(2, shapes))))
    np.testing.assert_allclose(total["jaccard"], total["chance_layers"], rtol=0.02)
    a, b = (random_search(seed, shapes) for seed in (3, 4))
    for search in (a, b):
        search.codes["layer1.0.weight"][:] = 1
    skewed = pooled(overlap(a, b)).sel(round_a=1, round_b=1)
    assert skewed["jaccard"].item() == pytest.approx(skewed["chance_layers"].item(), rel=0.02)
    assert skewed["jaccard"] > 2 * skewed["chance_global"]


def test_blocks_sum_to_the_whole():
    shapes = {"layer1.0.a.weight": (8, 4, 3, 3), "layer1.0.b.weight": (8, 8), "layer2.0.a.weight": (8, 8, 1, 1)}
    counts = overlap(random_search(1, shapes), random_search(2, shapes, rounds=3))
    blocks, whole = pooled(counts, "block"), pooled(counts)
    assert blocks["block"].values.tolist() == ["B1", "B2"]
    np.testing.assert_array_equal(blocks["intersection"].sum("block"), whole["intersection"])
    np.testing.assert_array_equal(blocks["intersection"].sel(block="B2"), counts["intersection"].values[2])
    assert blocks["chance_global"].dims == ("round_a", "round_b")


def test_searches_of_other_rates_meet_where_their_sparsities_do():
    shapes = {"a.weight": (400, 500)}
    a, b = random_search(1, shapes, 10, 0.2), random_search(2, shapes, 5, 0.36)  # two rounds of 0.2 are one of 0.36
    pairs = like_for_like(pooled(overlap(a, b)), tolerance=0.03)
    assert pairs["round_a"].values.tolist() == [0, 2, 4, 6, 8, 10]
    assert pairs["round_b"].values.tolist() == [0, 1, 2, 3, 4, 5]
    assert pairs["jaccard"].dims == ("round",)
    np.testing.assert_allclose(pairs["sparsity"], pairs["sparsity_b"], atol=0.01)
    assert like_for_like(overlap(a, b), tolerance=0)["jaccard"].sizes["round"] >= 1


def test_only_common_layers_are_compared_and_it_is_said():
    a = random_search(1, {"a.weight": (4, 4), "b.weight": (4, 4), "c.weight": (2, 2)})
    b = random_search(2, {"b.weight": (4, 4), "a.weight": (4, 5), "d.weight": (3, 3)}, rounds=2)
    counts = overlap(a, b)
    assert counts["layer"].values.tolist() == ["b.weight"]
    assert counts.attrs["left_out"] == ["a.weight", "c.weight", "d.weight"]
    assert counts.attrs["compared"] == "1 layers, 16 weights compared; 3 layers not common to both left out"
    assert counts["sparsity_a"].values[1] == pytest.approx(sparsity(a).values[1])


def test_nothing_in_common_is_one_sentence():
    a, b = random_search(1, {"a.weight": (4, 4)}, name="one"), random_search(1, {"a.weight": (4, 5)}, name="two")
    for call in (
        lambda: overlap(a, b),
        lambda: agreement({"one": a, "two": b}),
        lambda: overlaps({"one": a, "two": b}),
    ):
        with pytest.raises(LthkitError, match=r"^'one' and 'two' have no layer of equal name and shape in common; "):
            call()
    with pytest.raises(LthkitError, match="needs two searches, not 1"):
        overlaps({"a": a})
    with pytest.raises(LthkitError, match="needs two searches, not 1"):
        agreement({"a": a})


def test_overlaps_has_every_pair_by_name():
    three = {name: random_search(seed, {"a.weight": (4, 4)}) for seed, name in enumerate("xyz")}
    pairs = overlaps(three)
    assert list(pairs) == ["x and y", "x and z", "y and z"]
    assert (pairs["x and z"].attrs["a"], pairs["x and z"].attrs["b"]) == ("x", "z")
    np.testing.assert_array_equal(pairs["y and z"]["jaccard"], overlap(three["y"], three["z"])["jaccard"])


@quick
@given(searches())
def test_zero_units_are_those_counted_round_by_round(given_search):
    search = given_search[0]
    counts = zero_kernels(search)
    assert counts["counted"].dims == ("unit", "layer", "round")
    for name, round_ in itertools.product(search.codes, range(search.rounds + 1)):
        mask = alive(search, name, round_)
        kernels = mask.reshape(*mask.shape[:2], -1).any(axis=2)
        brute = {"kernel": ~kernels, "input": ~kernels.any(axis=0), "output": ~kernels.any(axis=1)}
        for unit, dead in brute.items():
            here = counts.sel(unit=unit, layer=name, round=round_)
            assert here["counted"] == dead.sum()
            assert here["units"] == dead.size
            exact = hypergeometric(mask.size, int((~mask).sum()), mask.size // dead.size)
            assert here["chance"].item() == pytest.approx(float(exact), abs=1e-12)
    total = pooled(counts, "kind")
    for kind in total["kind"].values:
        names = [n for n in search.codes if (math.prod(search.codes[n].shape[2:]) == 1) == (kind == "1×1")]
        dead = sum(counts["counted"].sel(unit="kernel", layer=name).values for name in names)
        np.testing.assert_array_equal(total["counted"].sel(unit="kernel", kind=kind), dead)


def hypergeometric(size, removed, count):
    return Fraction(math.comb(removed, count), math.comb(size, count))


@pytest.mark.parametrize(("size", "removed", "count"), [(2000, 1700, 65), (50_000, 49_000, 400), (900, 100, 200)])
def test_chance_of_large_units_is_exact_to_a_millionth(size, removed, count):
    from lthkit.analysis.masks.zero_kernels import all_removed

    exact = float(hypergeometric(size, removed, count))
    assert all_removed(size, np.array([removed]), count)[0] == pytest.approx(exact, rel=1e-6)


def test_chance_of_a_zero_kernel_is_what_random_pruning_gives():
    search = random_search(0, {"a.weight": (200, 200, 3, 3)}, rounds=9)
    kernels = pooled(zero_kernels(search)).sel(unit="kernel")
    np.testing.assert_allclose(kernels["counted"][6:], kernels["expected"][6:], rtol=0.05)
    density = 1 - sparsity(search).values
    np.testing.assert_allclose(kernels["chance"], (1 - density) ** 9, rtol=1e-3, atol=1e-12)


@quick
@given(searches(count=3, most=4))
def test_agreement_is_that_of_boolean_masks(three):
    names = ("x", "y", "z")
    counts = agreement(dict(zip(names, three, strict=True)))
    total = pooled(counts)
    assert counts.sizes["round"] == min(search.rounds for search in three) + 1
    for round_ in range(counts.sizes["round"]):
        masks = np.stack([flat(search, round_) for search in three])
        here = total.sel(round=round_)
        assert here["counted"] == (masks.all(axis=0) | ~masks.any(axis=0)).sum()
        assert (here["kept_by_all"], here["kept_by_any"]) == (masks.all(axis=0).sum(), masks.any(axis=0).sum())
        for pair, (i, j) in zip(("x and y", "x and z", "y and z"), itertools.combinations(range(3), 2), strict=True):
            both, either = (masks[i] & masks[j]).sum(), (masks[i] | masks[j]).sum()
            np.testing.assert_equal(here["pair_jaccard"].sel(pair=pair).item(), both / either if either else math.nan)
        expected = 0.0
        for name in three[0].codes:
            density = [alive(search, name, round_).mean() for search in three]
            expected += three[0].codes[name].size * (np.prod(density) + np.prod(1 - np.array(density)))
        assert here["expected"].item() == pytest.approx(expected)
        np.testing.assert_allclose(here["search_sparsity"], 1 - masks.mean(axis=1), atol=1e-12)


def test_agreement_of_pairs_is_their_overlap_and_its_chance():
    shapes = {"a.weight": (30, 20), "b.weight": (10, 10, 3, 3)}
    x, y = random_search(1, shapes, 5), random_search(2, shapes, 3, 0.4)
    counts, pairs = agreement({"x": x, "y": y}), pooled(overlap(x, y))
    for round_ in range(4):
        same = pairs.sel(round_a=round_, round_b=round_)
        assert counts["pair_jaccard"].values[0, round_] == same["jaccard"]
        assert counts["pair_chance"].values[0, round_] == pytest.approx(same["chance_layers"].item())


def test_densities_by_block_and_layer():
    codes = {"layer1.0.a.weight": [[1, 2]], "layer1.0.b.weight": [[255, 255]], "layer3.0.a.weight": [[1, 1, 2, 255]]}
    search = Search({name: np.array(code, np.uint8) for name, code in codes.items()}, 2)
    blocks = block_density(search)
    assert blocks["block"].values.tolist() == ["B1", "B3"]
    assert blocks.values.tolist() == [[1, 0.75, 0.5], [1, 0.5, 0.25]]
    assert blocks["sparsity"].values.tolist() == [0, 0.375, 0.625]
    assert layer_density(search).sel(layer="layer3.0.a.weight").values.tolist() == [1, 0.5, 0.25]
    assert layer_density(search)["kernel"].values.tolist() == ["1×1"] * 3


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["conv1.weight", "layer1.0.conv1.weight", "layer2.0.conv1.weight"], ["conv1", "B1", "B2"]),
        (["net.layer1.0.a.weight", "net.layer1.1.a.weight", "net.layer2.0.a.weight"], ["B1", "B1", "B2"]),
        (["features.0.weight", "features.3.weight"], ["features", "features"]),
        (["a.weight", "b.weight"], ["all", "all"]),
        (["fc.weight"], ["fc"]),
        (["enc.0.a.weight", "enc.0.b.weight", "dec.0.weight"], ["enc", "enc", "dec"]),
    ],
)
def test_blocks_are_the_first_parts_that_differ(names, expected):
    from lthkit.analysis.masks.searches import blocks

    assert blocks(names) == expected


def test_a_store_and_its_codes_in_memory_say_the_same(tmp_path):
    search = random_search(1, {"layer1.0.a.weight": (4, 3, 3, 3), "fc.weight": (3, 4)}, rounds=3)
    shapes = search.shapes
    options = {"config": {}, "provenance": {}, "metrics": (), "rounds": 5, "evaluations": 1}
    with create(tmp_path / "ticket.zarr", parameters=shapes, **options) as writer:
        writer.commit(search.codes, rounds=3, scored=0, scores={})
    store = open_store(tmp_path / "ticket.zarr")
    assert (read(store).name, read(store, "mine").name, read(search, "x").name) == ("ticket", "mine", "x")
    assert overlap(store, search)["jaccard"].equals(overlap(search, search)["jaccard"])
    assert zero_kernels(store).equals(zero_kernels(search))


@pytest.mark.parametrize("code", [np.zeros((2, 2), np.uint8), np.ones((2, 2), np.int64)])
def test_what_cannot_be_codes_is_refused(code):
    with pytest.raises(LthkitError, match=r"codes of 'a.weight' in 'mine' must be uint8 from 1 on"):
        Search({"a.weight": code}, 2, "mine")
    with pytest.raises(LthkitError, match="'mine' has 255 rounds"):
        Search({}, 255, "mine")
