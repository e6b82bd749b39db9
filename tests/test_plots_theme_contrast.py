"""Marks are seen in both themes: WCAG 2.2's contrast of colours with white and with JupyterLab's dark background."""

import pytest

from lthkit.plots.theme import COLOURS, TEXT


def light(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("ground", ["#FFFFFF", "#111111"])
def test_marks_have_three_to_one(colour, ground):
    assert contrast(colour, ground) >= 3


def test_texts_have_four_and_a_half_to_one_on_pictures_ground():
    assert contrast(TEXT, "#FFFFFF") >= 4.5
