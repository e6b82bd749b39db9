"""What every entry of the catalog says and can do: it knows where it lies and how it is read.

A new type is one file in `lthkit.catalog.datasets` or `lthkit.catalog.checkpoints`, named as the type: a subclass of
`DatasetEntry` with `read`, or of `CheckpointEntry` with `locate`.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from lthkit.catalog.download import Published, alone, download
from lthkit.catalog.paths import check_inside, expand, malformed
from lthkit.catalog.samples import DataSet
from lthkit.catalog.scenes import SceneSet
from lthkit.config import Config
from lthkit.errors import LthkitError

Text = Annotated[str, Field(min_length=1)]


class Normalisation(Config):
    """Per channel, images in [0, 1] become (image − mean) / std; one value or three."""

    mean: tuple[float, ...] = Field(min_length=1, max_length=3)
    std: tuple[PositiveFloat, ...] = Field(min_length=1, max_length=3)

    @model_validator(mode="after")
    def _same_channels(self) -> Self:
        if len(self.mean) != len(self.std) or len(self.mean) == 2:
            raise ValueError("mean and std must both have one value, or both three (red, green, blue)")
        return self


class Entry(Config):
    """What every entry says. `name` is its key in the catalog.

    Relative roots count from `base`, the catalog's folder.
    """

    name: Text
    type: Text
    description: str = ""
    licence: Text
    """`unknown`, or what it is."""
    licence_read: str | None = None
    """Where and when the licence was read: a place, then the day as 2026-11-25."""
    get: Text
    """How to get it: one sentence, printed where it is missing."""

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if self.licence_read is not None and not re.search(r"\S.*\b\d{4}-\d{2}-\d{2}$", self.licence_read):
            raise ValueError("licence_read must name a place and end in the day, e.g. LICENSE of the data, 2026-11-25")
        return self

    def locate(self, base: Path) -> Path:
        """Where all of it lies.

        Raises:
            LthkitError: something is missing; the sentence says what, where it belongs and how to get it.
        """
        raise NotImplementedError

    def published(self) -> tuple[Published, ...]:
        """The files that `obtain` downloads, as they are published.

        Raises:
            LthkitError: if it has to be fetched by hand; the sentence says how.
        """
        raise LthkitError(f"'{self.name}' cannot be downloaded by lthkit; to get it: {self.get}")

    def obtain(self, base: Path) -> Path:
        """Where all of it lies; what is missing is downloaded first, resumed where an earlier download was cut off.

        Raises:
            LthkitError: as `published`; or the disk refuses, or the publisher cannot be reached (`RunFailed`).
        """
        self.published()
        return self.locate(base)

    def missing(self, what: str) -> LthkitError:
        """The error for what is not there."""
        return LthkitError(f"'{self.name}': {what} is missing; to get it: {self.get}")


class Rooted(Entry):
    """An entry whose files lie in a folder."""

    root: Text
    """Folder; `${NAME}` and `${NAME:-default}` are taken from the environment, relative to the catalog."""
    follow_links: bool = False
    """Whether links inside the root may lead out of it."""

    @model_validator(mode="after")
    def _variables(self) -> Self:
        if malformed(self.root):
            raise ValueError(f"root '{self.root}' has a stray $; write variables as ${{NAME}} or ${{NAME:-default}}")
        return self

    def obtain(self, base: Path) -> Path:
        """As `Entry.obtain`, one process at a time."""
        files, root = self.published(), self.folder(base)
        with alone(root, self.name):
            try:
                return self.locate(base)
            except LthkitError:
                self.unpack(root, [download(file, root, f"'{self.name}'", self.get) for file in files])
        return self.locate(base)

    def unpack(self, root: Path, files: list[Path]) -> None:
        """Make of the downloaded files what is read: nothing, unless they are archives."""

    def folder(self, base: Path) -> Path:
        """The root: absolute, links resolved, whether it is there or not.

        Raises:
            LthkitError: an environment variable is not set.
        """
        return expand(self.root, base, f"'{self.name}'")

    def inside(self, root: Path, path: str | Path) -> Path:
        """`root / path`, links resolved; `root` is what `folder` gave.

        Raises:
            LthkitError: the path leads out of the root, or in circles.
        """
        return check_inside(root, path, f"'{self.name}'", self.follow_links)


class DatasetEntry(Entry):
    """A data set."""

    normalisation: Normalisation | None = None
    """Of its images; without one they stay in [0, 1]."""

    def read(self, base: Path) -> DataSet | SceneSet:
        """Its published splits: images with a label each, or with boxes or masks. Files are listed, not decoded.

        Raises:
            LthkitError: missing, damaged, or not what the entry says.
        """
        raise NotImplementedError


class CheckpointEntry(Rooted):
    """A file of weights; `locate` gives the file."""

    prefix: str | None = None
    """What the network's parameter names begin with in the file, e.g. `module.encoder_q.`"""
    normalisation: Normalisation | Literal["none"] | None = None
    """Of the images that it was trained on, which then wins over the data set's: `none` for images in [0, 1]; left
    out, the data set's is used."""

    @property
    def expected_sha256(self) -> str | None:
        """The first digits of the file's SHA-256, if they are known; whoever reads it checks them."""
        return None

    def fetch(self, base: Path) -> Path:
        """As `locate`, after a download where the entry asks for one."""
        return self.locate(base)
