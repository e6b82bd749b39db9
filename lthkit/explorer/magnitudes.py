"""The panel of a layer's magnitudes: what the next pruning removes and keeps, with its threshold."""

import numpy as np

from lthkit.explorer.choices import Choices
from lthkit.explorer.look import look
from lthkit.explorer.model import Model
from lthkit.explorer.traces import KEPT, MAGNITUDE_AXIS, MAGNITUDE_NOTE, NEXT, RIGHT, State
from lthkit.plots.packed import packed
from lthkit.plots.theme import COLOURS


def panel(model: Model, choices: Choices, shown: bool) -> State:
    """The histogram below the kernels."""
    scene = look(model, choices)[1]
    found = model.magnitudes(choices.a, scene.layer, choices.round) if shown and scene.layer else None
    axis, note = MAGNITUDE_AXIS, MAGNITUDE_NOTE
    there = found is not None
    edges = found.edges if found else np.array([1.0, 10.0])
    said = f"weights after<br>round {choices.round}: {int(found.removed.sum()):,}<br>removed next" if found else ""
    made: State = {
        (None, f"annotations[{note}].text"): said,
        (None, f"annotations[{note}].x"): RIGHT[1],
        (None, f"annotations[{note}].y"): 0.165,
        (None, f"xaxis{axis}.range"): np.log10(edges[[0, -1]]).tolist(),
        (None, f"xaxis{axis}.visible"): there,
        (None, f"yaxis{axis}.visible"): there,
    }
    for trace in (NEXT, KEPT):
        counts = (found.removed if trace == NEXT else found.kept) if found else np.zeros(1)
        made |= {
            (trace, "visible"): there,
            (trace, "x"): packed(np.sqrt(edges[1:] * edges[:-1])),
            (trace, "y"): packed(counts.astype(float)),
            (trace, "width"): packed(np.diff(edges)),
        }
    return made


def threshold(model: Model, choices: Choices, shown: bool) -> list[dict[str, object]]:
    """The line at the threshold of the next pruning."""
    layer = look(model, choices)[1].layer
    found = model.magnitudes(choices.a, layer, choices.round) if shown and layer else None
    if found is None or found.threshold is None:
        return []
    place = {"xref": f"x{MAGNITUDE_AXIS}", "yref": f"y{MAGNITUDE_AXIS} domain", "y0": 0, "y1": 1}
    line = {"color": COLOURS[1], "width": 2}
    return [{"type": "line", **place, "x0": found.threshold, "x1": found.threshold, "line": line}]
