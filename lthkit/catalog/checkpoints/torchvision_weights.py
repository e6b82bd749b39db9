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
    def file(self) -> str:
        """Name of the file."""
        return PurePosixPath(urlparse(self.url).path).name

    @property
    def expected_sha256(self) -> str | None:
        """As the file's name states it."""
        stated = re.search(r"-([0-9a-f]{8,64})\.", self.file)
        return stated[1] if stated else None

    def locate(self, base: Path) -> Path:
        """The file, inside its root."""
        path = self.inside(self.folder(base), self.file)
        if not path.is_file():
            raise self.missing(f"file {path}")
        return path

    def published(self) -> tuple[Published, ...]:
        """The one file, its hash as its name states it."""
        stated = self.expected_sha256
        return (Published((self.url,), self.file, ("sha256", stated) if stated else None),)

    def fetch(self, base: Path) -> Path:
        """As `locate`; a missing file is downloaded first where the entry says so."""
        return (
            self.obtain(base) if self.download and not (self.folder(base) / self.file).exists() else self.locate(base)
        )


def _known() -> list[str]:
    from torchvision.models import get_model_weights, list_models

    groups = {get_model_weights(model) for model in list_models()}
    return sorted(f"{group.__name__}.{name}" for group in groups for name in group.__members__)
