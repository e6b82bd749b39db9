"""Magnitudes of a layer's weights: what the next pruning removes, and what it keeps."""

import numpy as np
import pytest
from tiny import tiny_config

from lthkit.analysis import read
from lthkit.analysis.masks.magnitudes import magnitudes
from lthkit.explorer import explore
from lthkit.explorer.figure import state
from lthkit.explorer.pictures import pictures
from lthkit.explorer.traces import KEPT, NEXT
from lthkit.search import find_ticket, kept_state


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return find_ticket(tiny_config(keep_weights="all"), tmp_path_factory.mktemp("search") / "ticket.zarr")


@pytest.mark.parametrize("round", [0, 1, 2])
def test_counts_are_those_of_the_kept_weights(store, round):
    codes = read(store).codes
    largest = 0.0
    for layer, code in codes.items():
        weights = np.abs(kept_state(store, round, "last").network[layer].numpy())
        found = magnitudes(store, code, layer, round)
        assert found.removed.sum() == (code == round + 1).sum()
        assert found.kept.sum() == (code > round + 1).sum()
        if found.threshold is not None:
            assert found.threshold == pytest.approx(weights[code == round + 1].max())
            largest = max(largest, found.threshold)
    # pruned by magnitude over all layers at once: nothing that is kept is smaller than anything removed
    for layer, code in codes.items():
        if round < 2:
            assert np.abs(kept_state(store, round, "last").network[layer].numpy())[code > round + 1].min() >= largest


def test_another_searchs_weights_are_not_shown(store, tmp_path):
    other = find_ticket(tiny_config(keep_weights="none", seed=5), tmp_path / "other.zarr")
    layer, code = next(iter(read(other).codes.items()))
    assert magnitudes(other, code, layer, 0) is None
    name = "round-000-last.safetensors"
    own = other.path.with_suffix(".weights") / name
    own.write_bytes((store.path.with_suffix(".weights") / name).read_bytes())
    assert magnitudes(other, code, layer, 0) is None
    own.write_bytes(b"nonsense")
    assert magnitudes(other, code, layer, 0) is None


def test_the_explorer_shows_them_where_they_are_kept(store):
    explorer = explore(store, round=1)
    explorer.choose(scope=explorer.model.layers("ticket")[1])
    found = state(explorer.model, explorer.choices, pictures(explorer.model, explorer.choices))
    assert found[NEXT, "visible"]
    assert found[KEPT, "visible"]
    assert any(shape["xref"] == "x10" for shape in found[None, "shapes"])
    assert explorer.model.curve("ticket").sizes["round"] == 3
    explorer.choose(scope="all layers")
    found = state(explorer.model, explorer.choices, pictures(explorer.model, explorer.choices))
    assert not found[NEXT, "visible"]
