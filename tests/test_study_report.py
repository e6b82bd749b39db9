"""What a study found: published numbers beside measured ones, and the figure in panels."""

import numpy as np
import pandas as pd
import pytest
from figures import paneled

from lthkit.papers import outcomes
from lthkit.plots import Reference, score_panels
from lthkit.studies import draw
from lthkit.studies.figures import Figure


def runs(**scores):
    """Rows of one line: sparsity in percent → scores."""
    rows = [
        {"sparsity": int(name[1:]) / 100, "score": score, "x": int(name[1:]) / 100}
        for name, several in scores.items()
        for score in several
    ]
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
    means = points.groupby(["row", "column", "line", "x"], sort=False)["score"].mean()
    for trace, (key, group) in zip(drawn, means.groupby(level=[0, 1, 2], sort=False), strict=True):
        assert np.allclose(trace.y, group.to_numpy()), key
        assert np.allclose(1 - trace.x, group.index.get_level_values("x"))
    named = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert len(named) == len(set(named)) == 5
    (paper,) = [trace for trace in figure.data if trace.name == "paper"]
    assert tuple(paper.x) == (0.5, 0.5)
    assert {note.text for note in figure.layout.annotations} == {
        f"{row} · {column}" for row in "ab" for column in "cde"
    }
