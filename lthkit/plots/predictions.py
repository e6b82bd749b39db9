"""What subnetworks say of images, beside the truth: boxes with names, or classes blended over the pixels."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from PIL import Image
from plotly.subplots import make_subplots

from lthkit.catalog import VOID
from lthkit.errors import LthkitError
from lthkit.plots.theme import COLOURS, style

_MORE_COLOURS = (
    *("#F0E442", "#8C564B", "#000000", "#17BECF", "#7F3C8D", "#BCBD22", "#E73F74", "#80BA5A"),
    *("#A5AA99", "#3969AC", "#F2B701", "#CF1C90", "#008695", "#4B4B8F", "#FFFFFF"),
)
_VOID_COLOUR = (128, 128, 128)
_BLEND = 0.6
MOST_NAMES = 6
"""Boxes of a picture up to which each has its name; more would hide the picture."""
_PANEL = 210
_TRUTH = "truth"


@dataclass(frozen=True)
class _Box:
    """One box of a picture: its edges in pixels, its class, its score (NaN for the truth), whether it is difficult."""

    edges: tuple[float, float, float, float]
    label: int
    score: float
    difficult: bool


def predictions(
    shown: Mapping[str, xr.Dataset], *, scenes: Sequence[int] | None = None, least_score: float = 0.3
) -> go.Figure:
    """The same images for every subnetwork, in columns beside the truth (for Chen et al. 2021, §4.3).

    Args:
        shown: name → images and predictions as ``search.predict`` gives them: ``image`` uint8 (scene, row, column,
            channel) and either masks, ``truth_mask`` and ``predicted_mask`` (scene, row, column), or boxes in pixels.
        scenes: which images, by their number; all by default.
        least_score: detections that are less sure are left out.

    Raises:
        LthkitError: if there is nothing to draw, names have different images, or one has neither boxes nor masks.
    """
    first = _checked(shown)
    chosen = [int(number) for number in (first["scene"].values if scenes is None else scenes)]
    for number in chosen:
        if number not in first["scene"].values:
            known = ", ".join(map(str, first["scene"].values))
            raise LthkitError(f"there is no image {number} among the predictions; choose among {known}")
    titles = [_TRUTH, *(_titled(name, found) for name, found in shown.items())]
    figure = make_subplots(
        len(chosen),
        len(titles),
        column_titles=titles,
        horizontal_spacing=0.008,
        vertical_spacing=0.012,
    )
    for row, number in enumerate(chosen, start=1):
        for column, name in enumerate([_TRUTH, *shown], start=1):
            found = (first if name == _TRUTH else shown[name]).sel(scene=number)
            _add_picture(figure, found, name == _TRUTH, (row, column), least_score)
    masks = "truth_mask" in first
    _add_legend(figure, list(first.attrs["classes"]), masks and bool(first.attrs.get("background")))
    height, width = first.sizes["row"], first.sizes["column"]
    figure.update_xaxes(range=[0, width], visible=False, showline=False, constrain="domain")
    figure.update_yaxes(range=[height, 0], visible=False, showline=False, constrain="domain")
    for index in range(len(chosen) * len(titles)):
        figure.layout[f"yaxis{index + 1 if index else ''}"].scaleanchor = f"x{index + 1 if index else ''}"
    style(
        figure,
        f"Predictions on images of the {first.attrs.get('split', 'test')} split",
        _said(first, least_score),
        width=max(60 + _PANEL * len(titles), 640),
        height=int(150 + _PANEL * len(chosen) * height / width),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 0, "yanchor": "top", "xanchor": "left"},
        margin={"l": 20, "r": 20, "t": 110, "b": 40},
    )
    return figure


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


def _checked(shown: Mapping[str, xr.Dataset]) -> xr.Dataset:
    if not shown:
        raise LthkitError("there are no predictions to draw; give those of one subnetwork at least")
    names = list(shown)
    first = shown[names[0]]
    for name in names:
        for kind in (("truth_mask", "predicted_mask"), ("truth_box", "box")):
            if all(part in shown[name] for part in kind):
                break
        else:
            raise LthkitError(f"the predictions '{name}' have neither boxes nor masks; give what `predict` gives")
        if "image" not in shown[name] or not shown[name]["image"].identical(first["image"]):
            raise LthkitError(f"'{names[0]}' and '{name}' are of different images; predict the same split and count")
        if ("truth_mask" in shown[name]) != ("truth_mask" in first):
            raise LthkitError(f"'{names[0]}' and '{name}' are of different tasks; draw them one after the other")
    return first


def _titled(name: str, found: xr.Dataset) -> str:
    sparsity = found.attrs.get("sparsity")
    return f"{name}<br>{100 * sparsity:.2f} % removed" if sparsity else name


def _said(first: xr.Dataset, least_score: float) -> str:
    if "truth_mask" in first:
        return "classes over the pixels" + ("; the background as it is" if first.attrs.get("background") else "")
    dashed = "; difficult objects dashed" if bool(first["truth_difficult"].any()) else ""
    return f"detections of a score of at least {least_score:g}{dashed}"


def _add_picture(
    figure: go.Figure, found: xr.Dataset, is_truth: bool, place: tuple[int, int], least_score: float
) -> None:
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


def _add_legend(figure: go.Figure, classes: list[str], background: bool) -> None:
    named = classes[1:] if background else classes
    for name, colour in zip(named, class_colours(len(named)), strict=True):
        marker = {"color": colour, "size": 11, "symbol": "square"}
        figure.add_scatter(x=[None], y=[None], mode="markers", marker=marker, name=name, row=1, col=1)
