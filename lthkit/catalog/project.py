"""Where relative paths count from in a notebook that somebody has open."""

import os
from pathlib import Path

from lthkit.catalog.catalog import FILE_NAME
from lthkit.progress import is_batch


def enter_project() -> Path:
    """Make the folder of the nearest ``data_catalog.yaml`` the working folder of an open notebook.

    JupyterLab starts a notebook in the notebook's own folder; from here on relative paths count from the
    project's. In batch the caller's working folder stays, since the caller's paths count from there.

    Returns:
        The working folder.
    """
    here = Path.cwd()
    if not is_batch():
        for folder in (here, *here.parents):
            if (folder / FILE_NAME).is_file():
                os.chdir(folder)
                return folder
    return here
