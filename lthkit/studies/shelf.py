"""The folder of a batch: what each run is, how it stands, and which runs a study has. All of it is on the disk.

``DIR/runs/ID`` is the folder of a run, shared by all studies that ask for it; ``DIR/plans/STUDY.SCALE.json`` says which
runs a study has. A run is done when its record says so, which is written after papermill returned.
"""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat

from lthkit.atomic import replacing
from lthkit.batch import Busy, alone, read_record
from lthkit.errors import LthkitError
from lthkit.strict_json import strict_json
from lthkit.studies.runs import ID_LETTERS, OUT, Run

Standing = Literal["done", "running", "failed", "to do"]


@dataclass(frozen=True)
class Planned:
    """A run as a plan has it: enough to execute it and to report it, without its study's file.

    Attributes:
        study: that asks for it.
        step: of the study.
        labels: axis → label.
        notebook: its file.
        values: all that it is given.
        id: its identity.
        needed: identities of runs that must be done before.
    """

    study: str
    step: str
    labels: dict[str, str]
    notebook: Path
    values: dict[str, Any]
    id: str
    needed: frozenset[str]

    @property
    def name(self) -> str:
        """What it is called where people read of it."""
        return " · ".join([self.step, *self.labels.values()])


@dataclass(frozen=True)
class State:
    """How a run stands.

    Attributes:
        standing: done, running, failed or to do.
        seconds: how long it took, if it is done.
        error: why it failed.
        executed: the notebook to open.
        code: the hash of what it was computed with.
        told: how far a running one is.
    """

    standing: Standing
    seconds: float | None = None
    error: str = ""
    executed: Path | None = None
    code: str = ""
    told: str = ""


class Shelf:
    """The folder of a batch."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def folder(self, identity: str) -> Path:
        """Where a run lies."""
        return self.root / "runs" / identity[:ID_LETTERS]

    def planned(self, run: Run) -> Planned:
        """A run with the paths of what it needs, and told where to write."""
        paths = {
            parameter: [str(self.folder(identity) / path) for identity, path in places]
            for parameter, places in run.needs.items()
        }
        given = {name: found if name in run.lists else found[0] for name, found in paths.items()}
        values = run.values | given | {OUT: str(self.folder(run.id))}
        return Planned(run.study, run.step, run.labels, run.notebook, values, run.id, frozenset(run.needed))

    def keep_plan(self, study: str, scale: str, about: dict[str, Any], runs: Iterable[Planned]) -> None:
        """Say on the disk which runs a study has."""
        plan = {**about, "study": study, "scale": scale, "runs": [_plain(run) for run in runs]}
        path = self.root / "plans" / f"{study}.{scale}.json"
        with replacing(path) as temporary:
            temporary.write_text(strict_json(plan) + "\n", encoding="utf-8")

    def plans(self) -> list[dict[str, Any]]:
        """All plans in the folder, by the study's name; their ``runs`` as ``Planned``.

        Raises:
            LthkitError: if there is none, or one cannot be read.
        """
        paths = sorted((self.root / "plans").glob("*.json"))
        if not paths:
            raise LthkitError(f"there is no batch in {self.root}; name the --out of an `lthkit batch`")
        return [_read_plan(path) for path in paths]

    def state(self, run: Planned) -> State:
        """How a run stands, by its record."""
        folder, name = self.folder(run.id), run.notebook.stem
        said = read_record(folder / f"{name}.json")
        if said is None:
            return State("to do")
        executed = folder / str(said.get("executed", f"{name}.running.ipynb"))
        code, status = str(said.get("code_sha256", "")), said.get("status")
        if status == "success":
            return State("done", float(said["seconds"]), executed=executed, code=code)
        if status == "running" and _may_live(said):
            return State("running", executed=executed, code=code, told=_far(folder / f"{name}.running.ipynb"))
        if status == "failed":
            return State("failed", error=str(said.get("error", "")), executed=executed, code=code)
        return State("to do", code=code)

    def is_free(self, run: Planned) -> bool:
        """Whether no process, on whatever machine shares the folder, executes the run now."""
        folder = self.folder(run.id)
        if not folder.is_dir():
            return True
        try:
            with alone(run.notebook, folder, patience=0):
                return True
        except Busy:
            return False


def _plain(run: Planned) -> dict[str, Any]:
    own = {"study": run.study, "step": run.step, "labels": run.labels, "notebook": str(run.notebook)}
    return own | {"values": run.values, "id": run.id, "needed": sorted(run.needed)}


def planned_of(said: dict[str, Any]) -> Planned:
    """The inverse of what a plan's file says of a run."""
    own = {**said, "notebook": Path(said["notebook"]), "needed": frozenset(said["needed"])}
    return Planned(**own)


def as_text(run: Planned) -> str:
    """A run as JSON, for another process."""
    return strict_json(_plain(run))


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        plan["runs"] = [planned_of(run) for run in plan["runs"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LthkitError(f"{path} cannot be read as a plan ({error}); run `lthkit batch` again") from None
    return dict(plan)


def _may_live(said: dict[str, Any]) -> bool:
    """Whether the process of a record that says running may still live; of other machines nobody can tell."""
    if said.get("machine") != platform.node():
        return True
    try:
        os.kill(int(said["process"]), 0)  # signal 0 only asks
    except (ProcessLookupError, OverflowError, KeyError, ValueError, TypeError):
        return False
    except PermissionError:
        return True
    return True


def _far(running: Path) -> str:
    """How many of its cells have been executed."""
    try:
        cells = [cell for cell in nbformat.read(running, as_version=4).cells if cell.cell_type == "code"]
    except Exception:  # it is written at this moment, or was just renamed
        return ""
    done = sum(cell.execution_count is not None for cell in cells)
    return f"cell {min(done + 1, len(cells))} of {len(cells)}"
