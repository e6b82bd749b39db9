"""The one room that reads `data_catalog.yaml` and knows where data sets and checkpoints lie."""

from lthkit.catalog.catalog import Catalog, Row, load_catalog
from lthkit.catalog.entries import (
    CHECKPOINT_TYPES,
    DATASET_TYPES,
    CheckpointEntry,
    DatasetEntry,
    DigitsEntry,
    FileEntry,
    FolderEntry,
    Normalisation,
    SmallNorbEntry,
    SplitFolders,
    TorchvisionEntry,
    WeightsEntry,
)
from lthkit.catalog.paths import check_sha256, expand, inside
from lthkit.catalog.strict_yaml import read_yaml

__all__ = [
    "CHECKPOINT_TYPES",
    "DATASET_TYPES",
    "Catalog",
    "CheckpointEntry",
    "DatasetEntry",
    "DigitsEntry",
    "FileEntry",
    "FolderEntry",
    "Normalisation",
    "Row",
    "SmallNorbEntry",
    "SplitFolders",
    "TorchvisionEntry",
    "WeightsEntry",
    "check_sha256",
    "expand",
    "inside",
    "load_catalog",
    "read_yaml",
]
