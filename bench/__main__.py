"""``python -m bench [ROW …]``: measure, print the table, write ``runs/bench.json``."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import cutting, explorer, importing, masks, page, pruning, storing, training
from bench.measure import Outcome, Row, Skipped, carry_out
from lthkit.atomic import replacing
from lthkit.errors import LthkitError

ROWS: tuple[Row, ...] = (
    *training.ROWS,
    *pruning.ROWS,
    *cutting.ROWS,
    *storing.ROWS,
    *masks.ROWS,
    *explorer.ROWS,
    *page.ROWS,
    *importing.ROWS,
)
RESULT = Path("runs/bench.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows asked for; 0 when they ran, whether or not the goals hold, 2 when they cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(row.name for row in ROWS)}; default all")
    parser.add_argument("--out", type=Path, default=RESULT, help="where the result is written (default: %(default)s)")
    given = parser.parse_args(arguments)
    try:
        chosen = choose(ROWS, given.rows)
    except LthkitError as error:
        print(error, file=sys.stderr)
        return 2
    started = time.monotonic()
    print(f"{machine()}\n\n{HEADER}", flush=True)
    outcomes = []
    for row in chosen:
        try:
            outcomes.append(carry_out(row))
            print(line(outcomes[-1]), flush=True)
        except Skipped as missing:
            print(f"| {row.name} | skipped | | | | | {missing} |", flush=True)
    write(given.out, outcomes)
    print(f"\n{verdict(outcomes)}\n{time.monotonic() - started:.0f} s; written to {given.out}")
    return 0


def choose(rows: Sequence[Row], names: Iterable[str]) -> list[Row]:
    """The rows of these names in the table's order; all without names.

    Raises:
        LthkitError: naming the first name that there is not.
    """
    asked = set(names)
    if unknown := sorted(asked - {row.name for row in rows}):
        raise LthkitError(f"there is no row '{unknown[0]}'; choose from {', '.join(row.name for row in rows)}")
    return [row for row in rows if not asked or row.name in asked]


HEADER = (
    "| row | value | 10–90 % | goal | holds | pairs | what |\n"
    "| --- | ---: | ---: | ---: | :---: | ---: | --- |"
)  # fmt: skip


def line(outcome: Outcome) -> str:
    """A row of the Markdown table."""
    unit = "" if outcome.unit == "ratio" else f" {outcome.unit}"
    spread = "–".join(f"{end:.3f}" for end in outcome.spread) if outcome.spread else "exact"
    cells = (
        outcome.name,
        f"{outcome.value:.3f}{unit}",
        spread,
        f"≤ {outcome.goal:g}{unit}",
        "yes" if outcome.holds else "NO",
        str(outcome.pairs),
        f"{outcome.what} ÷ {outcome.reference}" if outcome.reference else outcome.what,
    )
    return f"| {' | '.join(cells)} |"


def verdict(outcomes: Sequence[Outcome]) -> str:
    """One line: which goals do not hold."""
    failed = [outcome for outcome in outcomes if not outcome.holds]
    if not failed:
        return f"All {len(outcomes)} goals hold."
    names = ", ".join(f"{outcome.name} ({outcome.value:.3f} > {outcome.goal:g})" for outcome in failed)
    return f"{len(failed)} of {len(outcomes)} goals do NOT hold: {names}."


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """The outcomes as JSON, written beside ``path`` and renamed."""
    with replacing(path) as temporary:
        text = json.dumps([outcome.plain() for outcome in outcomes], indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8")


def machine() -> str:
    """What the figures depend on, in one line; another's load makes them noisy."""
    import torch

    cores = len(os.sched_getaffinity(0))
    return (
        f"{_processor()} · {cores} cores · {torch.get_num_threads()} threads · torch {torch.__version__} · "
        f"Python {platform.python_version()} · load {os.getloadavg()[0]:.1f} before"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
