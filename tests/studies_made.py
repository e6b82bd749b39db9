"""Tiny notebooks and studies: a run of them writes who made it, and needs no torch."""

from pathlib import Path

import nbformat
import yaml
from nbformat import v4

PARAMETERS = """
out = "runs/tiny"  # folder
value: int = 0  # what is written
sources: list | None = None  # files that are read
source: str = ""  # a file that is read
seconds = 0.0  # how long it takes
fails: int = 0  # how many attempts fail
"""
CELLS = """
import os, time
from pathlib import Path
folder = Path(out)
folder.mkdir(parents=True, exist_ok=True)
with (folder / "attempts.txt").open("a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(seconds)
if len((folder / "attempts.txt").read_text().split()) <= fails:
    raise ValueError("not yet")
""".strip()
LAST = """
read = [int(Path(path).read_text()) for path in [*(sources or []), *([source] if source else [])]]
(folder / "made.partial").write_text("hal")
(folder / "made.txt").write_text(str(value + sum(read)))
with (folder / "finished.txt").open("a") as file:
    file.write(f"{os.getpid()}\\n")
""".strip()


def notebook(folder: Path, name: str = "tiny", parameters: str = PARAMETERS) -> Path:
    """A notebook that writes ``made.txt``, and a line in ``finished.txt`` for every time that it reached its end."""
    declared = v4.new_code_cell(parameters.strip(), metadata={"tags": ["parameters"]})
    cells = [declared, v4.new_code_cell(CELLS), v4.new_code_cell(LAST)]
    path = folder / f"{name}.ipynb"
    nbformat.write(v4.new_notebook(cells=cells), path)
    return path


def study(folder: Path, name: str = "mine", **values: object) -> Path:
    """A study's file; without values one of two steps, three runs and six that need one of them."""
    notebook(folder)
    tiny = str(folder / "tiny.ipynb")
    usual: dict = {
        "title": "A study of mine",
        "axes": {"value": [1, 2, 3], "half": {"first": {"seconds": 0.0}, "second": {"seconds": 0.01}}},
        "steps": {
            "begin": {"notebook": tiny, "each": ["value"]},
            "end": {"notebook": tiny, "each": ["half"], "needs": {"source": "begin/made.txt"}, "given": {"value": 10}},
        },
        "scales": {"smoke": {}},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(usual | values, sort_keys=False, allow_unicode=True))
    return path
