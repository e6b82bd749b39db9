"""Studies as one self-contained HTML page: figures, published numbers beside measured ones, and how it was done."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from lthkit import plots
from lthkit.atomic import replacing
from lthkit.batch import did_you_mean
from lthkit.errors import LthkitError
from lthkit.plots.theme import WIDTH
from lthkit.studies.draw import Drawn, Results, results_of
from lthkit.studies.shelf import Shelf

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1000px; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
nav ol { columns: 2; } .figure { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; } td, th { padding: 2px 10px; text-align: right; }
td:first-child, th:first-child { text-align: left; } tr { border-bottom: 1px solid #8884; }
.note { border-left: 4px solid #D55E00; padding: .2rem .8rem; }
"""


def write_report(folder: Path | str, path: Path | str | None = None, studies: Sequence[str] | None = None) -> Path:
    """Write what the studies of a batch found as one HTML page that needs nothing else.

    Args:
        folder: of the batch.
        path: of the page; ``report.html`` in the folder if left out.
        studies: names of studies; all that have a plan there if left out.

    Returns:
        The page's path.

    Raises:
        LthkitError: if there is no batch or no such study, a plan cannot be read, or the page cannot be written.
    """
    shelf = Shelf(folder)
    plans = shelf.plans()
    known = [str(plan["study"]) for plan in plans]
    for name in studies or ():
        if name not in known:
            raise LthkitError(f"{shelf.root} has no study '{name}'; {did_you_mean(name, known)}")
    chosen = [plan for plan in plans if studies is None or plan["study"] in studies]
    page = Path(path) if path is not None else shelf.root / "report.html"
    text = "".join(_page(chosen, [results_of(plan, shelf) for plan in chosen], shelf))
    with replacing(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return page


def _page(plans: Sequence[Mapping[str, Any]], found: Sequence[Results], shelf: Shelf) -> list[str]:
    title = str(plans[0]["title"]) if len(plans) == 1 else "Lottery tickets in pre-trained vision models: an atlas"
    names = [f'<li><a href="#{escape(plan["study"])}">{escape(_heading(plan))}</a></li>' for plan in plans]
    contents = f"<nav><ol>{''.join(names)}</ol></nav>" if len(plans) > 1 else ""
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<script>{get_plotlyjs()}</script></head><body><h1>{escape(title)}</h1>{contents}"
    )
    sections = [_section(plan, one, shelf) for plan, one in zip(plans, found, strict=True)]
    return [head, *sections, "</body></html>"]


def _heading(plan: Mapping[str, Any]) -> str:
    where = ", ".join(part for part in (plan["paper"], plan["where"]) if part)
    return f"{where}: {plan['title']}" if where else str(plan["title"])


def _section(plan: Mapping[str, Any], found: Results, shelf: Shelf) -> str:
    parts = [f'<section id="{escape(plan["study"])}"><h2>{escape(_heading(plan))}</h2>']
    parts.append(f"<p>{escape(plan['question'])}</p>")
    parts.append(f'<p class="note">Scale {escape(plan["scale"])}. {escape(plan["note"])} {_counted(plan, shelf)}</p>')
    parts += [_figure(one) for one in found.drawn]
    parts += [f"<p>{escape(one.capitalize())}.</p>" for one in found.missing]
    if len(found.table):
        parts.append(_table(found))
    return "".join([*parts, "</section>"])


def _counted(plan: Mapping[str, Any], shelf: Shelf) -> str:
    counts = Counter(shelf.state(run).standing for run in plan["runs"])
    return f"{len(plan['runs'])} notebook runs: {', '.join(f'{count} {one}' for one, count in counts.items())}."


def _figure(drawn: Drawn) -> str:
    settings = {"config": plots.config() | {"responsive": False}, "default_width": f"{WIDTH}px"}
    html = drawn.figure.to_html(full_html=False, include_plotlyjs=False, **settings)
    return f'<div class="figure" role="img" aria-label="{escape(drawn.alt)}">{html}</div>'


def _table(found: Results) -> str:
    table = found.for_readers
    count = (table["differ"] == "yes").sum() if "differ" in table else 0
    differ = f"{count} of {len(table)} lines differ from the paper. " if "differ" in table else ""
    words = "Highest sparsity whose mean lies within one standard deviation of at least three dense runs. "
    said = words if "matches up to" in table else ""
    return f"<p>{said}{differ}</p>{table.to_html(index=False, border=0, escape=True)}"
