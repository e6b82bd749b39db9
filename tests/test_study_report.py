"""What a study found: published numbers beside measured ones, and the figure in panels."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figures import paneled
from tidy import runs as tidy_runs

from lthkit.errors import LthkitError
from lthkit.papers import outcomes
from lthkit.plots import Reference, score_panels
from lthkit.store import create
from lthkit.studies import Run, Shelf, collected, draw
from lthkit.studies.figures import Figure


def runs(**scores):
    """Rows of one line: sparsity in percent → scores."""
    rows = [{"sparsity": int(name[1:]) / 100, "score": score} for name, several in scores.items() for score in several]
    return pd.DataFrame(rows)


DENSE = pd.DataFrame({"score": [0.90, 0.92, 0.94]})  # mean 0.92, standard deviation 0.02


def test_a_line_matches_up_to_the_highest_sparsity_within_one_standard_deviation():
    line = runs(s20=[0.95, 0.95, 0.95], s50=[0.89, 0.90, 0.91], s80=[0.89, 0.89, 0.91], s90=[0.5, 0.5, 0.5])
    (paper,) = outcomes(where="Fig. 3", target="svhn", source="simclr", found_on="source")
    found = draw._highest(line, DENSE, True, paper)
    assert (found["matches up to"], found["paper"], found["differ"]) == ("50.00%", "96.48%", "yes")
    assert (found["runs"], found["dense runs"]) == (3, 3)
    nothing = draw._highest(runs(s20=[0.5, 0.5, 0.5]), DENSE, True, None)
    assert (nothing["matches up to"], nothing["paper"], nothing["differ"]) == ("none", "", "")


def test_fewer_than_three_runs_get_no_verdict():
    for line, dense in ((runs(s20=[0.95, 0.95]), DENSE), (runs(s20=[0.95] * 3), DENSE[:1])):
        assert draw._highest(line, dense, True, None)["matches up to"] == "no verdict"


@pytest.mark.parametrize(
    ("published", "labels", "highest"),
    [
        ({"where": "Fig. 3"}, {"pretraining": "supervised", "target": "svhn", "found_on": "source"}, 0.9141),
        ({"where": "Fig. 3"}, {"pretraining": "simclr", "target": "digits", "found_on": "target"}, 0.9640),
        ({"where": "Fig. 5", "target": "voc-segmentation"}, {"pretraining": "moco", "found_on": "source"}, 0.8322),
        (
            {"where": "Fig. 11", "metric": "AP50"},
            {"pretraining": "moco", "detector": "ssd", "found_on": "source"},
            0.8658,
        ),
    ],
)
def test_the_papers_outcome_is_found_by_the_labels(published, labels, highest):
    figure = Figure.parse({"of": [], "published": published}, "a figure")
    found = draw._outcome(figure, labels, {"target": {"digits": "fashion-mnist"}})
    assert found.highest == pytest.approx(highest, abs=1e-3)


def test_what_the_paper_does_not_say_is_not_shown():
    figure = Figure.parse({"of": [], "published": {"where": "Fig. 3"}}, "a figure")
    assert draw._outcome(figure, {"pretraining": "simclr", "target": "mnist", "found_on": "source"}, {}) is None
    assert draw._outcome(Figure.parse({"of": []}, "a figure"), {"pretraining": "simclr"}, {}) is None


def test_a_panel_shows_means_and_each_name_once_in_the_legend():
    points, dense = paneled(["a", "b"], ["c", "d", "e"])
    figure = score_panels(points, dense, published=[Reference("a", "c", "paper", 0.5)])
    drawn = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert len(drawn) == 18
    means = points.groupby(["row", "column", "line", "sparsity"], sort=False)["score"].mean()
    for trace, (key, group) in zip(drawn, means.groupby(level=[0, 1, 2], sort=False), strict=True):
        assert np.allclose(trace.y, group.to_numpy()), key
        assert np.allclose(1 - trace.x, group.index.get_level_values("sparsity"))
    named = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert len(named) == len(set(named)) == 5
    (paper,) = [trace for trace in figure.data if trace.name == "paper"]
    assert tuple(paper.x) == (0.5, 0.5)
    assert {note.text for note in figure.layout.annotations} == {
        f"{row} · {column}" for row in "ab" for column in "cde"
    }


# --- from runs to rows ----------------------------------------------------------------------------------------


def done(shelf, identity, step, weights=None, **labels):
    """A run that its record says is done."""
    folder = shelf.folder(identity)
    values = {"out": str(folder), **({"weights": weights} if weights else {})}
    folder.mkdir(parents=True)
    said = {"status": "success", "seconds": 1.0, "executed": "tiny.ipynb"}
    (folder / "tiny.json").write_text(json.dumps(said))
    return Run("mine", step, labels, Path("tiny.ipynb"), values, {}, identity)


def stored(run, scores):
    """A search of 10 weights, one round for each score but the first; each round removes one."""
    rounds = len(scores) - 1
    codes = {"w": np.array([*range(1, rounds + 1), *[255] * (10 - rounds)], np.uint8)}
    columns = ("step", "learning_rate", "train_loss", "wall_time", "validation_accuracy", "test_accuracy")
    rows = {
        round_: {name: np.array([1.0]) for name in columns} | {"test_accuracy": np.array([score])}
        for round_, score in enumerate(scores)
    }
    settings = {
        "config": {"plan": {"selection": "validation"}, "seed": 0},
        "provenance": {"metric": "accuracy", "higher_is_better": True, "chance": 0.2},
    }
    where = run.out / "ticket.zarr"
    with create(where, parameters={"w": (10,)}, metrics=columns, rounds=rounds, evaluations=1, **settings) as writer:
        writer.commit(codes, rounds=rounds, scored=len(scores), scores=rows)


def figure_of(**values):
    return Figure.parse(values, "a figure")


def test_the_rounds_of_searches_stand_beside_their_dense_networks(tmp_path):
    shelf = Shelf(tmp_path)
    runs = [done(shelf, "a", "found", run="0"), done(shelf, "b", "found", run="1")]
    for run, scores in zip(runs, ([0.9, 0.8, 0.7], [0.7, 0.6, 0.5]), strict=True):
        stored(run, scores)
    of = [{"step": "found", "store": "ticket.zarr"}]
    found = collected.collected(figure_of(of=of), runs, shelf)
    assert found.points.groupby("round")["score"].mean().round(6).tolist() == [0.8, 0.7, 0.6]
    assert found.points.groupby("round")["sparsity"].mean().round(6).tolist() == [0.0, 0.1, 0.2]
    assert found.dense["score"].tolist() == [0.9, 0.7]
    left = collected.collected(figure_of(of=of, lines=["run"], by="left"), runs, shelf)
    assert left.points[["line", "left", "score"]].to_numpy().tolist() == [
        ["0", 9, 0.8],
        ["0", 8, 0.7],
        ["1", 9, 0.6],
        ["1", 8, 0.5],
    ]
    assert left.dense[["line", "score"]].to_numpy().tolist() == [["0", 0.9], ["1", 0.7]]
    table = draw._table(figure_of(of=of, lines=["run"], by="left"), left, {})
    assert table["dense"].tolist() == ["0.9000"] * 2 + ["0.7000"] * 2


def test_results_are_compared_with_the_dense_network_of_the_first_start(tmp_path, monkeypatch):
    shelf = Shelf(tmp_path)
    both = [done(shelf, name, "transferred", ["source", "random"], target="t", which=name) for name in "ab"]
    frame = pd.concat(
        [
            tidy_runs(0.9, "source", "t", "dense", 0, sparsity=0.0),
            tidy_runs(0.5, "random", "t", "dense", 0, sparsity=0.0),
            tidy_runs(0.8, "source", "t", "ticket", 1, sparsity=0.2),
            tidy_runs(0.7, "source", "t", "random", 1, sparsity=0.2),
        ],
        ignore_index=True,
    )
    frame["test_share"] = 1.0
    frame["file"] = [f"results/{number}.json" for number in range(len(frame))]
    monkeypatch.setattr(collected, "collect", lambda folder: frame)
    of = [{"step": "transferred", "masks": ["ticket"]}]
    found = collected.collected(figure_of(of=of, lines=["which"]), both, shelf)
    assert found.dense["score"].round(6).tolist() == [0.88, 0.9, 0.92]  # trained alike in both, and counted once
    assert set(found.points["mask"]) == {"ticket"}
    assert found.points.groupby("line")["score"].mean().round(6).to_dict() == {"a": 0.8, "b": 0.8}
    assert found.chance == {("", ""): 0.2}
    twice = [
        {"step": "transferred", "masks": [mask], "name": mask, "at": {"which": "a"}} for mask in ("ticket", "random")
    ]
    assert len(collected.collected(figure_of(of=twice), both, shelf).dense) == 3
    with pytest.raises(LthkitError, match="drawn against 'depth', which is no axis of step 'transferred'"):
        collected.collected(figure_of(of=of, by="depth"), both, shelf)


def test_what_is_not_done_is_named(tmp_path):
    shelf = Shelf(tmp_path)
    first, second = done(shelf, "a", "found", run="0"), done(shelf, "b", "found", run="1")
    stored(first, [0.9, 0.8])
    (second.out / "tiny.json").unlink()
    plan = {
        "study": "mine",
        "title": "A study of mine",
        "stands_for": {},
        "runs": [first, second],
        "figures": [
            {"of": [{"step": "found", "store": "ticket.zarr"}]},
            {"of": [{"step": "found", "store": "ticket.zarr", "at": {"run": "1"}}]},
        ],
    }
    found = draw.results_of(plan, shelf)
    assert len(found.drawn) == 1
    assert found.missing[0] == "figure 1 lacks what is not done: found · 1"
    assert found.missing[1].startswith("figure 2 is not drawn: none of the runs that the figure needs is done")


def test_what_knows_no_pretraining_stands_in_the_panel_of_each():
    rows = [("a", "simclr", "mP"), ("a", "moco", "mP"), ("b", "simclr", "mP"), ("a", "", "m0"), ("b", "", "m0")]
    table = collected.in_every_panel(pd.DataFrame(rows, columns=["row", "column", "line"]))
    found = set(table.itertuples(index=False, name=None))
    assert found == {*rows[:3], *((row, column, "m0") for row in "ab" for column in ("simclr", "moco"))}
    assert len(table) == 7
    plain = pd.DataFrame([("", "", "one"), ("", "", "two")], columns=["row", "column", "line"])
    pd.testing.assert_frame_equal(collected.in_every_panel(plain), plain)
