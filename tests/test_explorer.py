"""The explorer without a page: what it counts, draws, says and chooses, against brute force on small masks."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lthkit import display
from lthkit.analysis import Search
from lthkit.errors import LthkitError
from lthkit.explorer import VIEWS, Choices, Explorer, Model, clicks, explore
from lthkit.explorer.choices import ALL, find_scope, scopes
from lthkit.explorer.figure import state
from lthkit.explorer.look import available, fitted, look
from lthkit.explorer.pictures import picture, pictures
from lthkit.explorer.traces import BARS, KERNELS
from lthkit.plots.colours import LEVELS
from lthkit.plots.packed import packed

SHAPES = {
    "layer1.0.conv1.weight": (6, 4, 3, 3),
    "layer1.0.conv2.weight": (5, 6, 1, 1),
    "layer2.0.conv1.weight": (4, 5, 3, 3),
    "layer2.0.conv2.weight": (3, 4, 2, 2),
}
NAMES = [view.name for view in VIEWS]
CONV = "layer1.0.conv1.weight"


def search(seed: int, rounds: int = 5, shapes=SHAPES, name: str = "search") -> Search:
    """Weights die at random; codes above ``rounds`` (a commit under way) are there, too."""
    draws = np.random.default_rng(seed)
    died = np.append(np.repeat(np.arange(1, rounds + 2), 2), 255).astype(np.uint8)
    return Search({key: draws.choice(died, shape) for key, shape in shapes.items()}, rounds, name)


@pytest.fixture
def model():
    return Model({"a": search(0), "b": search(1)})


def shown(model: Model, chosen: Choices) -> Explorer:
    return explore(model.searches).choose(**vars(chosen))


def choices(**changes) -> Choices:
    return replace(Choices("a", "b", "kernels", 2), **changes)


def expected(view: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What a view counts of two masks, weight by weight."""
    return {"only_a": a & ~b, "only_b": b & ~a, "both": a & b, "overlap": a & b, "times_chance": a & b}.get(view, a)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6), st.sampled_from(NAMES), st.data())
def test_counts_of_every_view_are_those_of_the_masks(seed, rounds_a, rounds_b, view, data):
    model = Model({"a": search(seed, rounds_a), "b": search(seed + 1, rounds_b)})
    chosen = choices(view=view, round=data.draw(st.integers(0, rounds_a)))
    found, scene = look(model, chosen)
    counts = found.counts(scene)
    for place, name in enumerate(SHAPES):
        a = model.searches["a"].codes[name] > chosen.round
        b = model.searches["b"].codes[name] > scene.round_b
        if view == "zero":
            assert counts.counted[place] == (~a).all(axis=(2, 3)).sum()
            assert counts.units[place] == a.shape[0] * a.shape[1]
            continue
        assert counts.counted[place] == expected(view, a, b).sum()
        assert counts.units[place] == ((a | b).sum() if view in ("overlap", "times_chance") else a.size)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from(["kernels", "zero", "only_a", "only_b", "both"]), st.integers(0, 5))
def test_cells_of_a_layer_are_its_kernels(seed, view, round_):
    model = Model({"a": search(seed), "b": search(seed + 1, 3)})
    chosen = choices(view=view, round=round_, scope=CONV)
    a = model.searches["a"].codes[CONV] > round_
    b = model.searches["b"].codes[CONV] > look(model, chosen)[1].round_b
    counts = expected(view, a, b).sum(axis=(2, 3))
    drawn = picture(model, chosen)
    assert drawn.cells.dtype == np.uint8
    assert np.array_equal(drawn.cells, counts == 0 if view == "zero" else counts)


@pytest.mark.parametrize("view", ["kernels", "zero", "only_a", "only_b", "both"])
def test_a_map_shows_all_or_nothing_where_it_is(model, view):
    chosen = choices(view=view, round=4)
    drawn = picture(model, chosen)
    width = drawn.cells.shape[1] // len(SHAPES)
    for place, name in enumerate(SHAPES):
        alone = picture(model, replace(chosen, scope=name))
        shares = alone.array.values / alone.array.attrs["kernel_size"]
        band = drawn.cells[:, place * width : (place + 1) * width]
        assert (band == 0).any() == (shares == 0).any()
        assert (band == drawn.scale.top).any() == (shares == 1).any()


def test_overlap_of_a_search_with_itself_is_whole_on_the_diagonal():
    model = Model({"a": search(0), "b": search(0)})
    drawn = picture(model, choices(view="overlap"))
    assert (np.diag(drawn.array) == 1).all()
    assert (np.diag(drawn.cells) == LEVELS).all()
    assert (drawn.array.values[~np.eye(6, dtype=bool)] < 1).all()


def test_densities_are_of_layers_or_of_one_layers_output_channels(model):
    drawn = picture(model, choices(view="density"))
    codes = model.searches["a"].codes[CONV]
    assert drawn.array.values[0].tolist() == [(codes > r).mean() for r in range(6)]
    channels = picture(model, choices(view="density", scope=CONV))
    assert np.allclose(channels.array[:, 3], (codes > 3).mean(axis=(1, 2, 3)))


def test_searches_of_different_rates_meet_at_the_nearest_density():
    dense = np.repeat(np.array([1, 2, 3, 4], np.uint8), 25).reshape(10, 10)
    fast = Search({"w": np.where(dense > 2, 255, 1).astype(np.uint8)}, 1, "fast")
    model = Model({"a": Search({"w": dense}, 4), "b": fast})
    # a keeps 100, 75, 50, 25, 0 %, b 100 and 50 %; of equal distances the earlier round
    assert model.partners("a", "b").tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("view", NAMES)
@pytest.mark.parametrize("scope", [ALL, "block B1", CONV])
def test_every_state_sets_the_same_properties(model, view, scope):
    states = (choices(), choices(view=view, scope=scope), choices(view=view, scope=scope, beside=True, c="a"))
    assert len({tuple(state(model, one, pictures(model, one))) for one in states}) == 1


def test_a_step_of_the_slider_changes_little(model):
    before, after = (state(model, one, pictures(model, one)) for one in (choices(), choices(round=3)))
    differ = {key for key in before if json.dumps(before[key]) != json.dumps(after[key])}
    assert differ == {(BARS, "x"), (None, "title.text"), (None, "title.subtitle.text"), (None, "shapes")}


def test_packed_arrays_are_their_bytes():
    cells = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert packed(cells) == {"bdata": base64.b64encode(bytes(range(6))).decode(), "dtype": "u1", "shape": "2, 3"}


def test_what_cannot_be_shown_gives_way_to_the_nearest(model):
    assert fitted(model, choices(round=99, scope="gone")) == choices(round=5)
    assert fitted(model, choices(b=None, view="overlap")) == choices(b=None)
    assert fitted(model, choices(scope=CONV, kernel=(9, -1))) == choices(scope=CONV, kernel=(5, 0))


def test_searches_without_common_layers_are_looked_at_but_not_compared():
    other = search(1, shapes={"other.weight": (3, 3, 3, 3)}, name="b")
    model = Model({"a": search(0), "b": other})
    assert not any(view.compares for view in available(model, choices()))
    with pytest.raises(LthkitError, match="'a' and 'b' have no layer of equal name and shape in common"):
        explore({"a": search(0), "b": other}, view="overlap")
    explore({"a": search(0), "b": other})


def test_layers_of_one_search_only_are_left_out_of_comparisons():
    fewer = {name: shape for name, shape in SHAPES.items() if name != CONV}
    model = Model({"a": search(0), "b": search(1, shapes=fewer)})
    assert look(model, choices(view="both"))[1].layers == list(fewer)
    assert fitted(model, choices(view="both", scope=CONV)).scope == ALL


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"view": "kernel"}, "there is no view 'kernel'; choose from kernels, zero"),
        ({"view": "both"}, "view 'both' compares two searches; give a second store"),
        ({"round": 6}, "'search' has no round 6; choose one from 0 to 5"),
        ({"scope": "layer1.0.conv3"}, "there is no layer or block 'layer1.0.conv3'; choose one like layer1.0.conv"),
    ],
)
def test_a_mistake_gets_one_sentence(arguments, message):
    with pytest.raises(LthkitError, match=message):
        explore(search(0), **arguments)


def test_nothing_to_explore_is_said():
    with pytest.raises(LthkitError, match="give at least one store"):
        explore({})
    with pytest.raises(LthkitError, match="already hold all"):
        explore({"a": search(0)}, search(1))


def test_it_opens_at_the_sparsity_of_the_papers_figure():
    died = np.append(np.arange(1, 19), 255).astype(np.uint8)
    left = [1 - 0.8**round_ for round_ in range(1, 19)]
    codes = died[np.searchsorted(left, np.linspace(0, 1, 10_000, endpoint=False), side="right")]
    assert explore(Search({"w": codes.reshape(100, 100)}, 18)).choices.round == 7


def test_parts_are_found_by_short_names():
    layers = list(SHAPES)
    assert [find_scope(layers, name) for name in ("all", "B2", "layer1.0.conv1")] == [ALL, "block B2", CONV]
    assert scopes(["weight"]) == [ALL, "weight"]
    assert scopes(layers)[:3] == [ALL, "block B1", "block B2"]


def test_two_searches_of_one_name_are_told_apart():
    assert list(explore(search(0), search(1)).model.searches) == ["search A", "search B"]


def test_a_click_chooses_what_lies_there(model):
    drawn = picture(model, choices())
    band = drawn.cells.shape[1] // 4
    assert clicks.chosen(model, choices(), 0, 2 * band) == {"scope": "layer2.0.conv1.weight"}
    assert clicks.chosen(model, choices(), 0, 2 * band - 1) == {"scope": "layer1.0.conv2.weight"}
    assert clicks.chosen(model, choices(scope=CONV), 3, 1) == {"kernel": (3, 1)}
    assert clicks.chosen(model, choices(view="density"), 1, 4) == {"scope": "layer1.0.conv2.weight", "round": 4}
    assert clicks.chosen(model, choices(view="density", scope=CONV), 1, 4) == {"kernel": (1, 0), "round": 4}
    assert clicks.chosen(model, choices(view="overlap"), 4, 1) == {"round": 4}


def test_pointing_says_the_number(model):
    left = int((model.searches["a"].codes[CONV][3, 1] > 2).sum())
    said = clicks.said(model, choices(scope=CONV), 3, 1)
    assert said == f"input 1, output 3: weights left: {left} of 9"


@pytest.mark.parametrize("view", NAMES)
def test_tables_have_the_numbers_of_the_figure(model, view):
    explorer = shown(model, choices(view=view))
    found, scene = look(model, explorer.choices)
    assert explorer.table("layers")["counted"].tolist() == found.counts(scene).counted.tolist()
    for scope in (ALL, CONV):
        explorer.choose(scope=scope)
        drawn, table = picture(model, explorer.choices), explorer.table("picture")
        numbers = drawn.array.values / (1000 if drawn.array.attrs["units"] == "‰" else 1)
        assert np.allclose(table[found.quantity], numbers.ravel(), equal_nan=True)
        assert set(drawn.array.dims) <= set(table)
    assert len(explorer.table("kernel")) == 9
    with pytest.raises(LthkitError, match="no table 'nothing'; choose from layers, picture, kernel"):
        explorer.table("nothing")


def test_words_and_figure_agree(model):
    explorer = shown(model, choices(view="zero", scope=CONV, round=5))
    counted = int((model.searches["a"].codes[CONV] <= 5).all(axis=(2, 3)).sum())
    assert explorer.alt.startswith(f"Completely zero kernels in a, round 5 ({model.sparsity('a')[5]:.2%})")
    said = f"{counted:,} of 24 kernels are completely zero ({counted / 24:.2%}); by chance "
    assert said in explorer.alt
    chance = model.zeros("a").sel(layer=CONV, round=5)["chance"].item()
    assert explorer.alt.endswith(f"{chance:.2%}.")
    assert explorer.figure().layout.title.text in explorer.alt


def test_in_batch_a_picture_with_words_stays_small(monkeypatch):
    monkeypatch.setenv("LTHKIT_BATCH", "1")
    pictured = []
    monkeypatch.setattr(display, "display", pictured.append)
    noisy = search(0, 18, {"w.weight": (440, 450, 1, 1), "v.weight": (440, 450, 1, 1)})
    explorer = explore(noisy, round=7)
    explorer._ipython_display_()
    assert pictured[0].alt == explorer.alt
    assert 4 / 3 * len(pictured[0].data) < 800_000
    assert "live" not in explorer.__dict__


def test_the_kernel_shows_what_is_dead_at_the_chosen_round(model):
    chosen = choices(scope=CONV, view="both", kernel=(3, 1))
    codes = {name: model.searches[name].codes[CONV][3, 1] for name in "ab"}
    found = state(model, chosen, pictures(model, chosen))
    at = {"a": 2, "b": look(model, chosen)[1].round_b}
    for trace, name in zip(KERNELS, "ab", strict=False):
        wanted = [["left" if code > at[name] else str(code) for code in row] for row in codes[name]]
        assert found[trace, "text"] == wanted
        cells = np.frombuffer(base64.b64decode(found[trace, "z"]["bdata"]), np.uint8).reshape(3, 3)
        assert np.array_equal(cells == 6, codes[name] > at[name])


def test_a_frame_is_seen_also_in_a_large_layer():
    large = Model({"a": Search({"w": np.full((300, 60, 3, 3), 255, np.uint8)}, 1)})
    frame = picture(large, Choices("a", None, "kernels", 1, "w", (10, 5))).frame
    assert frame == (4.5, 5.5, 7.5, 12.5)


def test_overlap_by_chance_is_one_in_its_view():
    even = np.array([[1, 255] * 2, [255, 255, 1, 1]], np.uint8)
    model = Model({"a": Search({"w": even[:1].repeat(2, 0)}, 1), "b": Search({"w": even[1:].repeat(2, 0)}, 1)})
    drawn = picture(model, choices(view="times_chance", round=1))
    # half of each left, a quarter in both: the overlap is that of chance
    assert drawn.array.values[1, 1] == 1
    assert drawn.cells[1, 1] == LEVELS // 2
