"""Data sets inside a package that lthkit installs."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from lthkit.catalog.entry import DatasetEntry


class Packaged(DatasetEntry):
    """Made of what scikit-learn ships."""

    package: Literal["scikit-learn"]

    def locate(self, base: Path) -> Path:
        """The package's folder."""
        found = find_spec("sklearn")
        if found is None or found.origin is None:
            raise self.missing(f"package {self.package}")
        return Path(found.origin).parent
