"""What lthkit brings along, the notebooks and a default catalog, and how they become a project of the user's own."""

import os
import shutil
from pathlib import Path

from lthkit.errors import LthkitError
from lthkit.progress import is_batch

CATALOG = "data_catalog.yaml"
NOTEBOOKS = "notebooks"
STUDIES = "studies"

README = """\
# Lottery tickets

Laid out by `lthkit init`. All of it is yours to change.

| | |
| --- | --- |
| `notebooks/` | each answers one question; start with `00_tour` |
| `notebooks/studies/` | grids of notebook runs: every figure and table of both papers, and yours |
| `data_catalog.yaml` | data sets and checkpoints: where they lie, licence, how to get them |

    jupyter lab notebooks                                      # open them
    lthkit list                                                # what the catalog names, present or not
    lthkit run 00_tour --out runs/tour                         # run one from top to bottom; results in runs/tour
    lthkit run 01_find_ticket -p scale demo --out runs/ticket  # -p: a value for one of the notebook's parameters
    lthkit search runs/mine.zarr --scale demo                  # the same search without a notebook
    lthkit batch mehta2019-fig7 --scale demo --out runs/batch  # a study: many runs, which go on where they stopped
"""


def supplied(name: str) -> Path:
    """Where the ``notebooks`` or the ``data_catalog.yaml`` that lthkit brings along lie.

    A wheel holds them inside the package; in a checkout, installed as editable or not, they lie beside it.
    """
    package = Path(__file__).parent
    within = package / "supplied"
    return (within if within.is_dir() else package.parent) / name


def nearest_catalog() -> Path | None:
    """The ``data_catalog.yaml`` of the working folder or the nearest folder above it."""
    here = Path.cwd()
    return next((folder / CATALOG for folder in (here, *here.parents) if (folder / CATALOG).is_file()), None)


def enter_project() -> Path:
    """Make the folder of the nearest ``data_catalog.yaml`` the working folder of an open notebook.

    JupyterLab starts a notebook in the notebook's own folder; from here on relative paths count from the
    project's. In batch the caller's working folder stays, since the caller's paths count from there.

    Returns:
        The working folder.
    """
    found = None if is_batch() else nearest_catalog()
    if found:
        os.chdir(found.parent)
    return Path.cwd()


def init_project(folder: Path | str) -> Path:
    """Lay out a project: ``notebooks/``, ``data_catalog.yaml`` and a short ``README.md``.

    Args:
        folder: the project's folder, new or with other things in it.

    Returns:
        The folder.

    Raises:
        LthkitError: one of the three is there already, or the folder cannot be written; nothing is replaced.
    """
    folder = Path(folder)
    for name in (NOTEBOOKS, CATALOG, "README.md"):
        if (folder / name).exists():
            raise LthkitError(f"{folder / name} exists and would be replaced; choose another folder, or move it away")
    try:
        for name in (NOTEBOOKS, f"{NOTEBOOKS}/{STUDIES}"):
            (folder / name).mkdir(parents=True)
            for path in sorted(path for path in supplied(name).iterdir() if path.suffix in (".ipynb", ".yaml")):
                shutil.copyfile(path, folder / name / path.name)
        shutil.copyfile(supplied(CATALOG), folder / CATALOG)
        (folder / "README.md").write_text(README, encoding="utf-8")
    except OSError as error:
        raise LthkitError(f"no project can be laid out in {folder}: {error.strerror}; choose another folder") from None
    return folder
