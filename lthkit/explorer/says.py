"""What the explorer says in words: title, numbers, alternative text."""

from lthkit.explorer.choices import COMPARING, Choices, short
from lthkit.explorer.model import Model

TITLES = {
    "kernels": "Weights left",
    "density": "Weights left by round",
    "zero": "Completely zero kernels",
    "overlap": "Overlap",
    "only_a": "Left in {a}, not in {b}",
    "only_b": "Left in {b}, not in {a}",
    "both": "Left in both {a} and {b}",
}


def heading(model: Model, choices: Choices) -> str:
    """What is shown of which search and round; sparsities are those of whole searches."""
    title = TITLES[choices.view].format(a=choices.a, b=choices.b)
    if choices.view == "overlap":
        title += f" of {choices.a} and {choices.b}"
    elif choices.view not in COMPARING:
        title += f" in {choices.a}"
    return f"{title}, {when(model, choices)} · {short(choices.scope)}"


def when(model: Model, choices: Choices) -> str:
    """The round and its sparsity, and that of b where it is another."""
    said = f"round {choices.round} ({model.sparsity(choices.a)[choices.round]:.2%})"
    if choices.view not in COMPARING or choices.b is None:
        return said
    other = model.round_b(choices)
    sparsity = model.sparsity(choices.b)[other]
    if other == choices.round and f"{sparsity:.2%}" == f"{model.sparsity(choices.a)[choices.round]:.2%}":
        return said
    return f"{said} beside {choices.b}'s round {other} ({sparsity:.2%})"


def summary(model: Model, choices: Choices) -> str:
    """The count over the chosen part of the network, and what it would be by chance."""
    total = model.counts(choices).of(model.scoped(choices)).total
    counted, units = int(total.counted[0]), int(total.units[0])
    what = {"zero": "kernels are completely zero", "overlap": "weights left in either are left in both"}
    said = f"{counted:,} of {units:,} {what.get(choices.view, 'weights')}"
    said += f" ({total.share[0]:.2%})" if units else ""
    return f"{said}; by chance {total.chance[0]:.2%}" if total.chance[0] == total.chance[0] else said
