"""The code that a run was made with, as a hash: a run of other code is told apart, and never thrown away for it."""

import hashlib
from functools import cache
from pathlib import Path

import nbformat

import lthkit

# what decides how a run computes, beside the notebook's own cells
_ENDINGS = {".py", ".yaml"}


@cache
def package_sha256() -> str:
    """SHA-256 of the files of lthkit that a run computes with, and of their names."""
    root = Path(lthkit.__file__).parent
    found = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.suffix in _ENDINGS and "supplied" not in path.parts):
        found.update(f"{path.relative_to(root).as_posix()}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def code_sha256(notebook: nbformat.NotebookNode) -> str:
    """SHA-256 of a notebook's code cells and of the lthkit that runs them."""
    cells = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(f"{package_sha256()}\0{cells}".encode()).hexdigest()
