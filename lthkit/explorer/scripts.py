"""What a page loads: a few lines with every widget, and once for all of them our module and plotly's."""

import gzip
import hashlib
from functools import cache
from importlib.resources import files

from plotly.offline import get_plotlyjs

PAGE = files("lthkit.explorer") / "page"
_PARTS = ("dom", "controls", "maps", "pointer", "figure", "main")


@cache
def loader() -> str:
    """The module that every widget brings; its default export is what anywidget renders."""
    version = hashlib.sha256(script().encode() + plotly().encode()).hexdigest()[:16]
    return (PAGE / "loader.js").read_text(encoding="utf-8").replace("@VERSION@", version)


def script() -> str:
    """Our module; its default export draws one explorer."""
    return "\n".join((PAGE / f"{part}.js").read_text(encoding="utf-8") for part in _PARTS)


@cache
def style() -> str:
    """The style of the explorer's page."""
    return (PAGE / "style.css").read_text(encoding="utf-8")


def plotly() -> str:
    """Plotly as a module, whatever loaders the page has."""
    before = "const module = { exports: {} }, exports = module.exports, define = undefined;\n"
    return f"{before}{get_plotlyjs()}\nexport default module.exports;"


@cache
def packed(name: str) -> bytes:
    """A module that a page loads once, gzipped: ``explorer`` or ``plotly``."""
    return gzip.compress({"explorer": script, "plotly": plotly}[name]().encode(), 5, mtime=0)
