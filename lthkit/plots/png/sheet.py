"""The plotting area: subplots from the layout's axes, and the traces on them."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from lthkit.errors import LthkitError
from lthkit.plots.png.axes import Axis, build_axis, dress, size_of
from lthkit.plots.png.colourbars import draw_colorbar
from lthkit.plots.png.grids import draw_heatmap, draw_image
from lthkit.plots.png.marks import BarPlace, Points, draw_bars, draw_scatter, place_bars
from lthkit.plots.png.ranges import Extent, extent, fitted, margin
from lthkit.plots.png.spec import Spec, axis_key, axis_name, deep
from lthkit.plots.png.style import POINTS, colormap, colour, numbers

COLOURWAY = ["#636efa", "#EF553B", "#00cc96", "#ab63fa", "#FFA15A", "#19d3f3"]
POINTS_ALONE = {"scatter", "scattergl"}
Pair = tuple[str, str]


class Sheet:
    """All subplots of one figure, drawn on a canvas.

    Attributes:
        places: axis name → the subplot where that axis has its ticks, and the axis.
        entries: what stands in the legend: (handle, name).
    """

    def __init__(self, canvas: Figure, layout: Spec, paper: Bbox, traces: list[Spec]) -> None:
        self.canvas, self.layout, self.paper = canvas, layout, paper
        self.axes = _axes(layout, traces)
        self.subplots: dict[Pair, Axes] = {}
        self.entries: list[tuple[Any, str]] = []
        for pair in _pairs(self.axes, traces):
            self.subplots[pair] = self._subplot(pair)
        self._draw_traces(traces)
        self._set_ranges(traces)
        self.places: dict[str, tuple[Axes, Axis]] = {}
        for name in self.axes:
            home = self._home(name)
            if home is not None:
                self.places[name] = (self.subplots[home], self.axes[name])
        for pair, axes in self.subplots.items():
            for name in pair:
                dress(axes, self.axes[name], layout["font"], labelled=self._home(name) == pair)
            _keep_ratio(axes, *(self.axes[name] for name in pair))

    def _home(self, name: str) -> Pair | None:
        """The subplot where this axis has its ticks: with the axis that it is anchored to."""
        mine = [pair for pair in self.subplots if name in pair]
        anchor = self.axes[name].layout.get("anchor", "y" if name[0] == "x" else "x")
        return next((pair for pair in mine if anchor in pair), mine[0] if mine else None)

    def _subplot(self, pair: Pair) -> Axes:
        across, up = (self._domain(name) for name in pair)
        box = self.paper
        axes = self.canvas.add_axes(
            (
                box.x0 + across[0] * box.width,
                box.y0 + up[0] * box.height,
                (across[1] - across[0]) * box.width,
                (up[1] - up[0]) * box.height,
            )
        )
        axes.set_axisbelow(True)
        for name, share in zip(pair, (axes.sharex, axes.sharey), strict=True):
            alike = self._alike(name)
            partner = next((other for names, other in self.subplots.items() if alike & set(names)), None)
            if partner is not None:
                share(partner)
            if self.axes[name].kind == "log":
                (axes.set_xscale if name[0] == "x" else axes.set_yscale)("log")
        overlaid = any(self.axes[name].layout.get("overlaying") for name in pair)
        axes.set_facecolor("none" if overlaid else colour(self.layout.get("plot_bgcolor", "white")))
        self._spines(axes, pair)
        return axes

    def _alike(self, name: str) -> set[str]:
        """The axes that have the same range: one matches the other, whichever says so."""
        roots = {one: axis.layout.get("matches", one) for one, axis in self.axes.items()}
        return {one for one, root in roots.items() if root == roots[name]}

    def _domain(self, name: str) -> list[float]:
        layout = self.axes[name].layout
        over = layout.get("overlaying")
        return self._domain(over) if over in self.axes else list(layout.get("domain", [0, 1]))

    def _spines(self, axes: Axes, pair: Pair) -> None:
        for name, near, far in ((pair[0], "bottom", "top"), (pair[1], "left", "right")):
            layout = self.axes[name].layout
            tint = colour(layout.get("linecolor", "#444444"))
            opposite = layout.get("side") in ("right", "top")
            for side in (near, far):
                shown = layout.get("showline", False) and (layout.get("mirror") or (side == far) == opposite)
                axes.spines[side].set(visible=bool(shown), color=tint, linewidth=layout.get("linewidth", 1) * POINTS)

    def _set_ranges(self, traces: list[Spec]) -> None:
        """Ranges around the data; what shares an axis has room for that of all its traces."""
        for pair, axes in self.subplots.items():
            for name, length in zip(pair, size_of(axes), strict=True):
                mine = [one for one in traces if self._alike(name) & set(pair_of(one))]
                if all(one.get("type", "scatter") in POINTS_ALONE for one in mine):
                    ends = [self._extent(one, name[0], length) for one in mine]
                    fitted(axes, self.axes[name], [one for one in ends if one], length)
                else:
                    room = margin(mine, name[0], length)
                    axes.margins(x=room) if name[0] == "x" else axes.margins(y=room)

    def _extent(self, trace: Spec, side: str, length: float) -> Extent | None:
        pair = pair_of(trace)
        values = self._points(trace, pair)["xy".index(side)]
        return extent(trace, side, values, self.axes[pair["xy".index(side)]].kind == "log", length)

    def _draw_traces(self, traces: list[Spec]) -> None:
        bars = self._bar_places(traces)
        before: dict[Pair, Points] = {}
        way = self.layout.get("colorway") or COLOURWAY
        for index, trace in enumerate(traces):
            pair = pair_of(trace)
            axes, kind, tint = self.subplots[pair], trace.get("type", "scatter"), way[index % len(way)]
            handle: Any = None
            if kind == "heatmap":
                self._heatmap(axes, trace, pair)
            elif kind == "image":
                draw_image(axes, trace)
            elif kind == "bar":
                along, length = self._bar(trace, pair)
                handle = draw_bars(axes, trace, along, length, tint, bars[index])
            else:
                points = self._points(trace, pair)
                handle = draw_scatter(axes, trace, *points, tint, before.get(pair))
                before[pair] = points
                self._marker_bar(trace)
            if handle is not None and trace.get("showlegend", True):
                self.entries.append((handle, trace.get("name", f"trace {index}")))

    def _points(self, trace: Spec, pair: Pair) -> Points:
        given = [trace.get("x"), trace.get("y")]
        count = next((len(values) for values in given if values is not None), 0)
        columns = [
            trace.get(f"{side}0", 0) + trace.get(f"d{side}", 1) * np.arange(count)
            if values is None
            else self.axes[name].positions(values)
            for side, values, name in zip("xy", given, pair, strict=True)
        ]
        if len(columns[0]) != len(columns[1]):
            raise LthkitError(f"trace '{trace.get('name', '')}' has {len(columns[0])} x but {len(columns[1])} y values")
        return columns[0], columns[1]

    def _bar(self, trace: Spec, pair: Pair) -> Points:
        x, y = self._points(trace, pair)
        return (y, x) if trace.get("orientation") == "h" else (x, y)

    def _bar_places(self, traces: list[Spec]) -> dict[int, BarPlace]:
        groups: dict[Pair, list[int]] = {}
        for index, trace in enumerate(traces):
            if trace.get("type") == "bar":
                groups.setdefault(pair_of(trace), []).append(index)
        mode, gap = self.layout.get("barmode", "group"), self.layout.get("bargap", 0.2)
        places: dict[int, BarPlace] = {}
        for pair, members in groups.items():
            placed = place_bars([self._bar(traces[index], pair) for index in members], mode, gap)
            places.update(zip(members, placed, strict=True))
        return places

    def _heatmap(self, axes: Axes, trace: Spec, pair: Pair) -> None:
        key = trace.get("coloraxis")
        shared = self.layout.get(key, {}) if key else trace
        default = deep(self.layout, "colorscale.sequential", "Viridis")
        shared = {**shared, "colorscale": shared.get("colorscale") or default}
        drawn = draw_heatmap(axes, trace, self.axes[pair[0]], self.axes[pair[1]], shared)
        if shared.get("showscale", True) and not (key and key in self._drawn_bars()):
            draw_colorbar(self.canvas, drawn, shared.get("colorbar", {}), self.layout, self.paper)
            drawn.set_gid(key)

    def _drawn_bars(self) -> set[str | None]:
        return {mesh.get_gid() for axes in self.subplots.values() for mesh in axes.collections}

    def _marker_bar(self, trace: Spec) -> None:
        marker = trace.get("marker", {})
        given = marker.get("color")
        if not marker.get("showscale") or isinstance(given, (str, type(None))):
            return
        values = numbers(given)
        norm = Normalize(marker.get("cmin", np.nanmin(values)), marker.get("cmax", np.nanmax(values)))
        scale = colormap(marker.get("colorscale"), bool(marker.get("reversescale")))
        draw_colorbar(self.canvas, ScalarMappable(norm, scale), marker.get("colorbar", {}), self.layout, self.paper)


def _keep_ratio(axes: Axes, across: Axis, up: Axis) -> None:
    """Square cells where one axis is bound to the other: the plotting area gives way, or else the ranges."""
    for axis, other in ((up, across), (across, up)):
        if axis.layout.get("scaleanchor") == other.name:
            ratio = axis.layout.get("scaleratio", 1) if axis is up else 1 / axis.layout.get("scaleratio", 1)
            area = axis.layout.get("constrain") == "domain"
            axes.set_aspect(ratio, adjustable="box" if area else "datalim", anchor="C")


def pair_of(trace: Spec) -> Pair:
    """The names of the axes that a trace is drawn on."""
    return trace.get("xaxis", "x"), trace.get("yaxis", "y")


def _axes(layout: Spec, traces: list[Spec]) -> dict[str, Axis]:
    axes = {}
    for key in sorted(key for key in layout if key.startswith(("xaxis", "yaxis"))):
        name = axis_name(key)
        mine = [trace for trace in traces if name in pair_of(trace)]
        values = [trace[name[0]] for trace in mine if trace.get(name[0]) is not None]
        kinds = {trace.get("type", "scatter") for trace in mine}
        told = {"image": name[0] == "y" and "image" in kinds, "points": kinds <= POINTS_ALONE}
        axes[name] = build_axis(name, layout[axis_key(name)] | told, values)
    return axes


def _pairs(axes: dict[str, Axis], traces: list[Spec]) -> list[Pair]:
    """Every pair of axes with traces on it, bottom ones first; a figure without traces has one empty pair."""
    pairs = dict.fromkeys(pair_of(trace) for trace in traces) or {("x", "y"): None}
    return sorted(pairs, key=lambda pair: bool(axes[pair[1]].layout.get("overlaying")))
