"""What the explorer gives a page and takes from it, without a browser."""

import base64
import gzip
import json
import re
import weakref
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from test_explorer import CONV, SHAPES, search

import lthkit
from lthkit.errors import LthkitError
from lthkit.explorer import explore
from lthkit.explorer.choices import ALL
from lthkit.explorer.frame import frame
from lthkit.explorer.look import look
from lthkit.explorer.offers import crumbs, options
from lthkit.explorer.pictures import picture, pictures
from lthkit.explorer.still import small
from lthkit.explorer.strip import strip
from lthkit.explorer.traces import BAND, CURVES, DENSE
from lthkit.explorer.views import WINDOW

LARGE = {"large.weight": (700, 600, 1, 1), "small.weight": (6, 5, 3, 3)}


@pytest.fixture
def explorer():
    return explore({"a": search(0), "b": search(1), "c": search(2, 3)}, round=2)


def answered(explorer, **said):
    """What the page's message leads to: what is sent back."""
    sent = []
    live = explorer.live
    live.page.send = lambda content, buffers=None: sent.append(content)
    live.answer(said)
    return sent


def test_the_page_follows_what_is_chosen_and_chooses(explorer):
    shown = explorer.live.page
    assert shown.values["round"] == 2
    answered(explorer, kind="choose", changes={"round": 4, "view": "zero"})
    assert (
        (explorer.choices.round, explorer.choices.view) == (4, "zero") == (shown.values["round"], shown.values["view"])
    )
    assert shown.cells == picture(explorer.model, explorer.choices).cells.tobytes()
    answered(explorer, kind="bar", at=0)
    assert explorer.choices.scope == shown.values["scope"] == CONV
    answered(explorer, kind="click", at=[4, 2])
    assert explorer.choices.kernel == (4, 2)
    assert shown.values["most"] == [5, 3]
    assert answered(explorer, kind="point", at=[4, 2])[0]["text"].startswith("input 2, output 4: ")
    assert "died in round" in answered(explorer, kind="table", name="kernel")[0]["html"]
    for name in ("explorer", "plotly"):
        assert answered(explorer, kind="module", name=name) == [{"kind": "module", "name": name}]
    explorer.choose(scope=ALL, round=0)
    assert (shown.values["round"], shown.values["most"]) == (0, None)
    assert shown.frame["alt"] == explorer.alt


def test_every_wish_is_answered_by_a_tick_also_one_that_changes_nothing(explorer):
    shown = explorer.live.page
    for said in ({"changes": {"round": 2}}, {"changes": {"scope": "gone"}}, {"changes": {"view": "nonsense"}}):
        before = shown.tick
        sent = answered(explorer, kind="choose", **said)
        assert shown.tick == before + 1
    assert sent == [{"kind": "told", "text": sent[0]["text"]}]
    assert sent[0]["text"].startswith("there is no view 'nonsense'")
    # no other: the page would take it for the answer to a change that is under way
    before = shown.tick
    for said in ({"kind": "point", "at": [1, 1]}, {"kind": "table", "name": ""}, {"kind": "rest"}):
        answered(explorer, **said)
    assert shown.tick == before


def test_the_page_is_sent_bytes_and_plain_values(explorer):
    shown = explorer.live.page
    json.dumps([shown.frame, shown.figure, shown.options, shown.values, shown.lists])
    assert shown.figure["config"]["showSendToCloud"] is False
    assert shown.figure["config"]["responsive"] is False
    assert [view for _, view in options(explorer.model, explorer.choices)["view"]][:3] == ["kernels", "zero", "density"]


def test_texts_of_cells_are_those_of_the_picture(explorer):
    made = frame(explorer.model, replace(explorer.choices, scope=CONV))
    drawn = picture(explorer.model, replace(explorer.choices, scope=CONV))
    (map_,) = made.maps
    cells = np.frombuffer(made.cells, np.uint8).reshape(-1, map_["columns"])
    said = made.lists[map_["said"]]
    assert [[said[cell] for cell in row] for row in cells] == [[f"{n} of 9" for n in row] for row in drawn.array.values]
    assert made.lists[map_["down"]][3] == "output 3"


def test_numbers_of_shares_are_near_those_of_the_picture(explorer):
    for view in ("kernels", "zero", "density", "overlap", "times_chance"):
        explorer.choose(view=view)
        drawn = picture(explorer.model, explorer.choices)
        said = [float(text.strip("×% ")) for text in drawn.spoken]
        times = 1 if view == "times_chance" else 10 if drawn.array.attrs["units"] == "‰" else 0.01
        numbers = drawn.array.values / times
        told = np.array(said)[drawn.cells]
        inside = np.isfinite(numbers) & (numbers > 0.2 if view != "times_chance" else numbers < 16)
        assert np.allclose(told[inside], numbers[inside], rtol=0.05, atol=0.6), view


def test_a_closed_explorer_lets_go_and_opens_again(explorer):
    shown, masks = explorer.live.page, weakref.ref(explorer.model)
    answered(explorer, kind="gone")
    assert shown.comm is None
    assert masks() is None
    assert explorer._model is None
    assert explorer.alt.startswith("Weights left in a, round 2")


def test_differences_are_those_of_the_shares(explorer):
    explorer.choose(beside=True, c="c", scope=CONV, round=3)
    drawn = pictures(explorer.model, explorer.choices)
    assert [one.name for one in drawn] == ["a", "b", "c", "b − a", "c − a"]
    masks = {}
    for name in "abc":
        at = int(explorer.model.partners("a", name)[3])
        masks[name] = (explorer.model.searches[name].codes[CONV] > at).mean(axis=(2, 3))
    assert np.allclose(drawn[3].array, masks["b"] - masks["a"])
    assert np.allclose(drawn[4].array, masks["c"] - masks["a"])


def test_nothing_that_differs_has_the_middle_of_the_scale():
    explorer = explore({"a": search(0), "same": search(0)}, beside=True, view="density")
    drawn = pictures(explorer.model, explorer.choices)[2]
    assert (drawn.cells == drawn.scale.top // 2).all()


@pytest.mark.parametrize("view", ["kernels", "zero", "density"])
def test_a_complement_has_what_the_ticket_lacks(view):
    explorer = explore({"a": search(0)}, controls=["complement"], view=view, round=3, scope=CONV)
    explorer.choose(a="complement of a", b="a")
    rest = explorer.model.searches["a"].codes[CONV] <= 3
    found, scene = look(explorer.model, explorer.choices)
    counted = (~rest).all(axis=(2, 3)).sum() if view == "zero" else rest.sum()
    assert found.counts(scene).counted[explorer.model.layers("a").index(CONV)] == counted
    drawn = picture(explorer.model, explorer.choices).array.values
    wanted = {"kernels": rest.sum(axis=(2, 3)), "zero": ~rest.any(axis=(2, 3)), "density": rest.mean(axis=(1, 2, 3))}
    assert np.allclose(drawn[:, 3] if view == "density" else drawn, wanted[view])
    explorer.choose(scope=ALL)
    picture(explorer.model, explorer.choices)


def test_zero_kernels_of_a_complement_in_the_map_of_the_network():
    explorer = explore({"a": search(0)}, controls=["complement"], view="zero", round=4, show=["complement of a"])
    cells = picture(explorer.model, explorer.choices).array
    layers = list(SHAPES)
    width = cells.shape[1] // len(layers)
    whole = (explorer.model.searches["a"].codes[CONV] > 4).all(axis=(2, 3))
    band = cells.values[:, :width]
    assert (band == 1000).any() == whole.any()


def test_controls_are_those_of_the_recipes():
    explorer = explore({"a": search(0)}, controls=["layer_random"], seed=3)
    control = explorer.model.searches["layer random of a"]
    ticket = {name: torch.from_numpy(code > 2) for name, code in explorer.model.searches["a"].codes.items()}
    for name, mask in lthkit.controls.layer_random(ticket, 3).items():
        assert np.array_equal(control.codes[name] > 2, mask.numpy())


def test_a_tile_of_a_large_layer_opens_to_single_kernels():
    explorer = explore({"a": search(0, shapes=LARGE)}, scope="large", round=2)
    step = picture(explorer.model, explorer.choices).across.step
    assert step > 1
    explorer.click(300 // step, 590 // step)
    assert explorer.choices.kernel == (300 // step * step, 590 // step * step)
    out, inner = explorer.choices.window
    drawn = picture(explorer.model, explorer.choices)
    assert drawn.cells.shape == (WINDOW, WINDOW)
    codes = explorer.model.searches["a"].codes["large.weight"][out : out + WINDOW, inner : inner + WINDOW]
    assert np.array_equal(drawn.cells, (codes > 2).sum(axis=(2, 3)))
    assert drawn.across.label(0) == f"input {inner}"
    assert (inner, drawn.across.ends) == (600 - WINDOW, (600 - WINDOW - 0.5, 599.5))
    explorer.click(1, 2)
    assert explorer.choices.kernel == (out + 1, inner + 2)
    assert explorer.choices.window == (out, inner)
    explorer.choose(scope="small.weight")
    assert explorer.choices.window is None


def test_the_way_back_is_said():
    explorer = explore({"a": search(0, shapes={**SHAPES, "layer3.0.conv.weight": (700, 600, 1, 1)})}, round=1)
    explorer.choose(scope="layer3.0.conv.weight")
    explorer.choose(window=(64, 0), kernel=(65, 3))
    way = crumbs(explorer.model, explorer.choices)
    assert [label for label, _ in way] == [
        *("all layers", "block B3", "layer3.0.conv", "outputs 64 to 191, inputs 0 to 127", "kernel 65, 3")
    ]
    explorer.choose(**way[2][1])
    assert (explorer.choices.scope, explorer.choices.window) == ("layer3.0.conv.weight", None)
    explorer.choose(**way[1][1])
    assert explorer.choices.scope == "block B3"


def test_what_is_selected_is_pruned_and_nothing_else(explorer):
    explorer.select("layer1.0.conv1[3, 0:2]", "layer2.0.conv2")
    mask = explorer.mask()
    codes = explorer.model.searches["a"].codes
    for name, kept in mask.items():
        wanted = np.ones(SHAPES[name], bool)
        if name == CONV:
            wanted[3, 0:2] = codes[name][3, 0:2] > 2
        if name == "layer2.0.conv2.weight":
            wanted = codes[name] > 2
        assert np.array_equal(kept.numpy(), wanted)
    explorer.choose(scope=CONV, kernel=(1, 2))
    for what in ("part", "kernel", "kernel"):
        explorer.add(what)
    assert explorer.choices.selected[2:] == (CONV, f"{CONV}[1, 2]")
    explorer.add("nothing")
    with pytest.raises(LthkitError, match="nothing is selected"):
        explorer.mask()
    for part, said in (
        ("gone", "no layer or block 'gone'"),
        ("layer1.0.conv1[6, 0]", "lies outside"),
        ("B1[0, 0]", "one layer"),
    ):
        with pytest.raises(LthkitError, match=said):
            explorer.select(part)


def test_the_call_shows_the_same_again(explorer):
    explorer.choose(view="zero", scope=CONV, kernel=(2, 1), beside=True, c="c", round=1)
    explorer.select("layer2.0.conv1")
    said = explorer.call()
    assert said.startswith("lthkit.explore({'a': SEARCH, 'b': SEARCH, 'c': SEARCH}, view='zero', round=1, ")
    given = iter(explorer.opened.given.values())
    again = eval(said.replace("SEARCH", "next(given)"), {"lthkit": lthkit, "given": given})
    assert again.choices == explorer.choices
    assert again.call() == said


def test_a_page_holds_every_round_of_its_views(explorer, tmp_path):
    explorer.choose(view="density", beside=True)
    text = explorer.save(tmp_path / "new" / "masks.html", views=["zero"]).read_text(encoding="utf-8")
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    packed = dict(re.findall(r'id="(\w+)">([\w+/=]+)<', text))
    recorded, cells = (gzip.decompress(base64.b64decode(packed[name])) for name in ("recorded", "cells"))
    frames = json.loads(recorded)["frames"]
    assert list(frames) == ["density", "zero"]
    for view, rounds in frames.items():
        assert len(rounds) == 6
        for round, one in enumerate(rounds):
            start, length = one["cells"]
            drawn = pictures(explorer.model, replace(explorer.choices, view=view, round=round))
            assert cells[start : start + length] == b"".join(picture.cells.tobytes() for picture in drawn)
            whole = {f"{trace} {path}": value for trace, path, value in [*rounds[0]["state"], *one["state"]]}
            wanted = frame(explorer.model, replace(explorer.choices, view=view, round=round)).state
            assert whole == {f"{trace} {path}": value for trace, path, value in json.loads(json.dumps(wanted))}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("masks.doc", {}, r"'masks\.doc' has no known ending; save as one of \.png, \.svg"),
        ("masks.html", {"views": ["nonsense"]}, "there is no view 'nonsense'"),
        ("masks.gif", {"theme": "paper"}, r"'masks\.gif' takes no theme; only \.png, \.svg, \.pdf do"),
        ("masks.png", {"views": ["zero"]}, r"'masks\.png' shows the chosen view alone; only \.html takes several"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_anything_is_written(explorer, tmp_path, name, given, message):
    with pytest.raises(LthkitError, match=message):
        explorer.save(tmp_path / name, **given)
    assert not list(tmp_path.iterdir())


def test_a_picture_for_the_notebook_is_smaller_and_the_same_size(explorer):
    from io import BytesIO

    from PIL import Image

    whole = lthkit.plots.png(explorer.figure().update_layout(width=1000))
    less = small(whole)
    assert len(less) < len(whole)
    assert Image.open(BytesIO(less)).size == Image.open(BytesIO(whole)).size


def test_dense_runs_are_the_band_behind_the_scores(explorer):
    scores = [0.9, 0.92, 0.94]
    rows = {"source": "s", "target": "t", "mask": "dense", "round": 0, "search_seed": 0, "sparsity": 0.0}
    told = {"weights": "pretrained", "metric": "accuracy", "higher_is_better": True}
    results = pd.DataFrame([rows | told | {"training_seed": n, "score": score} for n, score in enumerate(scores)])
    banded = explore({"a": search(0)}, results=results)
    made = strip(banded.model, banded.choices, 0.2, 0.8)
    assert made[DENSE, "y"] == pytest.approx([0.92, 0.92])
    assert made[BAND, "y"] == pytest.approx([0.9, 0.9, 0.94, 0.94])
    without = strip(explorer.model, explorer.choices, 0.2, 0.8)
    assert (without[BAND, "x"], without[DENSE, "x"]) == ([], [])
    # without scores the strip shows the weights that are left
    assert without[CURVES[0], "y"] == pytest.approx(1 - explorer.model.sparsity("a"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"show": ["gone"]}, "there is no search 'gone' to show; choose from a, b"),
        ({"show": ["a", "b", "a", "b"]}, "4 searches cannot be shown; choose one to three"),
        ({"controls": ["flip"]}, "there is no control 'flip' of every round; choose from complement, layer_random"),
    ],
)
def test_a_mistake_gets_one_sentence(arguments, message):
    with pytest.raises(LthkitError, match=message):
        explore({"a": search(0), "b": search(1)}, **arguments)


def test_one_search_has_nothing_beside_it():
    with pytest.raises(LthkitError, match="nothing can stand beside it; give several searches"):
        explore(search(0), beside=True)
