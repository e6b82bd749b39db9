"""Data sets in files whose names their makers chose."""

from pathlib import Path

from lthkit.catalog.entry import DatasetEntry, Rooted
from lthkit.errors import LthkitError

Names = tuple[tuple[str, ...], ...]
"""Paths below the root; each file is a tuple of names of which one must be there: as unpacked, or as published."""


class PublishedFiles(Rooted, DatasetEntry):
    """A data set in files of fixed names."""

    @property
    def files(self) -> Names:
        """The files that must be there."""
        raise NotImplementedError

    def found(self, base: Path) -> list[Path | None]:
        """The files in the order of `files`, None for each that is missing.

        Raises:
            LthkitError: a variable is not set, or a link leads outside the root.
        """
        root = self.folder(base)
        paths = ([self.inside(root, name) for name in names] for names in self.files)
        return [next((path for path in alternatives if path.is_file()), None) for alternatives in paths]

    def present(self, base: Path) -> list[Path]:
        """As `found`, all of them there.

        Raises:
            LthkitError: files are missing; the sentence says which, where they belong and how to get them.
        """
        found = self.found(base)
        missing = [names for names, path in zip(self.files, found, strict=True) if path is None]
        if missing:
            folder = self.folder(base) / Path(missing[0][0]).parent
            names = ", ".join(Path(first).name + (" (or .gz)" if others else "") for first, *others in missing)
            raise LthkitError(f"'{self.name}': missing from folder {folder}: {names}; to get them: {self.get}")
        return [path for path in found if path is not None]

    def locate(self, base: Path) -> Path:
        """The root, if all files are there."""
        self.present(base)
        return self.folder(base)
