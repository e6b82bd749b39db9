"""PNG pictures of plotly figures without a browser: one renderer for all figures, on matplotlib's Agg."""

from lthkit.plots.png.render import png

__all__ = ["png"]
