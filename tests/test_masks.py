import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lthkit import masks
from lthkit.codes import survivors
from lthkit.errors import LthkitError

CAREFUL = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def tied_weights(draw):
    """A few parameters of few distinct magnitudes, some already removed."""
    shapes = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3))
    values = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
    weights, alive = {}, {}
    for i, shape in enumerate(shapes):
        n = shape[0] * shape[1]
        weights[f"p{i}"] = torch.tensor(draw(st.lists(values, min_size=n, max_size=n))).view(shape)
        alive[f"p{i}"] = torch.tensor(draw(st.lists(st.booleans(), min_size=n, max_size=n))).view(shape)
    return weights, alive, draw(st.floats(0, 1))


def brute_force(weights, alive, keep):
    """Sort all that is left by (magnitude, parameter, index) and drop from the front."""
    entries = [
        (abs(weight.item()), i, j)
        for i, name in enumerate(weights)
        for j, (weight, a) in enumerate(zip(weights[name].flatten(), alive[name].flatten(), strict=True))
        if a
    ]
    stay = {entry[1:] for entry in sorted(entries)[len(entries) - keep :]}
    return {
        name: torch.tensor([(i, j) in stay for j in range(weights[name].numel())]).view(weights[name].shape)
        for i, name in enumerate(weights)
    }


def equal(first, second):
    return list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)


@CAREFUL
@given(tied_weights())
def test_prune_is_the_sorted_order_with_ties_by_position(case):
    weights, alive, share = case
    keep = round(share * masks.left(alive))
    assert equal(masks.prune(weights, alive, keep), brute_force(weights, alive, keep))


@CAREFUL
@given(tied_weights())
def test_each_layer_is_pruned_by_itself(case):
    weights, alive, share = case
    keep = {name: round(share * int(mask.sum())) for name, mask in alive.items()}
    pruned = masks.prune_each_layer(weights, alive, keep)
    assert masks.counts_left(pruned) == keep
    for name in weights:
        alone = brute_force({name: weights[name]}, {name: alive[name]}, keep[name])
        assert torch.equal(pruned[name], alone[name])


@pytest.mark.parametrize("spread", ["continuous", "ties", "mostly one value"])
def test_a_large_prune_equals_a_full_sort(spread):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(600_001, generator=generator)
    if spread == "ties":
        values = (values * 8).round() / 8
    if spread == "mostly one value":
        values = torch.where(torch.rand(600_001, generator=generator) < 0.9, 0.25, values)
    weights = {"a": values[:400_000].view(400, 1000), "b": values[400_000:]}
    alive = masks.dense({"a": (400, 1000), "b": (200_001,)})
    for keep in (600_000, 480_001, 300_000, 7, 0):
        order = np.argsort(values.abs().numpy(), kind="stable")
        expected = np.ones(600_001, bool)
        expected[order[: 600_001 - keep]] = False
        pruned = masks.prune(weights, alive, keep)
        assert np.array_equal(torch.cat([pruned["a"].flatten(), pruned["b"]]).numpy(), expected)


def test_a_sample_that_misleads_does_not_change_the_result():
    """Every place the strided sample looks at holds a value far from the others, so that its bracket misses."""
    count = 1 << 20
    values = torch.rand(count, generator=torch.Generator().manual_seed(0)) + 1
    step = count // masks._SAMPLE
    values[step // 2 :: step] = 100.0
    pruned = masks.prune({"w": values}, masks.dense({"w": (count,)}), count // 2)
    assert torch.equal(pruned["w"], values > values.sort().values[count // 2 - 1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_any_floating_type_is_compared_exactly(dtype):
    generator = torch.Generator().manual_seed(2)
    values = torch.randn(300_000, generator=generator, dtype=torch.float64).to(dtype)
    other = torch.randn(300_000, generator=generator)
    pruned = masks.prune({"a": values, "b": other}, masks.dense({"a": (300_000,), "b": (300_000,)}), 200_000)
    order = np.argsort(torch.cat([values.double(), other.double()]).abs().numpy(), kind="stable")
    expected = np.ones(600_000, bool)
    expected[order[:400_000]] = False
    assert np.array_equal(torch.cat([pruned["a"], pruned["b"]]).numpy(), expected)


def test_memory_format_does_not_matter():
    generator = torch.Generator().manual_seed(1)
    weight = (torch.randn(8, 6, 3, 3, generator=generator) * 2).round()
    alive = masks.dense({"w": (8, 6, 3, 3)})
    plain = masks.prune({"w": weight}, alive, 200)
    last = masks.prune({"w": weight.to(memory_format=torch.channels_last)}, alive, 200)
    assert equal(plain, last)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_device_does_not_matter():
    weight = (torch.randn(64, 64, generator=torch.Generator().manual_seed(1)) * 4).round()
    alive = masks.dense({"w": (64, 64)})
    assert equal(masks.prune({"w": weight}, alive, 999), masks.prune({"w": weight.cuda()}, alive, 999))


def test_counts_are_exact_and_halves_go_up():
    assert masks.weights_left(23_445_504, 0.2, 2) == 15_005_123
    assert masks.weights_left(23_445_504, 0.2, 1) == 18_756_403
    assert masks.weights_left(5, 0.5, 1) == 3  # 2.5
    assert masks.weights_left(10, 0.2, 0) == 10
    # 0.1 as a binary fraction is a little more than 1/10 and would leave 4 of 5·0.9 = 4.5
    assert masks.weights_left(5, 0.1, 1) == 5


@pytest.mark.parametrize("rate", [0, 1, -0.2, 1.5, float("nan")])
def test_a_rate_outside_the_open_interval_is_refused(rate):
    with pytest.raises(LthkitError, match="outside"):
        masks.weights_left(10, rate, 1)


def test_sparsity_is_the_fraction_removed():
    some = {"a": torch.tensor([True, False, False, False]), "b": torch.tensor([True, True])}
    assert masks.sparsity(some) == pytest.approx(0.5)
    assert masks.layer_sparsity(some) == {"a": 0.75, "b": 0.0}
    assert (masks.left(some), masks.size(some)) == (3, 6)


def test_apply_zeroes_what_is_removed_and_nothing_else():
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0, float("inf"), 4.0]))
    masks.apply_({"w": weight}, {"w": torch.tensor([True, False, False, True])})
    assert weight.tolist() == [1, 0, 0, 4]
    assert weight.requires_grad
    assert weight.grad_fn is None


@CAREFUL
@given(tied_weights(), st.integers(1, 254))
def test_record_and_alive_at_are_inverse(case, round):
    weights, alive, _ = case
    parameters = {name: tuple(weight.shape) for name, weight in weights.items()}
    codes = masks.record(survivors(parameters), alive, round)
    assert equal(masks.alive_at(codes, round), alive)
    assert equal(masks.alive_at(codes, round - 1), masks.dense(parameters))


def test_record_keeps_the_first_round_of_absence():
    codes = masks.record({"w": np.array([255, 255, 255], np.uint8)}, {"w": torch.tensor([False, True, True])}, 1)
    codes = masks.record(codes, {"w": torch.tensor([False, False, True])}, 2)
    assert codes["w"].tolist() == [1, 2, 255]


def test_masks_that_do_not_fit_are_refused_by_name():
    mask = {"conv.weight": torch.ones(2, 2, dtype=torch.bool)}
    with pytest.raises(LthkitError, match=r"names 'conv\.weight'"):
        masks.check(mask, {"other": (2, 2)})
    with pytest.raises(LthkitError, match=r"shape \(2, 2\) but the model's weight \(3, 3\)"):
        masks.check(mask, {"conv.weight": (3, 3)})
    with pytest.raises(LthkitError, match="lacks the prunable parameter 'second'"):
        masks.fits(mask, {"conv.weight": (2, 2), "second": (1,)})


def test_weights_that_are_not_finite_are_refused_by_name():
    with pytest.raises(LthkitError, match="'w' holds NaN"):
        masks.prune({"w": torch.tensor([1.0, float("nan")])}, masks.dense({"w": (2,)}), 1)


def test_more_than_is_left_cannot_be_kept():
    with pytest.raises(LthkitError, match="cannot keep 3"):
        masks.prune({"w": torch.ones(3)}, {"w": torch.tensor([True, True, False])}, 3)


def test_digest_tells_masks_apart():
    one = {"w": torch.tensor([True, False])}
    assert masks.masks_sha256(one) == masks.masks_sha256({"w": torch.tensor([True, False])})
    assert masks.masks_sha256(one) != masks.masks_sha256({"w": torch.tensor([False, True])})
    assert masks.masks_sha256(one) != masks.masks_sha256({"v": torch.tensor([True, False])})
