from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lthkit import controls, masks, store
from lthkit.codes import survivors
from lthkit.config import Config
from lthkit.controls.draw import among, share, smallest
from lthkit.errors import LthkitError, StoreError

CAREFUL = settings(max_examples=40, deadline=None, derandomize=True)
SHAPES = {"a.weight": (8, 4, 3, 3), "b.weight": (16, 8, 1, 1), "c.weight": (5, 16)}
DRAWN = {
    "random": controls.global_random,
    "layer_random": controls.layer_random,
    "layer_shuffled": controls.layer_shuffled,
    "flip": controls.flip,
    "swap": controls.swap,
}


def ticket(density=0.3, seed=0, shapes=SHAPES):
    """Layers of unequal density, as a ticket's are."""
    draw = np.random.RandomState(seed)
    densities = np.clip(density * np.linspace(1.5, 0.5, len(shapes)), 0, 1)
    return {
        name: torch.from_numpy(draw.random_sample(shape) < kept)
        for (name, shape), kept in zip(shapes.items(), densities, strict=True)
    }


@st.composite
def any_masks(draw):
    shape = st.one_of(
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
        st.tuples(st.integers(1, 6), st.integers(1, 6)),
    )
    shapes = {f"p{i}": s for i, s in enumerate(draw(st.lists(shape, min_size=1, max_size=4)))}
    return ticket(draw(st.floats(0, 1)), draw(st.integers(0, 99)), shapes)


def equal(first, second):
    return list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)


def changed(first, second):
    """How many ones became zeros, and zeros ones."""
    off = sum(int((first[name] & ~second[name]).sum()) for name in first)
    return off, sum(int((second[name] & ~first[name]).sum()) for name in first)


def half_up(value):
    return int(value + 0.5)


@CAREFUL
@given(any_masks())
def test_complement_shares_nothing_with_the_mask_and_completes_it(mask):
    other = controls.complement(mask)
    assert masks.left(controls.intersection(mask, other)) == 0
    assert masks.left(controls.union(mask, other)) == masks.size(mask)
    assert equal(controls.complement(other), mask)


@CAREFUL
@given(any_masks(), st.integers(0, 5))
def test_counts_are_exact_to_one_weight(mask, seed):
    assert masks.left(controls.global_random(mask, seed)) == masks.left(mask)
    assert masks.counts_left(controls.layer_random(mask, seed)) == masks.counts_left(mask)
    assert masks.counts_left(controls.layer_shuffled(mask, seed)) == masks.counts_left(mask)
    weights = {name: torch.randn(m.shape, generator=torch.Generator().manual_seed(seed)) for name, m in mask.items()}
    assert masks.left(controls.one_shot(weights, mask)) == masks.left(mask)


@CAREFUL
@given(any_masks(), st.integers(0, 5), st.sampled_from([0.01, 0.1, 0.25, 0.5, 1.0]))
def test_flip_changes_the_fraction_of_ones_and_the_fraction_of_zeros(mask, seed, fraction):
    ones, total = masks.left(mask), masks.size(mask)
    flipped = controls.flip(mask, seed, fraction)
    assert changed(mask, flipped) == (half_up(fraction * ones), half_up(fraction * (total - ones)))


@CAREFUL
@given(any_masks(), st.integers(0, 5), st.sampled_from([0.01, 0.1, 0.25]))
def test_swap_keeps_the_density_and_moves_the_fraction_of_ones(mask, seed, fraction):
    ones, total = masks.left(mask), masks.size(mask)
    moved = half_up(fraction * ones)
    if moved > total - ones:
        with pytest.raises(LthkitError, match="choose a later round or a smaller fraction"):
            controls.swap(mask, seed, fraction)
        return
    assert changed(mask, controls.swap(mask, seed, fraction)) == (moved, moved)


def test_flipping_everything_is_the_complement():
    assert equal(controls.flip(ticket(), 3, 1.0), controls.complement(ticket()))


@pytest.mark.parametrize(("rounds", "factor"), [(5, 1.11), (14, 3.07), (18, 6.35)])
def test_flip_raises_the_density_as_trap_4_says(rounds, factor):
    shape = {"a": (1000, 1000)}
    left = masks.weights_left(1_000_000, 0.2, rounds)
    mask = {"a": torch.arange(1_000_000).view(shape["a"]) < left}
    assert masks.left(controls.flip(mask, 0)) / left == pytest.approx(factor, abs=0.005)


@pytest.mark.parametrize("kind", DRAWN)
def test_same_seed_same_mask_and_other_seeds_differ(kind):
    first = DRAWN[kind](ticket(), 1)
    assert equal(first, DRAWN[kind](ticket(), 1))
    assert not equal(first, DRAWN[kind](ticket(), 2))
    assert not equal(first, ticket())


# written down once: another machine or library version has to give the same masks
GOLDEN = {
    "random": "32c7935f4cf64c6e",
    "layer_random": "2c42bf31abb3af70",
    "layer_shuffled": "c44cc6cd7fdaea41",
    "flip": "6f7d9e90554a9462",
    "swap": "9d8e2b06704cdae6",
}


@pytest.mark.parametrize("kind", DRAWN)
def test_masks_never_change_between_machines_and_versions(kind):
    mask = {name: torch.arange(int(np.prod(shape))).view(shape) % 7 < 2 for name, shape in SHAPES.items()}
    assert masks.masks_sha256(DRAWN[kind](mask, 1))[:16] == GOLDEN[kind]


def test_draws_are_uniform_over_positions():
    mask = {"a": torch.arange(20).view(4, 5) < 5}
    hits = sum(controls.global_random(mask, seed)["a"].double() for seed in range(800)) / 800
    assert (hits - 0.25).abs().max() < 5 * (0.25 * 0.75 / 800) ** 0.5


def test_random_masks_of_one_seed_are_nested():
    more, fewer = controls.global_random(ticket(0.5), 7), controls.global_random(ticket(0.2), 7)
    assert masks.left(controls.difference(fewer, more)) == 0


def test_layers_of_equal_shape_are_drawn_apart():
    mask = {name: torch.arange(100).view(10, 10) % 3 < 1 for name in ("a", "b")}
    for kind in ("layer_random", "layer_shuffled"):
        drawn = DRAWN[kind](mask, 0)
        assert not torch.equal(drawn["a"], drawn["b"]), kind


def test_shuffled_kernels_keep_their_patterns():
    mask = ticket()["a.weight"]
    moved = controls.layer_shuffled({"a": mask}, 0)["a"]

    def patterns(values):
        return Counter(tuple(kernel.tolist()) for kernel in values.reshape(-1, 9))

    assert patterns(moved) == patterns(mask)
    assert not torch.equal(moved, mask)
    assert patterns(controls.layer_random({"a": mask}, 0)["a"]) != patterns(mask)


@pytest.mark.parametrize("name", ["b.weight", "c.weight"])
def test_where_a_kernel_is_one_weight_every_output_keeps_its_number_of_inputs(name):
    mask = ticket()[name]
    moved = controls.layer_shuffled({name: mask}, 0)[name]
    assert torch.equal(moved.flatten(1).sum(1), mask.flatten(1).sum(1))
    assert not torch.equal(moved, mask)


def test_one_shot_keeps_the_largest_magnitudes_of_the_whole_network():
    weights = {"a": torch.tensor([[5.0, -4.0]]), "b": torch.tensor([[1.0, -6.0, 2.0]])}
    mask = {"a": torch.tensor([[False, False]]), "b": torch.tensor([[True, True, False]])}
    by_count = controls.one_shot(weights, mask)
    assert [m.tolist() for m in by_count.values()] == [[[True, False]], [[False, True, False]]]
    at_40 = controls.one_shot(weights, mask, sparsity=0.4)
    assert [m.tolist() for m in at_40.values()] == [[[True, True]], [[False, True, False]]]
    with pytest.raises(LthkitError, match=r"sparsity 1 lies outside \[0, 1\)"):
        controls.one_shot(weights, mask, sparsity=1)


def test_memory_format_does_not_change_the_mask():
    mask = ticket()
    laid = mask | {"a.weight": mask["a.weight"].contiguous(memory_format=torch.channels_last)}
    for kind, function in DRAWN.items():
        assert equal(function(mask, 0), function(laid, 0)), kind


def test_sets_are_those_of_pythons_sets():
    first, second = ticket(seed=1), ticket(seed=2)
    for name in SHAPES:
        a, b = (set(torch.nonzero(m[name].view(-1)).view(-1).tolist()) for m in (first, second))
        for function, expected in (
            (controls.union, a | b),
            (controls.intersection, a & b),
            (controls.difference, a - b),
        ):
            made = function(first, second)[name].view(-1)
            assert set(torch.nonzero(made).view(-1).tolist()) == expected


def test_tickets_of_different_networks_are_not_joined():
    with pytest.raises(LthkitError, match=r"shape \(3, 3\) but the model's weight \(2, 2\)"):
        controls.union({"a": torch.ones(2, 2).bool()}, {"a": torch.ones(3, 3).bool()})
    with pytest.raises(LthkitError, match="lacks the prunable parameter 'b'"):
        controls.difference(
            {"a": torch.ones(2, 2).bool(), "b": torch.ones(1, 1).bool()}, {"a": torch.ones(2, 2).bool()}
        )


@pytest.mark.parametrize("fraction", [0, -0.1, 1.1])
def test_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(LthkitError, match=r"lies outside \(0, 1\]"):
        controls.flip(ticket(), 0, fraction)


def test_smallest_breaks_ties_by_position():
    assert smallest(np.array([2, 1, 1, 1, 0], np.uint32), 3).tolist() == [False, True, True, False, True]
    assert smallest(np.array([2, 1], np.uint32), 0).tolist() == [False, False]
    assert among(np.array([True, False, True, True]), np.array([3, 0, 1, 2], np.uint32), 2).tolist() == [2, 3]
    assert [share(0.1, n) for n in (4, 5, 15, 25)] == [0, 1, 2, 3]


@pytest.fixture
def stored(tmp_path):
    """Two searches of two rounds over the same network."""
    paths = []
    for seed in (1, 2):
        path = tmp_path / f"s{seed}.zarr"
        codes = survivors(SHAPES)
        for round_, density in ((1, 0.6), (2, 0.2)):
            codes = masks.record(codes, ticket(density, seed), round_)
        with store.create(path, parameters=SHAPES, config={}, provenance={}, metrics=(), rounds=2, evaluations=1) as at:
            at.commit(codes, rounds=2, scored=0, scores={})
        paths.append(str(path))
    return paths


PAIRED = ("union", "intersection", "difference", "other_ticket", "other_complement")


def recipe(kind, stored, round=2, **more):
    more |= {"other": stored[1], "other_round": 2} if kind in PAIRED else {}
    more |= {"weights": "pretrained"} if kind.startswith("one_") else {}
    more |= {"layer": next(iter(SHAPES))} if kind == "one_layer" else {}
    values = {"kind": kind, "source": stored[0], "round": 0 if kind == "dense" else round}
    return controls.parse_recipe(values | more, "recipe")


def made(wanted, **more):
    return controls.realise(wanted, **more).masks


@pytest.fixture(scope="module")
def weights():
    draw = np.random.RandomState(0)
    return {name: torch.from_numpy(draw.standard_normal(shape)) for name, shape in SHAPES.items()}


# kind, what else the recipe has; SHA-256 of the mask, label and words, as they were before kinds were classes
KNOWN = [
    ("dense", {}, "b304c848b6f29567", "dense", "every weight of s1 round 0"),
    ("ticket", {}, "283a56d713552651", "ticket", "s1 round 2"),
    ("complement", {}, "025b43af6236262e", "complement", "complement of s1 round 2"),
    ("random", {"seed": 3}, "136974b249da989f", "random", "random mask with as many weights as s1 round 2, seed 3"),
    (
        "layer_random",
        {"seed": 3},
        "5c9dd655b89a7fd3",
        "layer random",
        "random mask with as many weights in every layer as s1 round 2, seed 3",
    ),
    (
        "layer_shuffled",
        {"seed": 3},
        "96e4f0ee53f666a5",
        "layer shuffled",
        "s1 round 2 with its kernels shuffled within every layer, seed 3",
    ),
    (
        "flip",
        {"seed": 3},
        "2ab6d9402902faf9",
        "flip 10%",
        "s1 round 2 with 0.1 of its ones and 0.1 of its zeros flipped, seed 3",
    ),
    (
        "flip",
        {"seed": 3, "fraction": 0.3},
        "9de6bc00963fe13d",
        "flip 30%",
        "s1 round 2 with 0.3 of its ones and 0.3 of its zeros flipped, seed 3",
    ),
    (
        "swap",
        {"seed": 3},
        "e1c727c35628aaad",
        "swap 10%",
        "s1 round 2 with 0.1 of its ones exchanged for as many zeros, seed 3",
    ),
    (
        "one_shot_start",
        {},
        "dc65fb9cfc3c0461",
        "one shot start pretrained",
        "largest starting weights (pretrained) of the network of s1 round 2, as many as it has",
    ),
    (
        "one_shot_trained",
        {"sparsity": 0.5},
        "133478a1bcacad53",
        "one shot trained pretrained 50%",
        "largest trained weights (pretrained) of the network of s1 round 2, 50 % removed",
    ),
    (
        "one_layer",
        {},
        "48df408dfcffd0c5",
        "one layer pretrained a.weight",
        "a.weight alone pruned by its weights (pretrained) in the network of s1 round 2, as many as it has",
    ),
    (
        "one_layer",
        {"sparsity": 0.5},
        "c279c31822fa1eec",
        "one layer pretrained a.weight 50%",
        "a.weight alone pruned by its weights (pretrained) in the network of s1 round 2, 50 % removed",
    ),
    *(
        (
            kind,
            {},
            "dc65fb9cfc3c0461",
            kind,
            f"weights of the highest {kind} scores at the start, as many as s1 round 2 has",
        )
        for kind in ("snip", "grasp", "synflow")
    ),
    (
        "erk",
        {"seed": 3},
        "a4756bc1989325bf",
        "erk",
        "random mask with as many weights as s1 round 2, in layers of Erdős–Rényi-kernel densities, seed 3",
    ),
    ("union", {}, "ac8a50bb8ce1b89e", "union s2", "s1 round 2 or s2 round 2"),
    ("intersection", {}, "3ef47f2c581adbab", "intersection s2", "s1 round 2 and s2 round 2"),
    ("difference", {}, "2119f85ebaaa095b", "difference s2", "s1 round 2 without s2 round 2"),
    ("other_ticket", {}, "3027a971f8297908", "other ticket s2", "s2 round 2 in place of s1 round 2"),
    (
        "other_complement",
        {},
        "24ebd10e5e37ecd9",
        "other complement s2",
        "complement of s2 round 2 in place of s1 round 2",
    ),
]


@pytest.mark.parametrize(("kind", "more", "sha256", "label", "words"), KNOWN)
def test_mask_label_and_words_of_every_kind_stay_what_they_were(kind, more, sha256, label, words, stored, weights):
    known = controls.realise(recipe(kind, stored, **more), weights=weights, scored=(lambda left: weights, 1))
    assert known.sha256[:16] == sha256
    assert known.recipe.label == label
    assert known.recipe.describe().replace(stored[0], "s1").replace(stored[1], "s2") == words


def test_the_second_ticket_is_named_only_if_its_name_tells_it_apart():
    for kind in ("union", "other_ticket"):
        found = controls.read_recipe(kind, source="source/ticket.zarr", round=2, other="other/ticket.zarr")
        assert found.label == kind.replace("_", " ")


def test_every_kind_is_known():
    assert set(controls.kinds()) == {kind for kind, *_ in KNOWN}


@pytest.mark.parametrize("kind", controls.kinds())
def test_every_kind_is_made_and_read_again(kind, stored, weights):
    known = controls.realise(recipe(kind, stored), weights=weights, scored=(lambda left: weights, 1))
    masks.fits(known.masks, SHAPES)
    assert known.sha256 == masks.masks_sha256(known.masks)
    assert known.after == masks.left(known.masks) / masks.size(known.masks)
    assert f"{100 * known.before:.2f} % before, {100 * known.after:.2f} % after" in known.describe()
    assert controls.parse_recipe(known.recipe.plain(), "recipe") == known.recipe
    assert known.recipe.nested == (kind in ("dense", "ticket"))
    assert (known.recipe.seed, known.recipe.other) == (0, getattr(recipe(kind, stored), "other", None))


class Training(Config):
    """A configuration with recipes in it, as searches have."""

    mask: controls.Recipe
    beside: tuple[controls.Recipe, ...] = ()


@pytest.mark.parametrize("kind", controls.kinds())
def test_a_recipe_is_a_field_of_other_configurations(kind, stored):
    wanted = recipe(kind, stored)
    config = Training.parse({"mask": wanted.plain(), "beside": [wanted.plain()]}, "training")
    assert (config.mask, config.beside) == (wanted, (wanted,))
    assert Training(mask=wanted).fingerprint() == Training.parse({"mask": wanted.plain()}, "training").fingerprint()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"fracton": 0.2}, "^training: unknown key 'mask.fracton'; remove it or correct its name$"),
        ({"fraction": 2.0}, "^training: 'mask.fraction' is 2.0: "),
        ({"source": None}, "^training: key 'mask.source' is missing; add it$"),
        ({"kind": "flipp"}, "^training: 'mask.kind' is 'flipp', which is not known; write flip$"),
    ],
)
def test_faults_of_a_recipe_in_a_configuration_have_the_key_that_was_written(changes, match):
    with pytest.raises(LthkitError, match=match):
        Training.parse({"mask": {"kind": "flip", "source": "a.zarr", "round": 1} | changes}, "training")


def test_recipes_make_what_the_functions_make(stored):
    first, second = (
        {name: torch.from_numpy(mask) for name, mask in store.open_store(path).masks(2).items()} for path in stored
    )
    expected = {
        "dense": masks.dense(SHAPES),
        "ticket": first,
        "complement": controls.complement(first),
        "union": controls.union(first, second),
        "difference": controls.difference(first, second),
        "other_ticket": second,
        "other_complement": controls.complement(second),
    }
    for kind, mask in expected.items():
        assert equal(made(recipe(kind, stored)), mask), kind
    for kind, function in DRAWN.items():
        assert equal(made(recipe(kind, stored, seed=3)), function(first, 3)), kind


def test_equal_masks_have_equal_recipes(stored):
    assert recipe("flip", stored).fingerprint() == recipe("flip", stored, fraction=0.1).fingerprint()
    assert recipe("random", stored, seed=5).fingerprint() != recipe("random", stored).fingerprint()
    assert "seed" not in recipe("complement", stored).plain()


UNUSED = dict.fromkeys(("fraction", "sparsity", "weights", "layer", "other", "other_round"))


@pytest.mark.parametrize("kind", controls.kinds())
def test_recipes_stored_with_the_keys_of_all_kinds_are_read(kind, stored):
    wanted = recipe(kind, stored)
    old = UNUSED | {"seed": 0} | wanted.plain()
    assert controls.parse_recipe(old, "recipe") == wanted


def test_only_the_room_lists_the_kinds():
    """A new kind is one class and its name in the union: no table elsewhere has to follow."""
    package = Path(controls.__file__).parents[1]
    # a scale chooses which masks its notebook compares
    others = [path for path in package.rglob("*.py") if not {"controls", "scales"} & set(path.parts[-2:-1])]
    listing = {path.name for path in others if sum(f'"{kind}"' in path.read_text() for kind in controls.kinds()) > 3}
    assert not listing


def test_a_second_ticket_of_another_network_is_refused(stored, tmp_path):
    path = tmp_path / "small.zarr"
    shapes = {"a": (2, 2)}
    with store.create(path, parameters=shapes, config={}, provenance={}, metrics=(), rounds=2, evaluations=1) as at:
        at.commit(survivors(shapes), rounds=2, scored=0, scores={})
    for kind in PAIRED:
        with pytest.raises(LthkitError, match=r"'a'"):
            made(recipe(kind, [stored[0], str(path)]))


def test_stores_can_be_opened_elsewhere(stored):
    opened = []
    ticket = made(recipe("ticket", stored), open_store=lambda path: opened.append(path) or store.open_store(path))
    assert opened == [stored[0]]
    assert masks.left(ticket) < masks.size(ticket)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"kind": "invented"}, "'kind' is 'invented', which is not known; write dense or ticket or "),
        ({"kind": "layr_random"}, "write layer_random"),
        ({}, "key 'kind' is missing"),
        ({"kind": "union"}, "key 'other' is missing; add it"),
        ({"kind": "one_shot_start"}, "key 'weights' is missing"),
        ({"kind": "one_layer", "weights": "pretrained"}, "key 'layer' is missing"),
        ({"kind": "complement", "fraction": 0.2}, "unknown key 'fraction'; remove it"),
        ({"kind": "complement", "seed": 1}, "unknown key 'seed'"),
        ({"kind": "random", "other": "b", "other_round": 1}, "unknown key 'other'"),
        ({"kind": "flip", "fraction": 1.5}, "'fraction' is 1.5"),
        ({"kind": "random", "seed": -1}, "'seed' is -1"),
        ({"kind": "random", "seed": "1"}, "'seed' is the text '1', not a number"),
        ({"kind": "dense"}, "^mask: a dense mask is that of round 0, not 3; set 'round' to 0$"),
        ({"kind": "ticket", "rate": 0.2}, "unknown key 'rate'"),
    ],
)
def test_bad_recipes_are_refused_in_one_sentence(given, match):
    with pytest.raises(LthkitError, match=match):
        controls.parse_recipe({"source": "a.zarr", "round": 3} | given, "mask")


def test_what_is_not_there_is_named(stored):
    with pytest.raises(LthkitError, match="'one_shot_trained' needs the weights 'pretrained'; pass weights="):
        made(recipe("one_shot_trained", stored))
    with pytest.raises(StoreError, match="has no round 3; choose one from 0 to 2"):
        made(recipe("random", stored, round=3))
    with pytest.raises(StoreError, match="there is no store at nowhere"):
        made(controls.ticket_recipe("nowhere@1"))
    with pytest.raises(LthkitError, match=r"the weights to rank lack the layer 'a\.weight'"):
        made(recipe("one_layer", stored), weights={})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ticket", {}),
        ("complement", {}),
        ("random", {"seed": 7}),
        ("flip", {"seed": 7, "fraction": 0.1}),
        ("swap 0.2", {"seed": 7, "fraction": 0.2}),
        ("one_shot_start pretrained", {"weights": "pretrained"}),
        ("one_shot_trained source last", {"weights": "source last"}),
        ("one_layer fc.weight source last", {"weights": "source last", "layer": "fc.weight"}),
        ("union", {"other": "b.zarr", "other_round": 3}),
        ("other_complement", {"other": "b.zarr", "other_round": 3}),
    ],
)
def test_a_mask_is_read_from_text(text, expected):
    values = {"kind": text.split()[0], "source": "a.zarr", "round": 3} | expected
    read = controls.read_recipe(text, source="a.zarr", round=3, seed=7, other="b.zarr")
    assert read == controls.parse_recipe(values, "mask")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("layer_randm", "^mask 'layer_randm': 'kind' is 'layer_randm', which is not known; write layer_random"),
        ("", "^mask '': 'kind' is ''"),
        ("union", "a mask of kind 'union' needs a second ticket; give its store as other"),
        ("complement 0.2", "a mask of kind 'complement' takes no '0.2'; write 'complement' alone"),
        ("flip much", "a mask of kind 'flip' takes a fraction, not 'much'; write e.g. flip 0.2"),
        ("flip 2", "^mask 'flip 2': 'fraction' is 2.0"),
        ("flip nan", "^mask 'flip nan': 'fraction' is "),
        ("one_shot_start", "'one_shot_start' needs the weights to rank; write e.g. one_shot_start pretrained"),
        ("one_layer pretrained", "needs a layer and the weights to rank"),
    ],
)
def test_text_that_is_no_mask_is_refused_in_one_sentence(text, match):
    with pytest.raises(LthkitError, match=match):
        controls.read_recipe(text, source="a.zarr", round=3)


def test_a_ticket_is_named_by_store_and_round():
    ticket = controls.ticket_recipe("runs/a@b.zarr@12")
    assert (ticket.kind, ticket.source, ticket.round) == ("ticket", "runs/a@b.zarr", 12)
    for text in ("runs/a.zarr", "@1x", "a.zarr@", "a.zarr@-1", "a.zarr@²", "@3"):
        with pytest.raises(LthkitError, match="does not name a mask; write STORE@round"):
            controls.ticket_recipe(text)


def test_one_layer_alone_is_pruned():
    ticket = masks.dense({"a": (2, 3), "b": (4,)})
    weights = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([4.0, -1.0, 3.0, 2.0])}
    made = controls.one_layer(weights, ticket, "b", 0.5)
    assert made["a"].all()
    assert made["b"].tolist() == [True, False, True, False]
    with pytest.raises(LthkitError, match="no prunable layer 'c'"):
        controls.one_layer(weights, ticket, "c", 0.5)


def test_a_recipe_of_one_layer_prunes_no_other(stored, weights):
    name = next(iter(SHAPES))
    pruned = made(recipe("one_layer", stored, sparsity=0.5), weights=weights)
    assert all(mask.all() for key, mask in pruned.items() if key != name)
    assert masks.left({name: pruned[name]}) == -(-pruned[name].numel() // 2)
