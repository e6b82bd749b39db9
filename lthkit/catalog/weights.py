"""torchvision's published weights: which file they are, and getting it."""

import re
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

from lthkit.catalog.entries import WeightsEntry
from lthkit.errors import LthkitError
from lthkit.factories import brief


def weights_url(entry: WeightsEntry) -> str:
    """Where torchvision has them from.

    Raises:
        LthkitError: torchvision knows no weights of that name; the sentence offers near names.
    """
    from torchvision.models import get_weight

    try:
        return get_weight(entry.weights).url
    except (ValueError, KeyError):
        known = _known()
        near = get_close_matches(entry.weights, known, n=3, cutoff=0.5) or ["ResNet50_Weights.IMAGENET1K_V1"]
        raise LthkitError(
            f"'{entry.name}': torchvision has no weights '{entry.weights}'; write for example {' or '.join(near)}"
        ) from None


def weights_file(entry: WeightsEntry) -> tuple[str, str | None]:
    """Name of the file, and the first digits of its SHA-256, which the name states."""
    name = PurePosixPath(urlparse(weights_url(entry)).path).name
    stated = re.search(r"-([0-9a-f]{8,64})\.", name)
    return name, stated[1] if stated else None


def download_weights(entry: WeightsEntry, root: Path) -> None:
    """Download the file into the root: under another name first, its hash checked, then renamed.

    Raises:
        LthkitError: no network, no space or another content; the sentence says where the file belongs.
    """
    from torch.hub import download_url_to_file

    name, sha256 = weights_file(entry)
    try:
        root.mkdir(parents=True, exist_ok=True)
        download_url_to_file(weights_url(entry), str(root / name), hash_prefix=sha256)
    except Exception as error:  # the network's, the disk's, or torch's own for another hash
        raise LthkitError(
            f"'{entry.name}': file {root / name} is missing and its download failed ({brief(error)}); "
            f"to get it by hand: {entry.get}"
        ) from None


def _known() -> list[str]:
    from torchvision.models import get_model_weights, list_models

    groups = {get_model_weights(model) for model in list_models()}
    return sorted(f"{group.__name__}.{name}" for group in groups for name in group.__members__)
