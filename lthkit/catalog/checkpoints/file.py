"""A local file of weights, of any suffix."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from lthkit.catalog.entry import CheckpointEntry, Text


class FileEntry(CheckpointEntry):
    """A local file of weights."""

    type: Literal["file"]
    file: Text
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{8,64}$")
    """Checked at every read; its first 8 digits, which torchvision's file names have, are enough."""
    model: str | None = None
    """Which network it fits (a model's name, for people)."""

    @property
    def expected_sha256(self) -> str | None:
        """As the entry states it."""
        return self.sha256

    def locate(self, base: Path) -> Path:
        """The file, inside its root."""
        path = self.inside(self.folder(base), self.file)
        if not path.is_file():
            raise self.missing(f"file {path}")
        return path
