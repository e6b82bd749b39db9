"""One call that shows a figure: interactive in a live notebook, a picture with alternative text in batch."""

import json
from typing import Any

import plotly.graph_objects as go
from IPython.core.getipython import get_ipython
from IPython.display import Image, display

from lthkit import plots
from lthkit.progress import is_batch


def is_live() -> bool:
    """Whether there is a notebook front-end that can show an interactive figure."""
    return not is_batch() and getattr(get_ipython(), "kernel", None) is not None


def show(figure: go.Figure, alt: str) -> None:
    """Show a figure where this code runs.

    Args:
        figure: a plotly figure.
        alt: what the picture says, for those who cannot see it; also stands in for it as plain text.
    """
    if is_live():
        display(_bundle(figure, alt), raw=True)
    else:
        display(Image(plots.png(figure), format="png", alt=alt, width=figure.layout.width or 900))


def _bundle(figure: go.Figure, alt: str) -> dict[str, Any]:
    """The figure as JupyterLab takes it, so that our settings (no upload button) go along."""
    plain = json.loads(figure.to_json())
    return {"application/vnd.plotly.v1+json": {**plain, "config": plots.config()}, "text/plain": alt}
