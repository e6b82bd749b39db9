"""Sphinx settings. ``make docs`` copies the pages to build/docs/pages, where those of the API are written too."""

import inspect
import pkgutil
from importlib import import_module
from pathlib import Path

import lthkit

project = "lthkit"
author = "lthkit developers"
copyright = author
version = release = lthkit.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "myst_nb"]
html_theme = "pydata_sphinx_theme"
html_title = f"lthkit {version}"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_sidebars = {"*": []}  # the section's other pages, which only gallery/ and api/ have
html_show_sphinx = False
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False, "secondary_sidebar_items": ["page-toc"]}

# nothing is fetched: neither when the site is built nor when it is read
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
# two rooms have a class Run each, which short type hints do not tell apart
suppress_warnings = ["mystnb.unknown_mime_type", "ref.python"]
myst_heading_anchors = 3

default_role = "code"
autodoc_default_options = {"members": True, "exclude-members": "model_config"}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 100
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]


def setup(app):
    """Write the API's pages before Sphinx reads, and keep napoleon from taking an attribute's text for a type."""
    app.connect("builder-inited", lambda app: write_api(Path(app.srcdir) / "api"))
    app.connect("autodoc-process-docstring", no_types, priority=100)


def no_types(app, what, name, of, options, lines):
    """Napoleon reads "text: text" on an attribute's first line as "type: text": a line that prints nothing."""
    if what in ("attribute", "property"):
        lines.insert(0, "\\ ")


def write_api(folder: Path) -> None:
    """A page for each room of lthkit, made from its ``__all__``, and an index."""
    folder.mkdir(exist_ok=True)
    rooms = [room.name for room in pkgutil.iter_modules(lthkit.__path__) if not room.name.startswith("_")]
    for room in rooms:
        name = f"lthkit.{room}"
        (folder / f"{room}.rst").write_text(f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n")
    (folder / "index.rst").write_text(index(rooms))


def index(rooms: list[str]) -> str:
    """The rooms by their first sentence, and what ``import lthkit`` offers."""
    lines = ["API", "===", "", "By room, in the order of the alphabet:", "", ".. list-table::", ""]
    for room in rooms:
        summary = " ".join(inspect.getdoc(import_module(f"lthkit.{room}")).split("\n\n")[0].split())
        lines += [f"   * - :doc:`{room}`", f"     - {summary}"]
    lines += ["", "``import lthkit`` offers the most used of it:", ""]
    for name in lthkit.__all__:
        if name not in rooms:
            home = getattr(lthkit, name).__module__.split(".")[1]
            lines.append(f"- :py:obj:`lthkit.{name} <lthkit.{home}.{name}>`")
    return "\n".join([*lines, "", ".. toctree::", "   :hidden:", "", *(f"   {room}" for room in rooms), ""])
