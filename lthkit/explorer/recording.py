"""The explorer as one page without a kernel: all rounds recorded, everything that the page needs inside it."""

import gzip
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any

from lthkit.explorer.choices import Choices
from lthkit.explorer.frame import first_figure, frame
from lthkit.explorer.model import Model
from lthkit.explorer.offers import options, values
from lthkit.explorer.scripts import PAGE, loader, packed, style
from lthkit.explorer.still import still
from lthkit.explorer.words import alt


def page(model: Model, choices: Choices, views: Sequence[str]) -> str:
    """One self-contained HTML page in which round and view are chosen without a kernel or a network.

    Args:
        model: the searches.
        choices: what it opens with; the part of the network and the searches stay.
        views: which views it has.
    """
    cells: list[bytes] = []
    frames = {view: _frames(model, replace(choices, view=view), cells) for view in views}
    offered = options(model, choices)
    kept = {"view": [one for one in offered["view"] if one[1] in views], "rounds": offered["rounds"]}
    recorded = {
        "figure": first_figure(),
        "options": kept,
        "values": values(model, choices, "") | {"crumbs": []},
        "frames": frames,
    }
    title = f"{' and '.join(choices.shown)}: {len(offered['rounds'])} rounds"
    template = (PAGE / "recorded.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": escape(title),
        "STYLE": style(),
        "ALT": escape(alt(model, choices)),
        "STILL": b64encode(still(model, choices)).decode(),
        "LOADER": loader(),
        "REPLAY": (PAGE / "replay.js").read_text(encoding="utf-8"),
        "PLOTLY": b64encode(packed("plotly")).decode(),
        "EXPLORER": b64encode(packed("explorer")).decode(),
        "RECORDED": _packed(json.dumps(recorded).encode()),
        "CELLS": _packed(b"".join(cells)),
    }
    for name, text in parts.items():
        template = template.replace(f"@{name}@", text, 1)
    return template


def _frames(model: Model, choices: Choices, cells: list[bytes]) -> list[dict[str, Any]]:
    """Each round: what differs from round 0; its cells are the next of ``cells``."""
    found: list[dict[str, Any]] = []
    first: dict[str, Any] = {}
    for round in range(model.rounds(choices.a) + 1):
        made = frame(model, replace(choices, round=round))
        start = sum(map(len, cells))
        cells.append(made.cells)
        state = {f"{trace} {path}": [trace, path, value] for trace, path, value in made.state}
        kept = [one for key, one in state.items() if first.get(key) != one]
        shared = {} if found else {"lists": made.lists}
        found.append({"state": kept, "maps": made.maps, "alt": made.alt, "cells": [start, len(made.cells)]} | shared)
        first = first or state
    return found


def _packed(content: bytes) -> str:
    return b64encode(gzip.compress(content, 6, mtime=0)).decode()
