"""The folder of a batch: what each run is, how it stands, and which runs a study has. All of it is on the disk.

``DIR/runs/ID`` is the folder of a run, shared by all studies that ask for it; ``DIR/plans/STUDY.SCALE.json`` says which
runs a study has. A run is done when its record says so, which is written after papermill returned.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat

from lthkit.atomic import replacing
from lthkit.batch import alone, read_record
from lthkit.errors import LthkitError
from lthkit.strict_json import strict_json
from lthkit.studies.run import Run

ID_LETTERS = 16
Standing = Literal["done", "running", "failed", "to do"]


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

    def keep_plan(self, study: str, scale: str, about: dict[str, Any], runs: Iterable[Run]) -> None:
        """Say on the disk which runs a study has."""
        plan = {**about, "study": study, "scale": scale, "runs": [run.plain() for run in runs]}
        path = self.root / "plans" / f"{study}.{scale}.json"
        with replacing(path) as temporary:
            temporary.write_text(strict_json(plan) + "\n", encoding="utf-8")

    def plans(self) -> list[dict[str, Any]]:
        """All plans in the folder, by the study's name; their ``runs`` as runs.

        Raises:
            LthkitError: if there is none, or one cannot be read.
        """
        paths = sorted((self.root / "plans").glob("*.json"))
        if not paths:
            raise LthkitError(f"there is no batch in {self.root}; name the --out of an `lthkit batch`")
        plans = [_read_plan(path) for path in paths]
        return [plan | {"runs": [run.placed(self.folder) for run in plan["runs"]]} for plan in plans]

    def state(self, run: Run) -> State:
        """How a run stands, by its record."""
        folder, name = self.folder(run.id), run.notebook.stem
        said = read_record(folder / f"{name}.json")
        if said is None:
            return State("to do")
        executed = folder / str(said.get("executed", f"{name}.running.ipynb"))
        code, status = str(said.get("code_sha256", "")), said.get("status")
        if status == "success":
            return State("done", float(said["seconds"]), executed=executed, code=code)
        if status == "running" and not self.is_free(run):
            return State("running", executed=executed, code=code, told=_far(folder / f"{name}.running.ipynb"))
        if status == "failed":
            return State("failed", error=str(said.get("error", "")), executed=executed, code=code)
        return State("to do", code=code)

    def is_free(self, run: Run) -> bool:
        """Whether no process, on whatever machine shares the folder, executes the run now."""
        folder = self.folder(run.id)
        if not folder.is_dir():
            return True
        try:
            with alone(run.notebook, folder, patience=0):
                return True
        except LthkitError:  # busy; or not ours to write, and whoever may write does
            return False


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        plan["runs"] = [Run.of(run) for run in plan["runs"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LthkitError(f"{path} cannot be read as a plan ({error}); run `lthkit batch` again") from None
    return dict(plan)


def _far(running: Path) -> str:
    """How many of its cells have been executed."""
    try:
        cells = [cell for cell in nbformat.read(running, as_version=4).cells if cell.cell_type == "code"]
    except Exception:  # it is written at this moment, or was just renamed
        return ""
    done = sum(cell.execution_count is not None for cell in cells)
    return f"cell {min(done + 1, len(cells))} of {len(cells)}"
