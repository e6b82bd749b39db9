"""One picture with what is said of it: classes blended over the pixels, or boxes with names."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from PIL import Image

from lthkit.catalog import VOID
from lthkit.plots.theme import COLOURS

_MORE_COLOURS = (
    *("#F0E442", "#8C564B", "#000000", "#17BECF", "#7F3C8D", "#BCBD22", "#E73F74", "#80BA5A"),
    *("#A5AA99", "#3969AC", "#F2B701", "#CF1C90", "#008695", "#4B4B8F", "#FFFFFF"),
)
_VOID_COLOUR = (128, 128, 128)
_BLEND = 0.6
MOST_NAMES = 6
"""Boxes of a picture up to which each has its name; more would hide the picture."""


@dataclass(frozen=True)
class _Box:
    """One box of a picture: its edges in pixels, its class, its score (NaN for the truth), whether it is difficult."""

    edges: tuple[float, float, float, float]
    label: int
    score: float
    difficult: bool


def class_colours(count: int) -> list[str]:
    """A colour for each class; the first six are safe for the colour-blind, 21 are told apart."""
    every = (*COLOURS, *_MORE_COLOURS)
    return [every[number % len(every)] for number in range(count)]


def blended(image: np.ndarray, mask: np.ndarray, colours: Sequence[str | None]) -> np.ndarray:
    """The image with each class's colour laid over its pixels; void is grey, a class without colour stays.

    Args:
        image: uint8 (H, W, 3).
        mask: uint8 (H, W) of class numbers.
        colours: as #RRGGBB, by class number.
    """
    table = np.full((256, 3), np.nan)
    for number, colour in enumerate(colours):
        if colour is not None:
            table[number] = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    table[VOID] = _VOID_COLOUR
    over = table[mask]
    mixed = _BLEND * over + (1 - _BLEND) * image
    return np.where(np.isnan(over), image, mixed).round().astype(np.uint8)


def add_picture(
    figure: go.Figure, found: xr.Dataset, is_truth: bool, place: tuple[int, int], least_score: float
) -> None:
    """Add the truth, or what was found, of one image at (row, column) of a figure of subplots."""
    classes = list(found.attrs["classes"])
    image = found["image"].values
    if "truth_mask" in found:
        colours = _mask_colours(len(classes), bool(found.attrs.get("background")))
        image = blended(image, found["truth_mask" if is_truth else "predicted_mask"].values, colours)
    figure.add_image(source=_embedded(image), x0=0.5, y0=0.5, hoverinfo="skip", row=place[0], col=place[1])
    if "truth_mask" not in found:
        boxes = list(_true_boxes(found) if is_truth else _found_boxes(found, least_score))
        _add_boxes(figure, boxes, classes, place)


def _mask_colours(count: int, background: bool) -> list[str | None]:
    return [None, *class_colours(count - 1)] if background else list(class_colours(count))


def _embedded(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _true_boxes(found: xr.Dataset) -> Iterator[_Box]:
    columns = (found["truth_box"].values, found["truth_label"].values, found["truth_difficult"].values)
    for edges, label, difficult in zip(*columns, strict=True):
        if label >= 0:
            yield _Box(tuple(edges.tolist()), int(label), float("nan"), bool(difficult))


def _found_boxes(found: xr.Dataset, least_score: float) -> Iterator[_Box]:
    columns = (found["box"].values, found["label"].values, found["score"].values)
    for edges, label, score in zip(*columns, strict=True):
        if label >= 0 and score >= least_score:
            yield _Box(tuple(edges.tolist()), int(label), float(score), False)


def _add_boxes(figure: go.Figure, boxes: list[_Box], classes: list[str], place: tuple[int, int]) -> None:
    colours = class_colours(len(classes))
    for box in boxes:
        left, top, right, bottom = box.edges
        score = "" if np.isnan(box.score) else f" {box.score:.2f}"
        said = f"{classes[box.label]}{score}" + (" (difficult)" if box.difficult else "")
        figure.add_scatter(
            x=[left, right, right, left, left],
            y=[top, top, bottom, bottom, top],
            mode="lines",
            line={"color": colours[box.label], "width": 2, "dash": "dash" if box.difficult else "solid"},
            name=said,
            hovertemplate=f"{said}<extra></extra>",
            showlegend=False,
            row=place[0],
            col=place[1],
        )
        if len(boxes) <= MOST_NAMES:
            _add_name(figure, f"{classes[box.label]}{score}", box, colours[box.label], place)


def _add_name(figure: go.Figure, text: str, box: _Box, colour: str, place: tuple[int, int]) -> None:
    """Above the box, or within it where it begins at the picture's upper edge."""
    left, top, _, _ = box.edges
    light = sum(int(colour[at : at + 2], 16) * share for at, share in ((1, 0.299), (3, 0.587), (5, 0.114))) > 150
    figure.add_annotation(
        text=text,
        x=left,
        y=top,
        xanchor="left",
        yanchor="top" if top < 12 else "bottom",
        showarrow=False,
        font={"size": 10, "color": "#000000" if light else "#FFFFFF"},
        bgcolor=colour,
        borderpad=0,
        row=place[0],
        col=place[1],
    )
