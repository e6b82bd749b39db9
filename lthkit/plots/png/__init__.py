"""Pictures of plotly figures without a browser: one renderer for all figures, on matplotlib."""

from lthkit.plots.png.render import png, vector

__all__ = ["png", "vector"]
