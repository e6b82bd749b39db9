"""How a batch stands, as plain text."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from lthkit.terminal import table

if TYPE_CHECKING:
    from lthkit.studies import Run, State

HEADER = ("run", "state", "time", "")


def batch_report(
    runs: "Iterable[Run]",
    states: "Mapping[str, State]",
    changed: Collection[str] = (),
    skipped: Collection[str] = (),
    within: int | None = None,
) -> str:
    """A line for each run, then how many there are of each state.

    Args:
        runs: of one study or of several.
        states: by identity.
        changed: identities of runs of other code.
        skipped: identities of runs that cannot be done, since one that they need failed.
        within: columns of the terminal.
    """
    rows, counts = [], Counter[str]()
    for run in runs:
        state = states[run.id]
        standing = "skipped" if run.id in skipped else state.standing
        counts[standing] += 1
        took = "" if state.seconds is None else tqdm.format_interval(state.seconds)
        rows.append((run.name, standing, took, _said(state, run.id in changed)))
    known = ("done", "running", "failed", "skipped", "to do")
    total = ", ".join(f"{counts[one]} {one}" for one in known if counts[one])
    return f"{table(HEADER, rows, [2], within)}\n\n{len(rows)} runs: {total}"


def batch_values(
    runs: "Iterable[Run]", states: "Mapping[str, State]", changed: Collection[str] = ()
) -> list[dict[str, Any]]:
    """The same for scripts, as JSON has it."""
    return [
        {
            "study": run.study,
            "step": run.step,
            "labels": run.labels,
            "id": run.id,
            "notebook": str(run.notebook),
            "folder": run.values["out"],
            "state": states[run.id].standing,
            "seconds": states[run.id].seconds,
            "error": states[run.id].error or None,
            "executed": str(states[run.id].executed) if states[run.id].executed else None,
            "other_code": run.id in changed,
        }
        for run in runs
    ]


def _said(state: "State", changed: bool) -> str:
    if state.standing == "failed":
        return f"{state.error}; open {state.executed}"
    return state.told or ("made with other code" if changed else "")
