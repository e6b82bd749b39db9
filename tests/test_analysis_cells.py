import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lthkit.analysis import Search, difference_cells, kernel_patterns, sparsity, weight_cells, zero_kernel_cells
from lthkit.analysis.masks import tiles
from lthkit.errors import LthkitError, StoreError

SHAPES = {"layer1.0.weight": (7, 5, 3, 3), "layer1.1.weight": (12, 7), "layer2.0.weight": (3, 12, 1, 1)}
quick = settings(derandomize=True, max_examples=15, deadline=None)


def search(seed=0, rounds=4, shapes=SHAPES, name="search"):
    """Codes up to two rounds above what is committed."""
    dice = np.random.RandomState(seed)
    values = [*range(1, rounds + 3), 255, 255]
    return Search({n: dice.choice(values, s).astype(np.uint8) for n, s in shapes.items()}, rounds, name)


def alive(code, round_, rounds):
    return (code > round_) | (code > rounds)


def tile_of(length, cells):
    """Which tile each of ``length`` channels falls into, and which tile each of ``cells`` cells shows."""
    count = min(length, cells)
    return [place * count // length for place in range(length)], [cell * count // cells for cell in range(cells)]


def brute_cells(masks, rows, columns):
    """Share of True of ``(out, in, …)`` masks in every cell, band by band, in ‰."""
    bands = []
    for mask in masks:
        out, shown_rows = tile_of(mask.shape[0], rows)
        inner, shown_columns = tile_of(mask.shape[1], columns)
        band = np.zeros((rows, columns))
        for y, row in enumerate(shown_rows):
            for x, column in enumerate(shown_columns):
                part = mask[np.ix_(np.equal(out, row), np.equal(inner, column))]
                band[y, x] = 1000 * part.mean()
        bands.append(band)
    return np.concatenate(bands, axis=1)


def assert_shares(cells, exact):
    np.testing.assert_allclose(cells, exact, atol=0.99)
    np.testing.assert_array_equal(cells == 0, exact == 0)
    np.testing.assert_array_equal(cells == 1000, exact == 1000)


@quick
@given(seed=st.integers(0, 1000), rounds=st.integers(0, 6), most=st.sampled_from([9, 40, 90, 250, 200_000]))
def test_every_cell_is_the_share_in_its_tile(seed, rounds, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "MOST_CELLS", most)
        patch.setattr(tiles, "ROWS", 4)
        patch.setattr(tiles, "PIECE", 50)
        a, b = search(seed, rounds), search(seed + 1, rounds + 1)
        kernels, weights, differing = zero_kernel_cells(a), weight_cells(a), difference_cells(a, b)
    rows, columns = kernels.sizes["row"], kernels.sizes["column"] // 3
    assert rows * columns * 3 <= most
    for round_ in range(rounds + 1):
        one = [alive(code, round_, rounds) for code in a.codes.values()]
        other = [alive(code, round_, rounds + 1) for code in b.codes.values()]
        dead = [~mask.reshape(*mask.shape[:2], -1).any(axis=2) for mask in one]
        pairs = list(zip(one, other, strict=True))
        parts = {"both": [x & y for x, y in pairs], "only_a": [x & ~y for x, y in pairs]}
        parts["only_b"] = [y & ~x for x, y in pairs]
        assert_shares(kernels["zero_kernels"].sel(round=round_), brute_cells(dead, rows, columns))
        assert_shares(weights["weights_left"].sel(round=round_), brute_cells(one, rows, columns))
        assert weights["counted"].sel(round=round_) == sum(mask.sum() for mask in one)
        for part, masks in parts.items():
            assert_shares(differing[part].sel(round=round_), brute_cells(masks, rows, columns))
            assert differing["counted"].sel(part=part, round=round_) == sum(mask.sum() for mask in masks)
        assert kernels["counted"].sel(kind="larger", round=round_) == dead[0].sum()
        assert kernels["counted"].sel(kind="1×1", round=round_) == dead[1].sum() + dead[2].sum()


def test_columns_are_labelled_by_layer_block_and_inputs(monkeypatch):
    monkeypatch.setattr(tiles, "MOST_CELLS", 90)
    monkeypatch.setattr(tiles, "ROWS", 10)
    cells = zero_kernel_cells(search())
    assert cells.sizes["column"] == 9
    assert cells["layer"].values.tolist() == [name for name in SHAPES for _ in range(3)]
    assert cells["block"].values.tolist() == ["B1"] * 6 + ["B2"] * 3
    assert cells["kernel"].values.tolist() == ["3×3"] * 3 + ["1×1"] * 6
    assert cells["first_input"].values.tolist() == [0, 2, 4, 0, 3, 5, 0, 4, 8]
    assert cells["last_input"].values.tolist() == [1, 3, 4, 2, 4, 6, 3, 7, 11]
    assert cells.attrs["cell"] == "a cell has up to 2 × 4 kernels"
    assert cells["units"].sel(kind="larger") == 35
    np.testing.assert_array_equal(cells["sparsity"], sparsity(search()))


def test_chosen_layers_keep_the_sparsity_of_the_whole_search():
    cells = zero_kernel_cells(search(), ["layer2.0.weight"])
    assert set(cells["layer"].values) == {"layer2.0.weight"}
    assert (cells.sizes["row"], cells.sizes["column"]) == (3, 12)
    assert cells.attrs["cell"] == "a cell is one kernel"
    np.testing.assert_array_equal(cells["sparsity"], sparsity(search()))
    with pytest.raises(StoreError, match="search has no layer 'nonsense'"):
        zero_kernel_cells(search(), ["nonsense"])


@pytest.mark.parametrize("shapes", [{"a.weight": (2048, 512, 1, 1)}, {f"{n}.weight": (3, 2, 3, 3) for n in range(700)}])
def test_no_map_has_more_than_200_000_cells(shapes):
    cells = zero_kernel_cells(search(shapes=shapes, rounds=1))
    assert cells.sizes["row"] * cells.sizes["column"] <= 200_000


def test_difference_at_other_rounds_of_b():
    a, b = search(1, 4), search(2, 6)
    cells = difference_cells(a, b, rounds_b=[0, 2, 2, 6, 6])
    for round_, other in enumerate([0, 2, 2, 6, 6]):
        both = sum((alive(x, round_, 4) & alive(y, other, 6)).sum() for x, y in zip(*codes(a, b), strict=True))
        only_b = sum((~alive(x, round_, 4) & alive(y, other, 6)).sum() for x, y in zip(*codes(a, b), strict=True))
        assert cells["counted"].sel(round=round_, part="both") == both
        assert cells["counted"].sel(round=round_, part="only_b") == only_b
    assert cells["round_b"].values.tolist() == [0, 2, 2, 6, 6]


def test_difference_that_starts_at_a_later_round_of_b():
    a, b = search(1, 2), search(2, 3)
    cells = difference_cells(a, b, rounds_b=[2, 3])
    gone = sum((~alive(code, 2, 3)).sum() for code in b.codes.values())
    assert cells["counted"].sel(round=0, part="only_a") == gone
    assert cells["counted"].sel(round=0, part="only_b") == 0


def codes(a, b):
    return a.codes.values(), b.codes.values()


@pytest.mark.parametrize("rounds", [[0, 2, 1], [0, 7], [-1], [], [0] * 6])
def test_rounds_that_cannot_stand_beside_each_other_are_refused(rounds):
    with pytest.raises(LthkitError, match=r"cannot stand beside rounds 0 to 4 of 'search'; give rounds from 0 to 6"):
        difference_cells(search(1, 4), search(2, 6), rounds_b=rounds)


def test_difference_needs_common_layers():
    a, b = search(), search(1, shapes={"layer1.0.weight": (7, 5, 3, 3), "x.weight": (2, 2)}, name="other")
    assert set(difference_cells(a, b)["layer"].values) == {"layer1.0.weight"}
    with pytest.raises(LthkitError, match=r"'x.weight' is no layer of both 'search' and 'other'; they share layer1"):
        difference_cells(a, b, ["x.weight"])


def test_patterns_are_the_codes_of_the_kernels_asked_for():
    given = search(rounds=3)
    code = given.codes["layer1.0.weight"]
    shown = np.where(code > 3, 255, code)
    whole = kernel_patterns(given, "layer1.0.weight", output=2)
    np.testing.assert_array_equal(whole, shown[2])
    assert whole["input"].values.tolist() == [0, 1, 2, 3, 4]
    some = kernel_patterns(given, "layer1.0.weight", kernels=[(6, 4), (0, 1)])
    np.testing.assert_array_equal(some, shown[[6, 0], [4, 1]])
    assert (some["output"].values.tolist(), some["input"].values.tolist()) == ([6, 0], [4, 1])
    assert some.dtype == np.uint8
    assert some.attrs.items() >= {"layer": "layer1.0.weight", "rounds": 3, "name": "search"}.items()


@pytest.mark.parametrize(("shape", "kernel"), [((2, 3), (1, 1)), ((2, 3, 5), (1, 5)), ((2, 3, 2, 3, 4), (6, 4))])
def test_patterns_of_other_dimensions(shape, kernel):
    given = search(shapes={"a.weight": shape})
    assert kernel_patterns(given, "a.weight", output=1).shape == (3, *kernel)


def test_a_kernel_that_there_is_not_is_refused():
    with pytest.raises(
        LthkitError, match=r"'layer1.0.weight' has 7 × 5 kernels \(output × input\), so no kernel \(7, 0\)"
    ):
        kernel_patterns(search(), "layer1.0.weight", output=7)
    with pytest.raises(LthkitError, match=r"no kernel \(0, -1\)"):
        kernel_patterns(search(), "layer1.0.weight", kernels=[(0, -1)])
    with pytest.raises(StoreError, match="no layer 'x'"):
        kernel_patterns(search(), "x")
