"""Figures on disk: pictures for every viewer and for print, and HTML pages that stay interactive offline."""

from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly import __version__ as plotly_version
from plotly.offline import get_plotlyjs

from lthkit.atomic import replacing
from lthkit.errors import LthkitError
from lthkit.plots.paper import paper
from lthkit.plots.png import png, vector
from lthkit.plots.theme import config

ENDINGS = (".png", ".svg", ".pdf", ".html")
THEMES = ("paper", "paper-wide")
_PRINT_SCALE = 4
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body><div role="figure" aria-label="{alt}">{figure}</div></body>
</html>
"""


def save(figure: go.Figure, path: Path | str, theme: str | None = None, alt: str | None = None) -> tuple[Path, ...]:
    """Write a figure as picture or HTML page, as the path's ending says; each complete or not at all.

    The pages of one folder share one copy of plotly.js, written beside them, so that they open without a network.

    Args:
        figure: it is not changed.
        path: ``NAME.png``, ``.svg``, ``.pdf``, ``.html``, or a name without one of these for ``NAME.png`` and
            ``NAME.html``; another dot is part of the name. The folder is made if missing.
        theme: ``paper`` for print, as wide as a column (3.25 inches), ``paper-wide`` as wide as a page (6.75 inches):
            no titles, black texts.
        alt: what the figure says, for those who cannot see a page; its title if left out.

    Returns:
        The paths of what was written.

    Raises:
        LthkitError: if there is no such theme.
    """
    if theme is not None:
        if theme not in THEMES:
            raise LthkitError(f"there is no theme '{theme}'; choose from {', '.join(THEMES)}")
        figure = paper(figure, "page" if theme == "paper-wide" else "column")
    path = Path(path)
    whole = path.suffix in ENDINGS
    paths = [path] if whole else [path.with_name(f"{path.name}{ending}") for ending in (".png", ".html")]
    for file in paths:
        if file.suffix == ".html":
            _write_page(figure, file, alt)
        elif file.suffix == ".png":
            _write(file, png(figure, scale=2 if theme is None else _PRINT_SCALE))
        else:
            _write(file, vector(figure, file.suffix[1:]))
    return tuple(paths)


def _write_page(figure: go.Figure, path: Path, alt: str | None) -> None:
    script = path.with_name(f"plotly-{plotly_version}.min.js")
    if not script.exists():
        _write(script, get_plotlyjs().encode())
    title = (figure.layout.title.text or path.stem).replace("<br>", " ")
    # with a height of its own the figure follows the window's width and never loses its height
    high = f"{figure.layout.height or 500}px"
    inner = figure.to_html(full_html=False, include_plotlyjs=script.name, config=config(), default_height=high)
    _write(path, _PAGE.format(title=escape(title), alt=escape(alt or title), figure=inner).encode())


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
