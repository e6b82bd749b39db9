"""Figures on disk: a PNG for every viewer and an HTML page that stays interactive offline."""

from pathlib import Path

import plotly.graph_objects as go
from plotly import __version__ as plotly_version
from plotly.offline import get_plotlyjs

from lthkit.atomic import replacing
from lthkit.plots.png import png
from lthkit.plots.theme import config


def save(figure: go.Figure, path: Path | str) -> tuple[Path, ...]:
    """Write a figure as PNG or as HTML page, as the path's ending says, or as both; each complete or not at all.

    The pages of one folder share one copy of plotly.js, written beside them, so that they open without a network.

    Args:
        figure: it is not changed.
        path: ``NAME.png``, ``NAME.html``, or a name without either for ``NAME.png`` and ``NAME.html``; another dot is
            part of the name. The folder is made if missing.

    Returns:
        The paths of what was written.
    """
    path = Path(path)
    writers = {".png": _write_picture, ".html": _write_page}
    paths = [path] if path.suffix in writers else [path.with_name(f"{path.name}{ending}") for ending in writers]
    for file in paths:
        writers[file.suffix](figure, file)
    return tuple(paths)


def _write_picture(figure: go.Figure, path: Path) -> None:
    _write(path, png(figure))


def _write_page(figure: go.Figure, path: Path) -> None:
    script = path.with_name(f"plotly-{plotly_version}.min.js")
    if not script.exists():
        _write(script, get_plotlyjs().encode())
    _write(path, figure.to_html(include_plotlyjs=script.name, config=config()).encode())


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
