"""The record of a run: a JSON file that says how it went, written when it starts and when it ends."""

import json
import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lthkit.atomic import replacing
from lthkit.strict_json import strict_json

PACKAGES = ("lthkit", "torch", "torchvision", "numpy", "xarray", "zarr", "plotly", "papermill")


def read_record(path: Path) -> dict[str, Any] | None:
    """What a run's record says; None where there is none that can be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


@dataclass(frozen=True)
class Record:
    """A run under way: what is known when it starts."""

    source: Path
    out: Path
    parameters: dict[str, Any]
    code: str
    started: datetime
    began: float

    @property
    def name(self) -> str:
        """The notebook's name without its ending."""
        return self.source.stem

    @property
    def path(self) -> Path:
        """The JSON file."""
        return self.out / f"{self.name}.json"

    @classmethod
    def start(cls, source: Path, out: Path, parameters: dict[str, Any], code: str) -> "Record":
        """Write the record of a run that starts now; killed, it keeps the status ``running``.

        Args:
            source: the notebook.
            out: folder of the run.
            parameters: the values given.
            code: the hash of what it is computed with.
        """
        record = cls(source, out, parameters, code, datetime.now(UTC), time.monotonic())
        record._write({"status": "running", "process": os.getpid(), "machine": platform.node()})
        return record

    def finish(self, status: str, notebook: Path, error: str | None) -> float:
        """Write how the run ended and return its seconds.

        Args:
            status: ``success``, ``failed`` or ``interrupted``.
            notebook: the executed notebook.
            error: one sentence, if it did not succeed.
        """
        seconds = round(time.monotonic() - self.began, 3)
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        self._write(
            {"status": status, "error": error, "executed": notebook.name, "finished": finished, "seconds": seconds}
        )
        return seconds

    def _write(self, state: dict[str, Any]) -> None:
        values = {
            **state,
            "notebook": str(self.source),
            "parameters": self.parameters,
            "code_sha256": self.code,
            "started": self.started.isoformat(timespec="seconds"),
            "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        }
        mend = f"make room; what was executed lies in {self.out}" if "executed" in state else "make room"
        with replacing(self.path, mend) as temporary:
            temporary.write_text(strict_json(values, not_finite=str) + "\n", encoding="utf-8")
