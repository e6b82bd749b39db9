"""One notebook executed by papermill, with its success recorded by us.

papermill 2.7 says of a notebook whose kernel died that every cell completed, and its writes are not atomic: so the
notebook grows in ``NAME.running.ipynb`` and gets its final name once we know how it ended.
"""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import nbformat
from filelock import FileLock, Timeout
from nbclient.exceptions import DeadKernelError
from papermill import PapermillExecutionError, execute_notebook
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from lthkit.batch.code import code_sha256
from lthkit.batch.given import values_for
from lthkit.batch.interruption import Interruption
from lthkit.batch.kernel import kernel_folder, kernel_settings
from lthkit.batch.parameters import Parameter, parameters_of
from lthkit.batch.record import Record, read_record
from lthkit.errors import LthkitError, RunFailed
from lthkit.progress import cut
from lthkit.project import NOTEBOOKS, supplied
from lthkit.terminal import printable

# A kernel whose starter was killed ends by itself within a second or two, and holds the folder until then.
LEAVING_SECONDS = 5.0
# On a busy machine the last output may come long after the cell's reply; nbclient's 4 s would lose it.
OUTPUT_SECONDS = 120


class NotebookFailed(RunFailed):
    """A notebook that was executed and did not reach its end."""


@dataclass(frozen=True)
class Run:
    """A notebook that was executed to its end.

    Attributes:
        notebook: the executed notebook.
        record: JSON with status, parameters, times and versions.
        parameters: the values given, typed.
        seconds: how long it took.
    """

    notebook: Path
    record: Path
    parameters: dict[str, Any]
    seconds: float


def find_notebook(name: str | Path) -> Path:
    """A notebook by path, or by the name of one in ``./notebooks``, else of those that lthkit brings along.

    A name may come with or without its ending.

    Raises:
        LthkitError: if there is none, with near names.
    """
    path = Path(name)
    shelves = (Path(NOTEBOOKS), supplied(NOTEBOOKS))
    for folder in (Path(), *shelves):
        for candidate in (folder / path, folder / f"{path}.ipynb"):
            if candidate.is_file():
                return candidate
    known = sorted({entry.stem for folder in shelves for entry in folder.glob("*.ipynb")})
    near = get_close_matches(path.stem, known, n=3, cutoff=0.4) or known
    raise LthkitError(f"there is no notebook '{name}'; there is {', '.join(near)}, or give a path")


def run_notebook(
    notebook: Path | str,
    parameters: Mapping[str, Any],
    out: Path | str,
    *,
    quiet: bool = False,
    again: bool = True,
) -> Run:
    """Execute a notebook in the caller's working folder, with this environment's Python.

    ``OUT/NAME.ipynb`` is the executed notebook, ``OUT/NAME.json`` the record of the latest run. While it runs,
    the notebook can be read as ``NAME.running.ipynb``; if it fails, as ``NAME.failed.ipynb``, and an older success
    stays as it is.

    Args:
        notebook: path of the notebook.
        parameters: values for its parameters, texts are read as the type of the parameter's default; and settings by
            dotted key, which go into its parameter ``changes``.
        out: folder for the results; made if missing.
        quiet: do not print the cells' progress and output.
        again: execute it even if the record in ``out`` says that it was executed to its end.

    Raises:
        LthkitError: before anything runs: no such notebook, unknown parameter or setting, value that does not fit,
            folder that cannot be written or is in use by another run of the same notebook.
        NotebookFailed: with the error's sentence and the place of the executed notebook.
        KeyboardInterrupt: passed on after the kernel was shut down.
    """
    source = Path(notebook)
    values = values_for(source, parameters_of(read_notebook(source)), parameters)
    return run_checked(source, values, out, quiet=quiet, again=again)


def run_checked(
    notebook: Path | str, values: Mapping[str, Any], out: Path | str, *, quiet: bool = False, again: bool = True
) -> Run:
    """Execute a notebook with values that ``values_for`` gave: what they may be is not asked again.

    Arguments and errors as ``run_notebook``. That question takes torch and most of lthkit, which the kernel imports for
    itself.
    """
    source, out = Path(notebook), Path(out)
    node = read_notebook(source)
    unknown = sorted(values.keys() - parameters_of(node).keys())
    if unknown:
        raise LthkitError(f"{source} has no parameter '{unknown[0]}'; plan the run again")
    _prepare(source, out)
    with alone(source, out) as held:
        if not again and (found := _finished_run(source.stem, out)):
            return found
        record = Record.start(source, out, dict(values), code_sha256(node))
        cells = _Progress(node, quiet)
        try:
            _execute(node, values, out / f"{source.stem}.running.ipynb", cells, held)
        except KeyboardInterrupt:
            _keep_failed(record, "interrupted", f"interrupted in {cells.where}")
            raise
        except Exception as error:
            kept = _keep_failed(record, "failed", _sentence(error, cells.where))
            raise NotebookFailed(f"{source.name}: {_sentence(error, cells.where)}; read {kept}") from None
        return _finish(record)


def _finished_run(name: str, out: Path) -> Run | None:
    """The run of the notebook of this name in ``out`` if it was executed to its end, by its record."""
    path = out / f"{name}.json"
    said = read_record(path)
    if said is None or said.get("status") != "success":
        return None
    return Run(out / str(said["executed"]), path, dict(said["parameters"]), float(said["seconds"]))


def read_parameters(notebook: Path | str) -> dict[str, Parameter]:
    """The parameters that a notebook declares, by name.

    Raises:
        LthkitError: no such notebook, or one that cannot be read.
    """
    return parameters_of(read_notebook(Path(notebook)))


def read_notebook(source: Path) -> nbformat.NotebookNode:
    """A notebook, whatever its format's version.

    Raises:
        LthkitError: no such notebook, or one that cannot be read.
    """
    if not source.is_file():
        raise LthkitError(f"there is no notebook at {source}; check the path")
    try:
        node = load_notebook_node(nbformat.read(source, as_version=4))
        parameters_of(node)
    except SyntaxError as error:
        raise LthkitError(f"the parameters cell of {source} is not valid Python: {error}") from None
    except Exception as error:
        raise LthkitError(f"{source} is not a notebook: {type(error).__name__}; open and save it in Jupyter") from None
    return node


def _prepare(source: Path, out: Path) -> None:
    if str(out) == "-":
        raise LthkitError("'-' is no folder, and a notebook cannot be written to standard output; name a folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise LthkitError(f"folder {out} cannot be made: {reason}; choose another --out") from None
    if out.resolve() == source.parent.resolve():
        raise LthkitError(
            f"{out} is the notebook's own folder, where the result would replace it; choose another --out"
        )


class Busy(LthkitError):
    """Another process executes this notebook into this folder."""


@contextmanager
def alone(source: Path, out: Path, patience: float = LEAVING_SECONDS) -> Iterator[int]:
    """Within, no other process executes the notebook into ``out``; gives the descriptor that holds the lock.

    Raises:
        Busy: if another one does, and does not leave within ``patience`` seconds.
        LthkitError: if the folder cannot be written.
    """
    lock = FileLock(out / f".{source.stem}.lock")
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise Busy(f"another run of {source.name} is writing to {out}; wait for it or choose another --out") from None
    except OSError as error:
        raise LthkitError(f"folder {out} cannot be written: {error.strerror}; choose another --out") from None
    try:
        yield cast(int, lock._context.lock_file_fd)
    finally:
        lock.release()


def _execute(
    node: nbformat.NotebookNode, values: Mapping[str, Any], running: Path, cells: "_Progress", held: int
) -> None:
    if values:
        node = parameterize_notebook(node, dict(values), kernel_name="python3", language="python")
    interruption = Interruption()
    with kernel_folder() as folder, interruption.passed_on():

        def starts(cell: nbformat.NotebookNode, cell_index: int) -> None:
            interruption.check()
            # the kernel is connected; if this process is killed, nothing is left behind
            shutil.rmtree(folder, ignore_errors=True)
            cells.starts(cell)

        execute_notebook(
            node,
            # papermill reads braces in paths as parameters, and a dash at the beginning as standard output
            str(running.absolute()).replace("{", "{{").replace("}", "}}"),
            kernel_name="python3",
            language="python",
            progress_bar=False,
            stdout_file=None if cells.quiet else sys.stdout,
            stderr_file=None if cells.quiet else sys.stderr,
            kernel_manager_class=interruption.kernel((held,)),
            config=kernel_settings(folder),
            iopub_timeout=OUTPUT_SECONDS,
            coalesce_streams=True,
            store_widget_state=False,
            on_cell_start=starts,
        )


class _Progress:
    """Tells which cell runs, one line each: reads the same in a terminal and in a log file."""

    def __init__(self, node: nbformat.NotebookNode, quiet: bool) -> None:
        self.quiet = quiet
        self.total = sum(cell.cell_type == "code" for cell in node.cells)
        self.count, self.heading = 0, ""
        self.began = time.monotonic()

    def starts(self, cell: nbformat.NotebookNode) -> None:
        if cell.cell_type == "markdown":
            titles = [line.lstrip("# ") for line in cell.source.splitlines() if line.startswith("#")]
            self.heading = titles[0] if titles else self.heading
        elif cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", []):
            self.count += 1
            if not self.quiet:
                passed = time.monotonic() - self.began
                print(cut(printable(f"[{self.count}/{self.total}] {passed:6.1f} s  {self.heading}")), flush=True)

    @property
    def where(self) -> str:
        """The cell that runs, as a person would find it."""
        below = f" below '{self.heading}'" if self.heading else ""
        return f"cell {self.count} of {self.total}{below}"


def _sentence(error: Exception, where: str) -> str:
    if isinstance(error, PapermillExecutionError):
        lines = str(error.evalue).strip().splitlines() or [""]
        return f"{where} raised {error.ename}: {lines[0]}"
    if isinstance(error, DeadKernelError):
        return f"the kernel died in {where} (out of memory, or killed)"
    lines = str(error).strip().splitlines() or [""]
    return f"{where} stopped with {type(error).__name__}: {lines[0]}"


def _keep_failed(record: Record, status: str, sentence: str) -> Path:
    running = record.out / f"{record.name}.running.ipynb"
    kept = record.out / f"{record.name}.failed.ipynb"
    if running.exists():
        running.replace(kept)
    record.finish(status, kept, sentence)
    return kept


def _finish(record: Record) -> Run:
    done = record.out / f"{record.name}.ipynb"
    (record.out / f"{record.name}.running.ipynb").replace(done)
    (record.out / f"{record.name}.failed.ipynb").unlink(missing_ok=True)
    seconds = record.finish("success", done, None)
    return Run(done, record.path, record.parameters, seconds)
