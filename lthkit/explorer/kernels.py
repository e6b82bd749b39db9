"""The panels at the right: one kernel's weights in every search that is shown, and the round in which each died."""

import numpy as np

from lthkit.explorer.choices import Choices
from lthkit.explorer.look import look
from lthkit.explorer.model import Model
from lthkit.explorer.scene import shown_names
from lthkit.explorer.traces import KERNEL_AXES, KERNEL_NOTES, KERNELS, RIGHT, State
from lthkit.plots.colours import died_scale
from lthkit.plots.packed import packed

MOST_TEXTS, MOST_LETTERS = 64, 17
TOPS = (0.69, 0.45, 0.21)
HEIGHT = 0.14


def kernels(model: Model, choices: Choices) -> State:
    """The chosen kernel of each search that is shown, where a layer is chosen."""
    view, scene = look(model, choices)
    names = shown_names(choices, view.compares)
    made: State = {}
    for place, trace in enumerate(KERNELS):
        name = names[place] if place < len(names) and scene.layer else None
        made |= _kernel(model, choices, place, trace, name)
    if scene.layer is None:
        made[None, f"annotations[{KERNEL_NOTES[0]}].text"] = "choose a layer<br>to see kernels"
    return made


def _kernel(model: Model, choices: Choices, place: int, trace: int, name: str | None) -> State:
    """When each weight died, as seen at a round: what dies later is left."""
    axis, note = KERNEL_AXES[place], KERNEL_NOTES[place]
    which = f"kernel {choices.kernel[0]}, {choices.kernel[1]}"
    codes, rounds, left = np.zeros((1, 1), np.uint8), 0, np.zeros((1, 1), bool)
    if name is not None:
        codes, rounds = model.weights(name, choices.scope, choices.kernel), model.rounds(name)
        left = model.left(name, codes, int(model.partners(choices.a, name)[choices.round]))
    inverse = name is not None and model.inverse(name)
    rows, columns = codes.shape
    return {
        (None, f"annotations[{note}].text"): _said(name, which, inverse) if name else "",
        (None, f"annotations[{note}].x"): RIGHT[1],
        (None, f"annotations[{note}].y"): TOPS[place],
        (None, f"yaxis{axis}.domain"): [TOPS[place] - HEIGHT, TOPS[place]],
        (None, f"xaxis{axis}.range"): [-0.5, columns - 0.5],
        (None, f"yaxis{axis}.range"): [rows - 0.5, -0.5],
        (trace, "visible"): name is not None,
        (trace, "z"): packed(np.where(left, rounds + 1, 0 if inverse else codes).astype(np.uint8)),
        (trace, "text"): np.where(left, "left", "" if inverse else codes.astype(str)).tolist(),
        (trace, "texttemplate"): "%{text}" if codes.size <= MOST_TEXTS else "",
        (trace, "zmin"): -0.5,
        (trace, "zmax"): rounds + 1.5,
        (trace, "colorscale"): died_scale(rounds),
    }


def _said(name: str, which: str, inverse: bool) -> str:
    brief = name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"
    return f"<b>{brief}</b><br>{which}<br>{'left' if inverse else 'died in round'}"
