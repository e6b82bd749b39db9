"""What an entry of the catalog may say: one class per type, strict.

A new type of data set is one class here, a line in `DATASET_TYPES`, and its reader in `lthkit.data.readers`; a set
of published files says which by `files`.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from lthkit.catalog.paths import malformed
from lthkit.catalog.published import SMALLNORB, TORCHVISION_SETS, Names
from lthkit.config import Config

CHECKPOINT_SUFFIXES = (".pt", ".pth", ".tar", ".safetensors")

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
    """What every entry says. `name` is its key in the catalog."""

    name: Text
    description: str = ""
    licence: Text
    get: Text
    """How to get it: one sentence, printed where it is missing."""
    normalisation: Normalisation | None = None


class _Rooted(Entry):
    root: Text
    """Folder; `${NAME}` and `${NAME:-default}` are taken from the environment, relative to the catalog."""

    @model_validator(mode="after")
    def _variables(self) -> Self:
        if malformed(self.root):
            raise ValueError(f"root '{self.root}' has a stray $; write variables as ${{NAME}} or ${{NAME:-default}}")
        return self


class DigitsEntry(Entry):
    """scikit-learn's digits: 1,797 grey 8×8 images of 0–9, inside the package."""

    type: Literal["digits"]
    package: Literal["scikit-learn"]


class SplitFolders(Config):
    """Folder names of the splits below the root (ImageNet's test split is its `val`)."""

    train: Text = "train"
    test: Text = "test"

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.train == self.test:
            raise ValueError(f"train and test are both '{self.train}'; name two folders")
        return self


class FolderEntry(_Rooted):
    """Folders of images: `root/<split>/<class>/…`; serves ImageNet, VisDA2017, copies of CIFAR."""

    type: Literal["folder"]
    splits: SplitFolders = SplitFolders()
    classes: tuple[Text, ...] | None = None
    """Class folders in label order; without it all of them, sorted by name (torchvision's ImageFolder)."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.classes is not None and len(set(self.classes)) < len(self.classes):
            raise ValueError("classes names a class twice; name each once")
        return self


class TorchvisionEntry(_Rooted):
    """A published set as torchvision reads it, its published split into training and test images."""

    type: Literal["torchvision"]
    set: Literal["CIFAR10", "CIFAR100", "SVHN", "FashionMNIST", "MNIST"]
    """torchvision's class; SVHN without its `extra` images."""
    download: bool = False
    """Whether missing files are downloaded below the root when the set is first loaded."""

    @property
    def files(self) -> Names:
        """The files that must be there."""
        return TORCHVISION_SETS[self.set]


class SmallNorbEntry(_Rooted):
    """SmallNORB in its published binary matrix files, unpacked or gzipped: 24,300 + 24,300 pairs of grey 96×96."""

    type: Literal["smallnorb"]
    cameras: Literal["left", "right", "both"]
    """`left` is what Mehta 2019 (code) uses; `both`: each picture is a sample with its pair's label, the left one
    first. `size` of the DataSpec resizes them (Mehta's code: 32)."""

    @property
    def files(self) -> Names:
        """The files that must be there."""
        return SMALLNORB


class FileEntry(_Rooted):
    """A local file of weights."""

    type: Literal["file"]
    file: Text
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{8,64}$")
    """Checked at every read; its first 8 digits, which torchvision's file names have, are enough."""
    model: str | None = None
    """Which network it fits (a model's name, for people)."""
    prefix: str | None = None
    """What the network's parameter names begin with in the file, e.g. `module.encoder_q.`"""

    @model_validator(mode="after")
    def _suffix(self) -> Self:
        if not self.file.endswith(CHECKPOINT_SUFFIXES):
            raise ValueError(f"file '{self.file}' is none of {', '.join(CHECKPOINT_SUFFIXES)}")
        return self


class WeightsEntry(_Rooted):
    """torchvision's published weights; their file is checked by the hash in its name."""

    type: Literal["torchvision-weights"]
    root: Text = "${LTHKIT_CHECKPOINTS:-checkpoints}"
    weights: Text
    """Their name in torchvision, e.g. `ResNet50_Weights.IMAGENET1K_V1`."""
    download: bool = False
    """Whether a missing file is downloaded into the root when the checkpoint is first loaded."""
    prefix: ClassVar[None] = None


PublishedEntry = TorchvisionEntry | SmallNorbEntry
DatasetEntry = DigitsEntry | FolderEntry | PublishedEntry
CheckpointEntry = FileEntry | WeightsEntry

DATASET_TYPES: dict[str, type[DatasetEntry]] = {
    "digits": DigitsEntry,
    "folder": FolderEntry,
    "torchvision": TorchvisionEntry,
    "smallnorb": SmallNorbEntry,
}
CHECKPOINT_TYPES: dict[str, type[CheckpointEntry]] = {"file": FileEntry, "torchvision-weights": WeightsEntry}
