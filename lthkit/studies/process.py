"""The process of a run: started, watched, and what it said at its end."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lthkit.strict_json import strict_json
from lthkit.studies.codes import ALL_INTERRUPTED, DONE
from lthkit.studies.run import Run

LOG = "log.txt"
Process = subprocess.Popen[bytes]


def begin(run: Run, environment: Mapping[str, str] | None = None, cwd: str | None = None) -> Process:
    """Start a run in a process of its own; it outlives this one if this one is killed.

    Args:
        run: to be executed.
        environment: variables beside this process's.
        cwd: the folder that paths count from; this process's if left out.
    """
    folder = Path(cwd or ".") / run.out
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lthkit.studies.child"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=cwd,
            env=os.environ | dict(environment or {}),
            start_new_session=True,  # an interruption is passed on, once
        )
    assert process.stdin is not None
    process.stdin.write(strict_json(run.plain()).encode())
    process.stdin.close()
    return process


def interrupt(process: Process) -> None:
    """Ask it to stop, with what it has trained saved."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)


def said(run: Run, code: int, cwd: str | None = None) -> str:
    """Why the process of a run failed, in one sentence; empty if it did not."""
    if code in (DONE, *ALL_INTERRUPTED):
        return ""
    if code < 0:
        return f"its process was killed by signal {-code} (out of memory, or killed)"
    try:
        log = (Path(cwd or ".") / run.out / LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        log = ""
    lines = log.strip().splitlines()
    return lines[-1] if lines else f"its process ended with code {code}"
