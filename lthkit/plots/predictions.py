"""What subnetworks say of images, beside the truth: boxes with names, or classes blended over the pixels."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from lthkit.errors import LthkitError
from lthkit.plots.overlays import add_picture, class_colours
from lthkit.plots.theme import style

_PANEL = 210


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
    titles = ["truth", *(_titled(name, found) for name, found in shown.items())]
    figure = make_subplots(
        len(chosen),
        len(titles),
        column_titles=titles,
        horizontal_spacing=0.008,
        vertical_spacing=0.012,
    )
    for row, number in enumerate(chosen, start=1):
        for column, found in enumerate([first, *shown.values()], start=1):
            add_picture(figure, found.sel(scene=number), column == 1, (row, column), least_score)
    return _dressed(figure, first, len(chosen), len(titles), least_score)


def _dressed(figure: go.Figure, first: xr.Dataset, rows: int, columns: int, least_score: float) -> go.Figure:
    """With title, legend and axes that keep pixels square."""
    masks = "truth_mask" in first
    _add_legend(figure, list(first.attrs["classes"]), masks and bool(first.attrs.get("background")))
    height, width = first.sizes["row"], first.sizes["column"]
    figure.update_xaxes(range=[0, width], visible=False, showline=False, constrain="domain")
    figure.update_yaxes(range=[height, 0], visible=False, showline=False, constrain="domain")
    for index in range(rows * columns):
        figure.layout[f"yaxis{index + 1 if index else ''}"].scaleanchor = f"x{index + 1 if index else ''}"
    style(
        figure,
        f"Predictions on images of the {first.attrs.get('split', 'test')} split",
        _said(first, least_score),
        width=max(60 + _PANEL * columns, 640),
        height=int(150 + _PANEL * rows * height / width),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 0, "yanchor": "top", "xanchor": "left"},
        margin={"l": 20, "r": 20, "t": 110, "b": 40},
    )
    return figure


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


def _add_legend(figure: go.Figure, classes: list[str], background: bool) -> None:
    named = classes[1:] if background else classes
    for name, colour in zip(named, class_colours(len(named)), strict=True):
        marker = {"color": colour, "size": 11, "symbol": "square"}
        figure.add_scatter(x=[None], y=[None], mode="markers", marker=marker, name=name, row=1, col=1)
