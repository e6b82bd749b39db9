"""One call that shows a figure: interactive in a live notebook, a picture with alternative text in batch."""

import json
from base64 import b64encode
from html import escape
from typing import Any

import plotly.graph_objects as go
from IPython.core.getipython import get_ipython
from IPython.display import HTML, Image, display

from lthkit import plots
from lthkit.progress import is_batch

# one grey cannot have a contrast of 4.5 on white and on black: where the theme is known, texts take its colour
_STYLE = """
.jp-OutputArea-child:has(.lthkit-alt) + .jp-OutputArea-child text[style*="rgb(118, 118, 118)"] {
  fill: var(--jp-ui-font-color1) !important
}
"""


def is_live() -> bool:
    """Whether there is a notebook front-end that can show an interactive figure."""
    return not is_batch() and getattr(get_ipython(), "kernel", None) is not None


def show(figure: go.Figure, alt: str) -> None:
    """Show a figure where this code runs.

    Live it is interactive, and keeps a picture for viewers that have no plotly; in batch it is that picture.

    Args:
        figure: a plotly figure.
        alt: what the picture says, for those who cannot see it; also stands in for it as plain text.
    """
    if is_live():
        display(HTML(_words(alt)))
        display(_bundle(figure, alt), raw=True)
    else:
        display(_picture(figure, alt))


def _picture(figure: go.Figure, alt: str) -> Image:
    return Image(plots.png(figure), format="png", alt=alt, width=figure.layout.width or 900)


def _words(alt: str) -> str:
    """The alternative text, read aloud but not seen, and the theme's colour for the texts of the figure below it."""
    return f'<div class="lthkit-alt" role="img" aria-label="{escape(alt)}"></div><style>{_STYLE}</style>'


def _bundle(figure: go.Figure, alt: str) -> dict[str, Any]:
    """The figure as JupyterLab takes it, so that our settings (no upload button) go along, and as a picture."""
    plain = json.loads(figure.to_json())
    plain["layout"].pop("width", None)  # as wide as its cell
    # plotly's own way to follow its window lets a figure fall to no height; JupyterLab resizes it with its cell
    config = plots.config() | {"responsive": False}
    picture = b64encode(plots.png(figure)).decode()
    return {
        "application/vnd.plotly.v1+json": {**plain, "config": config},
        "image/png": picture,
        "text/plain": alt,
    }
