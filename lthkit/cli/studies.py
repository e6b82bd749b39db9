"""The subcommands that carry out studies and say how they stand."""

import argparse
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lthkit.cli.handler import Handler
from lthkit.errors import LthkitError, RunFailed, TimeIsUp

if TYPE_CHECKING:
    from lthkit.studies import Batch, Outcome

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def batch(command: argparse.ArgumentParser) -> Handler:
    """Carry out a study: every notebook run that it names and that is not done."""
    command.add_argument(
        "studies", nargs="+", metavar="STUDY", help="a path, or a name in ./notebooks/studies or of lthkit's own"
    )
    command.add_argument("--scale", required=True, help="one of the study's: demo, small or paper")
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of all runs; run again, it goes on"
    )
    command.add_argument("--jobs", type=_count, metavar="N", help="runs at the same time; one for each GPU, or 1")
    command.add_argument("--retries", type=int, default=0, metavar="N", help="how often a failed run is tried again")
    command.add_argument(
        "--for",
        dest="seconds",
        type=_seconds,
        metavar="TIME",
        help="stop in good time before this wall-time limit, e.g. 3h50m, with every state saved",
    )
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the runs, instead of this machine"
    )
    command.add_argument("--dry-run", action="store_true", help="say what would run, and how long it may take")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.studies import Cluster, Local, plan_batch

        if chosen.scheduler and chosen.jobs:
            raise LthkitError("--jobs is for this machine, a cluster has its workers; give --jobs or --scheduler")
        planned = plan_batch(chosen.studies, chosen.scale, chosen.out)
        workers = Cluster(chosen.scheduler, chosen.out) if chosen.scheduler else Local(chosen.jobs)
        if chosen.dry_run:
            return _tell(planned, workers.jobs)
        _tell_start(planned)
        with _terminable():
            outcome = planned.carry_out(workers, retries=chosen.retries, seconds=chosen.seconds)
        _tell_end(planned, outcome)

    return handler


def status(command: argparse.ArgumentParser) -> Handler:
    """Say how the runs of a batch stand, also while it works."""
    command.add_argument("folder", type=Path, metavar="DIR", help="the --out of a batch")
    command.add_argument("--json", action="store_true", help="for scripts")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.report import batch_report, batch_values
        from lthkit.studies import Shelf, other_code
        from lthkit.terminal import printable, width

        shelf = Shelf(chosen.folder)
        every: list[dict[str, Any]] = []
        for plan in shelf.plans():
            states = {run.id: shelf.state(run) for run in plan["runs"]}
            changed = other_code(plan["runs"], states)
            if chosen.json:
                every += [one | {"scale": plan["scale"]} for one in batch_values(plan["runs"], states, changed)]
            else:
                title = f"{plan['study']} at scale {plan['scale']}: {plan['title']}"
                print(f"{printable(title)}\n{batch_report(plan['runs'], states, changed, within=width())}\n")
        if chosen.json:
            print(json.dumps(every, indent=1))

    return handler


def report(command: argparse.ArgumentParser) -> Handler:
    """Write what the studies of a batch found as one HTML page."""
    command.add_argument("folder", type=Path, metavar="DIR", help="the --out of a batch")
    command.add_argument("--study", action="append", metavar="STUDY", help="only this one; repeatable")
    command.add_argument("--out", type=Path, metavar="FILE", help="the page; DIR/report.html if left out")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.studies import write_report
        from lthkit.terminal import printable

        print(printable(write_report(chosen.folder, chosen.out, chosen.study)))

    return handler


def _tell(planned: "Batch", jobs: int) -> None:
    from tqdm import tqdm

    from lthkit.report import batch_report
    from lthkit.studies import other_code, seconds_left
    from lthkit.terminal import width

    states = planned.states()
    print(batch_report(planned.runs, states, other_code(planned.runs, states), within=width()))
    left = seconds_left(planned.runs, states, jobs)
    unknown = "nothing is known yet of how long they take"
    print(unknown if left is None else f"about {tqdm.format_interval(left)} are left")


def _tell_start(planned: "Batch") -> None:
    states = planned.states()
    done = sum(state.standing == "done" for state in states.values())
    print(
        f"{len(planned.runs)} runs, {done} are done already; `lthkit status {planned.shelf.root}` says how they stand"
    )


def _tell_end(planned: "Batch", outcome: "Outcome") -> None:
    from lthkit.report import batch_report
    from lthkit.studies import other_code
    from lthkit.terminal import width

    states = planned.states()
    changed = other_code(planned.runs, states)
    print(f"\n{batch_report(planned.runs, states, changed, outcome.skipped, width())}")
    if outcome.failed:
        raise RunFailed(f"{len(outcome.failed)} of {len(planned.runs)} runs failed; the same command tries them again")
    if outcome.left:
        raise TimeIsUp(f"time is up, {len(outcome.left)} runs are left; the same command goes on")


@contextmanager
def _terminable() -> Iterator[None]:
    """A request to end (SLURM's before its limit) is an interruption."""
    import signal

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no count of 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    parts = re.findall(r"(\d+(?:\.\d+)?)([dhms])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; write e.g. 3h50m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
