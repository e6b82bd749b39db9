"""Figures of predictions and of scores by class: pixels, boxes and bars as worked out by hand."""

import base64
import io

import numpy as np
import pytest
from figures import SIZE, boxes, by_class, masks
from PIL import Image

from lthkit import plots
from lthkit.errors import LthkitError
from lthkit.plots.overlays import MOST_NAMES, blended, class_colours


def lines(figure):
    return [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "lines"]


def test_boxes_are_drawn_where_they_are_beside_the_truth():
    figure = plots.predictions({"dense": boxes(sparsity=0.0), "ticket": boxes()})
    assert sum(trace.type == "image" for trace in figure.data) == 6  # two images in three columns
    drawn = lines(figure)
    assert len(drawn) == 6
    truth, dense = drawn[0], drawn[1]
    assert (truth.x, truth.y) == ((4, 8, 8, 4, 4), (4, 4, 8, 8, 4))
    assert (dense.x, dense.y) == ((2, 10, 10, 2, 2), (3, 3, 12, 12, 3))
    assert [trace.line.dash for trace in drawn] == ["solid"] * 3 + ["dash", "solid", "solid"]  # the second is difficult
    assert (truth.line.color, dense.line.color) == tuple(class_colours(2))
    notes = [note.text for note in figure.layout.annotations]
    assert notes[:3] == ["truth", "dense", "ticket<br>48.80 % removed"]
    assert notes.count("box 0.90") == 4
    assert tuple(figure.layout.yaxis.range) == (SIZE, 0)


def test_unsure_detections_and_padding_are_left_out_and_the_subtitle_says_so():
    found = ((2, 3, 10, 12, 0.9, 1), (1, 1, 4, 4, 0.29, 0), (np.nan, np.nan, np.nan, np.nan, np.nan, -1))
    figure = plots.predictions({"ticket": boxes(found)}, scenes=[1])
    assert len(lines(figure)) == 2
    assert "at least 0.3; difficult objects dashed" in figure.layout.title.subtitle.text
    assert len(lines(plots.predictions({"ticket": boxes(found)}, scenes=[0], least_score=0.2))) == 3


def test_many_boxes_go_without_names():
    found = tuple((n, n, n + 3, n + 3, 0.9, 0) for n in range(MOST_NAMES + 1))
    figure = plots.predictions({"ticket": boxes(found)}, scenes=[0])
    assert [note.text for note in figure.layout.annotations] == ["truth", "ticket<br>48.80 % removed", "ball"]


def pixels(trace):
    return np.array(Image.open(io.BytesIO(base64.b64decode(trace.source.split(",")[1]))))


def test_masks_are_laid_over_the_pixels_but_for_background():
    figure = plots.predictions({"ticket": masks()}, scenes=[0])
    truth, predicted = (pixels(trace) for trace in figure.data if trace.type == "image")
    red, green, blue = (int(class_colours(1)[0][at : at + 2], 16) for at in (1, 3, 5))
    ball = [round(0.6 * value + 0.4 * 100) for value in (red, green, blue)]
    assert truth[0, 0].tolist() == ball
    assert truth[5, 0].tolist() == [round(0.6 * 128 + 0.4 * 100)] * 3  # void
    assert truth[12, 0].tolist() == [100] * 3
    assert (predicted == ball).all()
    assert [trace.name for trace in figure.data if trace.type == "scatter"] == ["ball"]


def test_without_a_background_every_class_has_a_colour():
    mask = np.array([[0, 1]], np.uint8)
    image = np.zeros((1, 2, 3), np.uint8)
    assert (blended(image, mask, ["#FF0000", "#00FF00"]) == [[[153, 0, 0], [0, 153, 0]]]).all()
    assert len(set(class_colours(21))) == 21


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ({}, "there are no predictions to draw"),
        ({"a": boxes(), "b": boxes().isel(scene=[0])}, "'a' and 'b' are of different images"),
        ({"a": boxes().drop_vars("box")}, "'a' have neither boxes nor masks"),
        (
            {"a": masks(), "b": boxes().assign(image=masks()["image"])},
            "'a' and 'b' are of different tasks",
        ),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(shown, told):
    with pytest.raises(LthkitError, match=told):
        plots.predictions(shown)


def test_an_image_that_is_not_there_is_named():
    with pytest.raises(LthkitError, match="there is no image 7 among the predictions; choose among 0, 1"):
        plots.predictions({"a": boxes()}, scenes=[7])


@pytest.mark.parametrize("found", [boxes(), masks()])
def test_they_are_drawn_as_png(found):
    made = Image.open(io.BytesIO(plots.png(plots.predictions({"ticket": found}))))
    colours = {tuple(pixel) for pixel in np.array(made.convert("RGB")).reshape(-1, 3)}
    wanted = class_colours(2)[1 if "box" in found else 0]
    seen = tuple(int(wanted[at : at + 2], 16) for at in (1, 3, 5))
    assert seen in colours  # the line of a box, or the legend of a class


def test_bars_are_the_scores_and_their_mean_over_what_is_scored():
    figure = plots.per_class(by_class([[0.8, np.nan, 0.4], [0.5, np.nan, 0.1]]))
    dense, ticket = figure.data
    np.testing.assert_allclose(dense.y, [0.8, np.nan, 0.4, 0.6])
    np.testing.assert_allclose(ticket.y, [0.5, np.nan, 0.1, 0.3])
    assert figure.layout.title.subtitle.text == "test split; one run each; no objects: box"
    assert figure.layout.xaxis.ticktext[-1] == "<b>mean</b>"
    assert figure.layout.yaxis.title.text == "test AP50"
    assert plots.png(figure)


def test_scores_that_are_none_or_unnamed_are_refused():
    with pytest.raises(LthkitError, match="no class has a score"):
        plots.per_class(by_class(np.full((2, 3), np.nan)))
    with pytest.raises(LthkitError, match="no dimension 'subnetwork' with names"):
        plots.per_class(by_class(np.ones((2, 3))).isel(subnetwork=0))
