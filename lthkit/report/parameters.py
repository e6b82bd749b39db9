"""A notebook's parameters as plain text."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lthkit.terminal import table

if TYPE_CHECKING:
    from lthkit.batch import Parameter


def parameters_report(name: str, declared: "Mapping[str, Parameter]", within: int | None = None) -> str:
    """All that ``lthkit run NOTEBOOK --help`` tells about the notebook ``name``: keys, defaults, comments."""
    if not declared:
        return f"{name} has no parameters"
    lines = [(parameter.name, parameter.written, parameter.comment) for parameter in declared.values()]
    text = f"parameters of {name}:\n" + table(("key", "default", ""), lines, within=within)
    if "changes" in declared:
        text += "\nand any setting by its dotted name, e.g. -p plan.epochs 4; it is put into `changes`"
    return text
