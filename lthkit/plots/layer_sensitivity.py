"""How much each layer bears: its score when it alone is pruned."""

from collections.abc import Iterator, Mapping
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from lthkit.analysis.labels import metric_name, score_name
from lthkit.analysis.verdicts.samples import sample
from lthkit.errors import LthkitError
from lthkit.plots.labels import count_label
from lthkit.plots.theme import style
from lthkit.plots.ticks import layer_axis
from lthkit.plots.titles import BAR_WIDTH

MOST_CELL_TEXTS = 160


def layer_sensitivity(scores: xr.DataArray | Mapping[str, xr.DataArray]) -> go.Figure:
    """Score with one layer alone pruned to each level; panels side by side, as without and with training afterwards.

    The analysis is Mehta's (2019, Contributions); neither paper prints its outcome.

    Args:
        scores: by panel title, or one alone: dimensions layer (names in depth order) and level (fraction of the
            layer's weights removed); any others are runs, over which means are taken. Attributes ``metric``;
            if known ``dense`` (score with no layer pruned), ``chance`` (the metric's value for guessing) and
            ``test_share`` (of the test split that was scored).

    Raises:
        LthkitError: if there is no panel or no run, panels have different layers or levels, or a dimension or
            ``metric`` is missing.
    """
    panels = {"": scores} if isinstance(scores, xr.DataArray) else dict(scores)
    first = _checked_panels(panels)
    found = {title: _averaged(panel) for title, panel in panels.items()}
    means = np.stack([mean for mean, _ in found.values()])
    if not np.isfinite(means).any():
        raise LthkitError("the scores hold no run at all; train something first")
    figure = make_subplots(1, len(panels), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=list(panels))
    names, levels, metric = [str(name) for name in first["layer"].values], first["level"].values, first.attrs["metric"]
    scored = score_name(metric, first.attrs.get("test_share", 1.0))
    shape = ".0%" if np.nanmax(means) <= 1 and first.attrs.get("higher_is_better", True) else ".3g"
    for column, panel in enumerate(means, start=1):
        figure.add_trace(_heat(panel, names, levels, shape), 1, column)
    style(
        figure,
        f"{metric_name(str(metric), first=True)} with one layer pruned alone",
        "; ".join([*_panel_notes(panels, found), "layers in depth order, input on top"]),
        height=200 + max(14 * len(names), 260),
        width=1000,
        coloraxis={
            "colorscale": "Viridis",
            "cmin": float(np.nanmin(means)),
            "cmax": float(np.nanmax(means)),
            "colorbar": {"title": {"text": "<br>".join(wrap(scored, BAR_WIDTH))}, "tickformat": shape, "thickness": 14},
        },
    )
    ticks = {"tickvals": list(range(len(levels))), "ticktext": [f"{100 * level:.4g}" for level in levels]}
    figure.update_xaxes(title={"text": "share of the layer's<br>weights removed (%)"}, showgrid=False, **ticks)
    figure.update_yaxes(layer_axis(names, autorange="reversed"))
    return figure.update_annotations(font={"size": 13}, yshift=4)


def _checked_panels(panels: Mapping[str, xr.DataArray]) -> xr.DataArray:
    """The first panel, if all fit each other."""
    if not panels:
        raise LthkitError("there is no layer sensitivity to draw; give the scores of at least one panel")
    first = next(iter(panels.values()))
    for title, panel in panels.items():
        for name in ("layer", "level"):
            if name not in panel.dims or name not in panel.coords:
                raise LthkitError(f"the scores '{title}' have no dimension '{name}' with labels; give layer and level")
            if panel[name].values.tolist() != first[name].values.tolist():
                raise LthkitError(f"the panels differ in '{name}'; score all at the same layers and levels")
    if "metric" not in first.attrs:
        raise LthkitError("the scores do not say 'metric'; set it as an attribute")
    return first


def _averaged(panel: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Means and numbers of runs over all dimensions but layer and level; NaN where there is none."""
    cells = panel.transpose("layer", "level", ...).values
    found = [[sample(runs) for runs in row] for row in cells.reshape(*cells.shape[:2], -1)]
    return np.array([[one.mean for one in row] for row in found]), np.array([[one.n for one in row] for row in found])


def _panel_notes(
    panels: Mapping[str, xr.DataArray], found: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> Iterator[str]:
    for title, panel in panels.items():
        dense = f", {panel.attrs['dense']:.4g} with no layer pruned" if "dense" in panel.attrs else ""
        guess = panel.attrs.get("chance")
        chance = "" if guess is None or np.isnan(guess) else f", chance {guess:.4g}"
        yield f"{title or 'means of runs'}: {count_label(found[title][1].ravel().tolist())}{dense}{chance}"


def _heat(panel: np.ndarray, names: list[str], levels: np.ndarray, shape: str) -> go.Heatmap:
    removed = np.broadcast_to(100 * levels, panel.shape)
    said = np.broadcast_to(np.array(names)[:, None], panel.shape)
    texts = {"texttemplate": f"%{{z:{shape}}}", "textfont": {"size": 11}} if panel.size <= MOST_CELL_TEXTS else {}
    return go.Heatmap(
        z=panel,
        coloraxis="coloraxis",
        customdata=np.stack([said, removed.astype(object)], axis=-1),
        hovertemplate="%{customdata[0]}, %{customdata[1]:.2f} % removed<br>%{z}<extra></extra>",
        **texts,
    )
