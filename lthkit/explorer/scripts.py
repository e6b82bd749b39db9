"""What a page loads: plotly once, and our few lines."""

import gzip
from functools import cache
from importlib.resources import files

from plotly.offline import get_plotlyjs

_PAGE = files("lthkit.explorer") / "page"
_PARTS = ("dom", "controls", "maps", "pointer", "figure", "main")


@cache
def script() -> str:
    """Our module; its default export is what anywidget renders."""
    return "\n".join((_PAGE / f"{part}.js").read_text(encoding="utf-8") for part in _PARTS)


@cache
def style() -> str:
    """The style of the explorer's page."""
    return (_PAGE / "style.css").read_text(encoding="utf-8")


@cache
def plotly() -> bytes:
    """Plotly's script, gzipped."""
    return gzip.compress(get_plotlyjs().encode(), 5, mtime=0)
