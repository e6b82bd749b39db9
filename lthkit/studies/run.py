"""One run of a study, complete: enough to execute and to report it without the study's file."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

Labels = dict[str, str]


@dataclass(frozen=True)
class Run:
    """One run of a notebook.

    Attributes:
        study: the study that asks for it.
        step: of the study.
        labels: axis → label.
        notebook: its file.
        values: of its parameters, typed, its folder and the paths of what it needs among them.
        needs: parameter → [identity of a run, path below that run's folder], of one run or of several.
        id: SHA-256 of notebook, complete parameters and the identities of what it needs.
    """

    study: str
    step: str
    labels: Labels
    notebook: Path
    values: dict[str, Any]
    needs: dict[str, list[list[str]]]
    id: str

    @property
    def name(self) -> str:
        """What it is called where people read of it."""
        return " · ".join([self.step, *self.labels.values()])

    @property
    def needed(self) -> set[str]:
        """Identities of the runs that must be done before it."""
        return {identity for places in self.needs.values() for identity, _ in places}

    @property
    def out(self) -> Path:
        """Its folder."""
        return Path(self.values["out"])

    def placed(self, folder: Callable[[str], Path]) -> "Run":
        """The run with the paths of its folder and of what it needs, by where the folder of each run lies."""
        found = {key: [str(folder(one) / path) for one, path in places] for key, places in self.needs.items()}
        values = _replaced(self.values, found) | {"out": str(folder(self.id))}
        if isinstance(values.get("changes"), dict):  # a setting may be what is needed, as `mask` is
            values["changes"] = _replaced(values["changes"], found)
        return replace(self, values=values)

    def plain(self) -> dict[str, Any]:
        """The run as JSON-ready values; the inverse of ``of``."""
        return asdict(self) | {"notebook": str(self.notebook)}

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Run":
        """A run from its plain values.

        Raises:
            TypeError: if they are not those of a run.
        """
        return cls(**said | {"notebook": Path(said["notebook"])})


def _replaced(values: dict[str, Any], found: dict[str, list[str]]) -> dict[str, Any]:
    """The values with the paths found in place of their own: a list of them, or the one."""
    return {
        key: (found[key] if isinstance(value, list) else found[key][0]) if key in found else value
        for key, value in values.items()
    }
