"""The one room that reads `data_catalog.yaml`: its entries know where they lie and how they are read."""

from lthkit.catalog.catalog import Catalog, Row, load_catalog
from lthkit.catalog.download import Published, size_of
from lthkit.catalog.entry import CheckpointEntry, DatasetEntry, Entry, Normalisation, Rooted
from lthkit.catalog.samples import DataSet, Samples
from lthkit.catalog.scenes import VOID, Objects, Scenes, SceneSet
from lthkit.catalog.strict_yaml import read_yaml
from lthkit.catalog.types import entry_class, entry_types

__all__ = [
    "VOID",
    "Catalog",
    "CheckpointEntry",
    "DataSet",
    "DatasetEntry",
    "Entry",
    "Normalisation",
    "Objects",
    "Published",
    "Rooted",
    "Row",
    "Samples",
    "SceneSet",
    "Scenes",
    "entry_class",
    "entry_types",
    "load_catalog",
    "read_yaml",
    "size_of",
]
