"""Lines between trained networks: their ends, their barriers, and trainings in other orders of the data."""

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import AUTOENCODER, tiny_config

from lthkit import connectivity, plots
from lthkit import masks as masking
from lthkit.analysis import highest_sparsity
from lthkit.connectivity import barrier, error_along, stability_table, trained_copies
from lthkit.early_bird import early_bird
from lthkit.errors import LthkitError
from lthkit.progress import Silent
from lthkit.search import begin, find_ticket, kept_state, scores_as_is


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    config = tiny_config(keep_weights="all")
    return find_ticket(config, tmp_path_factory.mktemp("a") / "a.zarr", progress=Silent())


@pytest.fixture(scope="module")
def facts(searched):
    return begin.facts_of(searched)


def masks_of(store, round):
    return masking.as_tensors(store.masks(round))


def trained(store, round):
    return kept_state(store, round, "last").state


# --- the line -------------------------------------------------------------------------------------------------


def test_the_ends_are_the_networks_to_the_bit(searched, facts):
    one, other = trained(searched, 0), trained(searched, 2)
    path = error_along(facts.task, facts.config, one, other, points=5)
    ends = [scores_as_is(facts.task, facts.config.plan, state, {}, "test")["accuracy"] for state in (one, other)]
    assert path["score"].values[[0, -1]].tolist() == ends
    assert path["error"].values[[0, -1]].tolist() == [1 - end for end in ends]
    assert path["alpha"].values.tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_between_equal_ends_nothing_changes(searched, facts):
    state = trained(searched, 1)
    path = error_along(facts.task, facts.config, state, dict(state), points=4)
    assert np.ptp(path["error"].values) == 0
    assert barrier(path) == 0


def test_the_barrier_is_the_highest_error_above_the_mean_of_the_ends():
    import xarray as xr

    def of(*errors):
        return barrier(xr.Dataset({"error": ("alpha", np.array(errors))}))

    assert of(0.1, 0.5, 0.3) == pytest.approx(0.3)
    assert of(0.1, 0.0, 0.3) == pytest.approx(0.1)  # the higher end is above the mean of both
    assert of(0.25, 0.25, 0.25) == 0


def test_statistics_in_the_middle_are_those_of_the_middle(searched, facts):
    """By hand: the mean over the batches of each batch's mean, in front of the first normalisation."""
    one, other = trained(searched, 0), trained(searched, 2)
    error_along(facts.task, facts.config, one, other, points=3, batches=3)
    batches = [batch for _, batch in zip(range(3), facts.task.batches(facts.config.seed, 0, 0), strict=False)]
    weight = (one["conv1.weight"] + other["conv1.weight"]) / 2
    means = [torch.nn.functional.conv2d(images, weight, padding=1).mean((0, 2, 3)) for images, _ in batches]
    state = connectivity.path._between(one, other, 0.5)
    found = connectivity.path._with_statistics(facts.task, facts.config, state, batches)
    torch.testing.assert_close(found["bn1.running_mean"], torch.stack(means).mean(0))
    momenta = {layer.momentum for layer in connectivity.path._normalised(facts.task.modules)}
    assert momenta == {0.1}


def test_lines_that_cannot_be(searched, facts):
    state = trained(searched, 0)
    other = dict(state) | {"conv1.weight": torch.zeros(1, 1)}
    with pytest.raises(LthkitError, match=r"differ in 'conv1.weight'"):
        error_along(facts.task, facts.config, state, other)
    with pytest.raises(LthkitError, match=r"differ in 'more'"):
        error_along(facts.task, facts.config, state, dict(state) | {"more": torch.zeros(1)})
    with pytest.raises(LthkitError, match="at least 3"):
        error_along(facts.task, facts.config, state, state, points=2)


# --- instability ----------------------------------------------------------------------------------------------


def test_copies_differ_in_the_order_alone_and_are_kept(searched, facts, tmp_path):
    masks = masks_of(searched, 1)
    first = trained_copies(facts, searched, 1, masks, 2, tmp_path)
    assert not torch.equal(first[0].state["conv1.weight"], first[1].state["conv1.weight"])
    for copy in first:
        assert all((copy.state[name][~mask] == 0).all() for name, mask in masks.items())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = trained_copies(facts, searched, 1, masks, 2, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert all(torch.equal(again[1].state[name], value) for name, value in first[1].state.items())
    with pytest.raises(LthkitError, match="of another search, mask or order"):
        trained_copies(facts, searched, 1, masks_of(searched, 2), 2, tmp_path)


@pytest.mark.parametrize(
    "rewind", [{"to": "start"}, {"to": "none"}, {"to": "step", "step": 2}, {"to": "restart", "step": 2}]
)
def test_a_copy_in_the_searchs_own_order_is_the_searchs_training(tmp_path, rewind, monkeypatch):
    """So it begins where the round began, for every rewinding."""
    config = tiny_config(AUTOENCODER, rewind=rewind, pruning__rounds=1, keep_weights="all")
    store = find_ticket(config, tmp_path / "a.zarr", progress=Silent())
    monkeypatch.setattr("lthkit.connectivity.copies.derive", lambda seed, *path: seed)
    copies = trained_copies(begin.facts_of(store), store, 1, masks_of(store, 1), 2, tmp_path / "copies")
    wanted = trained(store, 1)
    assert all(torch.equal(copies[0].state[name], value) for name, value in wanted.items())


def test_instability_of_tickets_beside_random_masks(searched, tmp_path):
    found = connectivity.instability(searched, tmp_path, [0, 2], orders=3, points=3)
    assert found.groupby(["mask", "round"]).size().to_dict() == {
        ("layer_random", 2): 3,
        ("ticket", 0): 3,
        ("ticket", 2): 3,
    }
    sparsity = masking.sparsity(masks_of(searched, 2))
    assert set(found.loc[found["round"] == 2, "sparsity"]) == {sparsity}
    for row in found.to_dict("records"):
        assert row["barrier"] == pytest.approx(max(row["path"]) - (row["path"][0] + row["path"][-1]) / 2)
        assert row["barrier"] >= 0
    judged = stability_table(found)
    assert judged["mask"].tolist() == ["dense", "ticket", "layer_random"]
    facts = begin.facts_of(searched)
    copies = trained_copies(facts, searched, 2, masks_of(searched, 2), 3, tmp_path)
    scores = [scores_as_is(facts.task, facts.config.plan, copy.state, {}, "test")["accuracy"] for copy in copies]
    assert judged["error"][1] == pytest.approx(1 - np.mean(scores))
    assert judged["trainings"].tolist() == [3, 3, 3]


def test_the_dense_network_from_where_a_round_begins(tmp_path):
    """Its copies are those of the round's beginning under no mask, and a point beside the lines in the figure."""
    config = tiny_config(rewind={"to": "step", "step": 2}, pruning__rounds=1, keep_weights="all")
    store = find_ticket(config, tmp_path / "a.zarr", progress=Silent())
    found = connectivity.instability(store, tmp_path / "copies", masks=["ticket", "dense"], orders=2, points=3)
    assert found[["mask", "round"]].to_numpy().tolist() == [["ticket", 0], ["ticket", 1], ["dense", 1]]
    assert found["sparsity"].tolist() == [0, masking.sparsity(masks_of(store, 1)), 0]
    facts = begin.facts_of(store)
    whole = {name: torch.ones_like(mask) for name, mask in masks_of(store, 1).items()}
    copies = trained_copies(facts, store, 1, whole, 2, tmp_path / "again")
    scores = [scores_as_is(facts.task, facts.config.plan, copy.state, {}, "test")["accuracy"] for copy in copies]
    assert [found["path"][2][0], found["path"][2][-1]] == [1 - score for score in scores]
    assert stability_table(found)[["mask", "round"]].to_numpy().tolist() == [["dense", 0], ["ticket", 1], ["dense", 1]]
    ticket, dense = (line for line in plots.barriers(found).data if line.yaxis == "y" and line.mode == "lines+markers")
    assert list(ticket.y) == found["barrier"].tolist()[:2]
    assert (list(dense.x), list(dense.y)) == ([1], [found["barrier"][2]])


def told(mask, round, sparsity, ends, middle, higher_is_better=True):
    """Rows of three trainings with these errors, whose lines all have this error in the middle."""
    rows = []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        path = [ends[one], middle, ends[other]]
        above = max(path) - (path[0] + path[2]) / 2
        said = {"mask": mask, "round": round, "sparsity": sparsity, "one": one, "other": other}
        rows.append(said | {"barrier": above, "path": path, "higher_is_better": higher_is_better})
    return pd.DataFrame(rows)


def test_which_round_loses_stability_beside_which_round_stops_matching():
    """By hand: dense errors 0.10, 0.11, 0.12 have mean 0.11 and deviation 0.01, so up to 0.12 matches."""
    instability = pd.concat(
        [
            told("ticket", 0, 0.0, [0.10, 0.11, 0.12], 0.15),
            told("ticket", 1, 0.5, [0.11, 0.12, 0.13], 0.12),
            told("layer_random", 1, 0.5, [0.13, 0.14, 0.15], 0.34),
            told("ticket", 2, 0.8, [0.12, 0.13, 0.14], 0.13),
        ]
    )
    found = stability_table(instability).set_index(["mask", "round"])
    assert found["stable"].to_dict() == {
        ("dense", 0): "no",
        ("ticket", 1): "yes",
        ("layer_random", 1): "no",
        ("ticket", 2): "yes",
    }
    assert found["matching"].tolist() == ["yes", "yes", "no", "no"]
    assert found["error"].tolist() == pytest.approx([0.11, 0.12, 0.14, 0.13])
    assert found["error_sd"].tolist() == pytest.approx([0.01] * 4)
    # pairs of the dense network: 0.15 above 0.105, 0.11 and 0.115
    assert found.loc[("dense", 0), "barrier"] == pytest.approx(0.04)
    assert found.loc[("dense", 0), "barrier_sd"] == pytest.approx(0.005)
    assert found["pairs"].tolist() == found["trainings"].tolist() == [3] * 4
    assert set(stability_table(instability, limit=0.001)["stable"]) == {"no"}
    ends = {rule: highest_sparsity(stability_table(instability), rule) for rule in ("stable", "matching")}
    assert ends["stable"].set_index("mask")["said"].to_dict() == {
        "ticket": "stable up to 80.00 %, the highest that was judged",
        "layer_random": "stable at no sparsity",
    }
    assert ends["matching"].set_index("mask").loc["ticket", "said"] == "matching up to 50.00 %, then no longer"


def test_what_cannot_be_judged_gets_no_verdict():
    dense, ticket = told("ticket", 0, 0.0, [0.1, 0.1, 0.1], 0.1), told("ticket", 1, 0.5, [0.1, 0.1, 0.1], 0.1)
    two = stability_table(pd.concat([dense, ticket]).query("other == 1"))
    assert two["stable"].tolist() == ["yes", "yes"]
    assert two["matching"].tolist() == ["no verdict", "no verdict"]
    assert np.isnan(two["barrier_sd"]).all()
    assert stability_table(ticket)["matching"].tolist() == ["no verdict"]
    losses = pd.concat([dense, ticket]).assign(higher_is_better=False)
    assert stability_table(losses)["stable"].tolist() == ["no verdict", "no verdict"]
    assert stability_table(losses, limit=0.5)["stable"].tolist() == ["yes", "yes"]
    with pytest.raises(LthkitError, match="no column 'path'"):
        stability_table(dense.drop(columns="path"))
    with pytest.raises(LthkitError, match="no barriers to judge"):
        stability_table(dense[:0])


def test_between_rounds_of_one_search(searched, tmp_path):
    found = connectivity.between_rounds(searched, points=3)
    assert list(zip(found["one"], found["other"], strict=True)) == [(0, 1), (1, 2), (0, 2)]
    short = find_ticket(tiny_config(), tmp_path / "b.zarr", progress=Silent())
    with pytest.raises(LthkitError, match="keeps no weights 'last' of round 1"):
        connectivity.between_rounds(short)


def test_bad_input_is_refused(searched, tmp_path):
    with pytest.raises(LthkitError, match="at least 2 orders"):
        connectivity.instability(searched, tmp_path, [0], orders=1)
    with pytest.raises(LthkitError, match="nonsense"):
        connectivity.instability(searched, tmp_path, [0, 1], masks=["ticket", "nonsense"])
    assert not list(tmp_path.iterdir())
    with pytest.raises(LthkitError, match="there is no round 7"):
        connectivity.instability(searched, tmp_path, [7])


# --- early birds ----------------------------------------------------------------------------------------------


def test_masks_of_each_epoch_by_hand(searched, facts):
    found = early_bird(searched)
    assert found["epoch"].values.tolist() == [0, 1, 2]
    start, end = facts.start.modules, trained(searched, 0)
    keep = round(0.8 * masking.size(masks_of(searched, 0)))
    drawn = [masking.prune(state, masks_of(searched, 0), keep) for state in (start, end)]
    apart = sum(int((drawn[0][name] != drawn[1][name]).sum()) for name in drawn[0]) / masking.size(drawn[0])
    assert float(found["distance"].sel(epoch=0, other_epoch=2)) == apart > 0
    values = found["distance"].values
    assert (values == values.T).all()
    assert not np.diag(values).any()


def test_early_birds_that_cannot_be(searched, monkeypatch):
    with pytest.raises(LthkitError, match="no round 9"):
        early_bird(searched, 9)
    with pytest.raises(LthkitError, match=r"density 1.5 lies outside"):
        early_bird(searched, 0, 1.5)
    monkeypatch.setattr("lthkit.early_bird.MOST_EPOCHS", 1)
    with pytest.raises(LthkitError, match="2 epochs, more than the 1"):
        early_bird(searched)


# --- figures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [plots.barriers, plots.barriers_between_rounds])
def test_rows_that_cannot_be_drawn_are_refused(draw, searched):
    found = connectivity.between_rounds(searched, [(0, 1)], points=3)
    found = found.assign(mask="ticket", round=1)
    assert draw(found).data
    with pytest.raises(LthkitError, match="no column 'barrier'"):
        draw(found.drop(columns="barrier"))
    with pytest.raises(LthkitError, match="no barriers to draw"):
        draw(found.iloc[:0])


def test_the_map_is_the_mean_of_trainings_of_the_same_length(searched):
    one = early_bird(searched)
    assert plots.early_bird_map([one, one]).data[0].customdata.tolist() == (100 * one["distance"].values).tolist()
    with pytest.raises(LthkitError, match="other epochs"):
        plots.early_bird_map([one, one.isel(epoch=[0, 1], other_epoch=[0, 1])])
