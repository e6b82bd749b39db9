"""Of each notebook that a batch ran, copy its first run: ``python docs/gallery.py BATCH FOLDER``."""

import shutil
import sys
from pathlib import Path

from lthkit.studies import Shelf


def main(batch: str, folder: str) -> None:
    """Executed notebooks keep their names."""
    shelf, copied = Shelf(batch), set[str]()
    for plan in shelf.plans():
        for run in plan["runs"]:
            executed = shelf.state(run).executed
            if executed is not None and run.notebook.stem not in copied:
                copied.add(run.notebook.stem)
                shutil.copyfile(executed, Path(folder) / run.notebook.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
