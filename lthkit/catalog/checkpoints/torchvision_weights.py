"""torchvision's published weights: which file they are, and getting it."""

import re
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import urlparse

from lthkit.catalog.download import Published
from lthkit.catalog.entry import CheckpointEntry, Text
from lthkit.errors import LthkitError


class WeightsEntry(CheckpointEntry):
    """torchvision's published weights; their file is checked by the hash in its name."""

    type: Literal["torchvision-weights"]
    root: Text = "${LTHKIT_CHECKPOINTS:-checkpoints}"
    weights: Text
    """Their name in torchvision, e.g. `ResNet50_Weights.IMAGENET1K_V1`."""
    file: Text | None = None
    """Name of the file as torchvision publishes it; where it is left out torchvision is asked, which takes seconds to
    import whenever the catalog is listed."""
    download: bool = False
    """Whether a missing file is downloaded into the root when the checkpoint is first loaded."""

    @property
    def url(self) -> str:
        """Where torchvision has them from.

        Raises:
            LthkitError: torchvision knows no weights of that name; the sentence offers near names.
        """
        from torchvision.models import get_weight

        try:
            return get_weight(self.weights).url
        except (ValueError, KeyError):
            near = get_close_matches(self.weights, _known(), n=3, cutoff=0.5) or ["ResNet50_Weights.IMAGENET1K_V1"]
            raise LthkitError(
                f"'{self.name}': torchvision has no weights '{self.weights}'; write for example {' or '.join(near)}"
            ) from None

    @property
    def published_as(self) -> str:
        """Name of torchvision's file.

        Raises:
            LthkitError: as `url`; or `file` states another name.
        """
        name = PurePosixPath(urlparse(self.url).path).name
        if self.file not in (None, name):
            raise LthkitError(
                f"'{self.name}': {self.weights} is published as {name}, not {self.file}; write `file: {name}`"
            )
        return name

    @property
    def expected_sha256(self) -> str | None:
        """As the file's name states it."""
        stated = re.search(r"-([0-9a-f]{8,64})\.", self.file or self.published_as)
        return stated[1] if stated else None

    def locate(self, base: Path) -> Path:
        """The file, inside its root."""
        path = self.inside(self.folder(base), self.file or self.published_as)
        if not path.is_file():
            raise self.missing(f"file {path}")
        return path

    def published(self) -> tuple[Published, ...]:
        """The one file, its hash as its name states it."""
        name, stated = self.published_as, self.expected_sha256
        return (Published((self.url,), name, ("sha256", stated) if stated else None),)

    def fetch(self, base: Path) -> Path:
        """As `locate`, for the file that torchvision means; one that is missing is downloaded first where the entry
        says so."""
        there = (self.folder(base) / self.published_as).exists()
        return self.obtain(base) if self.download and not there else self.locate(base)


def _known() -> list[str]:
    from torchvision.models import get_model_weights, list_models

    groups = {get_model_weights(model) for model in list_models()}
    return sorted(f"{group.__name__}.{name}" for group in groups for name in group.__members__)
