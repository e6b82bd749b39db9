"""A batch: studies at a scale, planned on the disk, carried out, and how they stand."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from lthkit.batch import code_sha256, read_notebook
from lthkit.errors import LthkitError
from lthkit.studies.local import Local
from lthkit.studies.run import Run
from lthkit.studies.runs import runs_of
from lthkit.studies.shelf import Shelf, State
from lthkit.studies.study import STANDS_FOR, Axis, find_study, read_study
from lthkit.studies.told import Lines
from lthkit.studies.work import Outcome, Workers, work

# what is kept of a wall-time limit, so that all that runs can save its state
RESERVE_SHARE, MOST_RESERVE = 0.1, 120.0
# what a plan says of its study, beside its runs
ABOUT = ("title", "paper", "where", "question", "note", "figures", "stands_for")


@dataclass(frozen=True)
class Batch:
    """Studies at one scale in one folder.

    Attributes:
        shelf: the folder.
        scale: of all of them.
        runs: of all of them, each once and after those that it needs.
        plans: study → what its plan says beside its runs.
        by_study: study → its runs, under its own names for them.
    """

    shelf: Shelf
    scale: str
    runs: list[Run]
    plans: dict[str, dict[str, Any]]
    by_study: dict[str, list[Run]]

    def states(self) -> dict[str, State]:
        """How every run stands, by identity."""
        return {run.id: self.shelf.state(run) for run in self.runs}

    def carry_out(self, workers: Workers | None = None, *, retries: int = 0, seconds: float | None = None) -> Outcome:
        """Do what is not done.

        Args:
            workers: who executes runs; one process here if left out.
            retries: how often a failed run is tried again.
            seconds: a wall-time limit; work stops in good time before it, with every state saved.

        Raises:
            LthkitError: if the folder cannot be written.
            KeyboardInterrupt: after all that ran has stopped.
        """
        began, workers = time.monotonic(), workers or Local()
        for study, about in self.plans.items():
            self.shelf.keep_plan(study, self.scale, about, self.by_study[study])
        until = None if seconds is None else began + seconds - min(RESERVE_SHARE * seconds, MOST_RESERVE)
        told = Lines(len(self.runs), sum(state.standing == "done" for state in self.states().values()))
        try:
            return work(self.runs, self.shelf, workers, told, retries=retries, until=until)
        finally:
            workers.close()


def plan_batch(studies: Sequence[str | Path], scale: str, out: str | Path) -> Batch:
    """Read studies and plan their runs; nothing is written.

    Args:
        studies: names or paths.
        scale: of all of them.
        out: folder of the batch.

    Raises:
        LthkitError: naming what cannot be used in a study or a notebook.
    """
    shelf = Shelf(out)
    runs: dict[str, Run] = {}
    plans: dict[str, dict[str, Any]] = {}
    by_study: dict[str, list[Run]] = {}
    for given in studies:
        path = find_study(given)
        study, name = read_study(path), path.stem
        if name in plans:
            raise LthkitError(f"study '{name}' is given twice; give it once")
        made = runs_of(study, name, scale, shelf.folder)
        for run in made:
            runs.setdefault(run.id, run)
        section = study.section(scale, name)
        about = study.plain() | {"note": section.note, "stands_for": _stands_for(study.axes | section.axes)}
        plans[name] = {key: about[key] for key in ABOUT}
        by_study[name] = made
    return Batch(shelf, scale, list(runs.values()), plans, by_study)


def _stands_for(axes: Mapping[str, Axis]) -> dict[str, dict[str, Any]]:
    return {
        axis: {label: given[STANDS_FOR] for label, given in labels.items() if STANDS_FOR in given}
        for axis, labels in axes.items()
    }


def other_code(runs: Iterable[Run], states: Mapping[str, State]) -> list[str]:
    """Identities of done runs whose notebook, or lthkit, has changed since."""
    now: dict[Path, str] = {}
    changed = []
    for run in runs:
        state = states[run.id]
        if state.standing == "done" and run.notebook.is_file():
            if run.notebook not in now:
                now[run.notebook] = code_sha256(read_notebook(run.notebook))
            if state.code != now[run.notebook]:
                changed.append(run.id)
    return changed


def seconds_left(runs: Iterable[Run], states: Mapping[str, State], jobs: int) -> float | None:
    """How long the runs that are not done will take, from those of their kind that are; None if nothing is known.

    A kind is a study's step; where none of that is done, any run of the same notebook.
    """
    every = list(runs)
    known: dict[Any, list[float]] = {}
    for run in every:
        if (seconds := states[run.id].seconds) is not None:
            known.setdefault((run.study, run.step), []).append(seconds)
            known.setdefault(run.notebook, []).append(seconds)
    left = [known.get((run.study, run.step)) or known.get(run.notebook) for run in every if not states[run.id].seconds]
    if not left:
        return 0.0
    found = [fmean(one) for one in left if one]
    return fmean(found) * len(left) / jobs if found else None
