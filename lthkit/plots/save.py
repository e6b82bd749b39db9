"""Figures on disk: a PNG for every viewer and an HTML page that stays interactive offline."""

from pathlib import Path

import plotly.graph_objects as go
from plotly import __version__ as plotly_version
from plotly.offline import get_plotlyjs

from lthkit.atomic import replacing
from lthkit.plots.png import png
from lthkit.plots.theme import config


def save(figure: go.Figure, stem: Path | str) -> tuple[Path, Path]:
    """Write ``STEM.png`` and ``STEM.html``, each complete or not at all.

    The pages of one folder share one copy of plotly.js, written beside them, so that they open without a network.

    Args:
        figure: it is not changed.
        stem: path without its ending; a dot in the name is part of the name. The folder is made if missing.

    Returns:
        The paths of the PNG and of the HTML page.
    """
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    picture, page = stem.parent / f"{stem.name}.png", stem.parent / f"{stem.name}.html"
    script = stem.parent / f"plotly-{plotly_version}.min.js"
    if not script.exists():
        _write(script, get_plotlyjs().encode())
    _write(picture, png(figure))
    _write(page, figure.to_html(include_plotlyjs=script.name, config=config()).encode())
    return picture, page


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
