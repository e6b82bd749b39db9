"""The catalog: its entries by name, where they lie and whether they are there."""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from lthkit.catalog.entries import (
    CHECKPOINT_TYPES,
    DATASET_TYPES,
    CheckpointEntry,
    DatasetEntry,
    DigitsEntry,
    Entry,
    FileEntry,
    FolderEntry,
    PublishedEntry,
    WeightsEntry,
)
from lthkit.catalog.paths import UnsetVariable, check_sha256, expand, inside
from lthkit.catalog.strict_yaml import read_yaml
from lthkit.catalog.weights import download_weights, weights_file
from lthkit.errors import LthkitError
from lthkit.project import CATALOG, nearest_catalog, supplied

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True)
class Row:
    """One line of `lthkit list`; `where` is the place of a present entry, else "absent: …" with the mend."""

    name: str
    kind: str
    type: str
    present: bool
    where: str
    licence: str


@dataclass(frozen=True)
class Catalog:
    """What `data_catalog.yaml` names.

    Attributes:
        path: the file.
        root: what relative roots are relative to: the file's folder, or the working folder where lthkit's own catalog
            is read for want of another.
        datasets: entries by name.
        checkpoints: entries by name.
    """

    path: Path
    root: Path
    datasets: Mapping[str, DatasetEntry]
    checkpoints: Mapping[str, CheckpointEntry]

    def dataset(self, name: str) -> DatasetEntry:
        """The data set's entry.

        Raises:
            LthkitError: no such entry; the sentence offers near names.
        """
        return _pick(self.datasets, name, "data set", self.path)

    def checkpoint(self, name: str) -> CheckpointEntry:
        """The checkpoint's entry.

        Raises:
            LthkitError: no such entry; the sentence offers near names.
        """
        return _pick(self.checkpoints, name, "checkpoint", self.path)

    def place(self, entry: FolderEntry | PublishedEntry | CheckpointEntry) -> Path:
        """The entry's root: absolute, symlinks resolved, whether it is there or not.

        Raises:
            LthkitError: an environment variable is not set.
        """
        return expand(entry.root, self.root, f"'{entry.name}'")

    def folder(self, entry: FolderEntry | CheckpointEntry) -> Path:
        """As `place`, an existing folder.

        Raises:
            LthkitError: a variable is not set or the folder is missing; the sentence says how to get it.
        """
        root = self.place(entry)
        if not root.is_dir():
            raise LthkitError(f"'{entry.name}': folder {root} is missing; to get it: {entry.get}")
        return root

    def found(self, entry: PublishedEntry) -> list[Path | None]:
        """The set's files in the order of `entry.files`, None for each that is missing.

        Raises:
            LthkitError: a variable is not set, or a link leads outside the root.
        """
        root, owner = self.place(entry), f"'{entry.name}'"
        paths = ([inside(root, name, owner) for name in names] for names in entry.files)
        return [next((path for path in alternatives if path.is_file()), None) for alternatives in paths]

    def files(self, entry: PublishedEntry) -> list[Path]:
        """As `found`, all of them there.

        Raises:
            LthkitError: files are missing; the sentence says which, where they belong and how to get them.
        """
        found = self.found(entry)
        missing = [names for names, path in zip(entry.files, found, strict=True) if path is None]
        if missing:
            folder = self.place(entry) / Path(missing[0][0]).parent
            names = ", ".join(Path(first).name + (" (or .gz)" if others else "") for first, *others in missing)
            raise LthkitError(f"'{entry.name}': missing from folder {folder}: {names}; to get them: {entry.get}")
        return [path for path in found if path is not None]

    def file(self, entry: CheckpointEntry) -> Path:
        """The checkpoint's file, inside its root.

        Raises:
            LthkitError: missing, or outside the root; torchvision has no such weights.
        """
        name = entry.file if isinstance(entry, FileEntry) else weights_file(entry)[0]
        path = inside(self.place(entry), name, f"'{entry.name}'")
        if not path.is_file():
            raise LthkitError(f"'{entry.name}': file {path} is missing; to get it: {entry.get}")
        return path

    def verified_file(self, entry: CheckpointEntry) -> Path:
        """As `file`, its SHA-256 checked where one is stated: what a reader of checkpoints calls.

        Named weights of torchvision whose entry says `download: true` are downloaded where missing.
        """
        if isinstance(entry, WeightsEntry):
            name, sha256 = weights_file(entry)
            root = self.place(entry)
            if entry.download and not (root / name).exists():
                download_weights(entry, root)
        else:
            sha256 = entry.sha256
        path = self.file(entry)
        if sha256 is not None:
            check_sha256(path, sha256, f"'{entry.name}'")
        return path

    def listing(self) -> list[Row]:
        """All entries, data sets first; never fails for an entry that is absent."""
        rows = [self._row("dataset", entry) for entry in self.datasets.values()]
        return rows + [self._row("checkpoint", entry) for entry in self.checkpoints.values()]

    def _row(self, kind: str, entry: DatasetEntry | CheckpointEntry) -> Row:
        try:
            present, where = True, self._place(entry)
        except UnsetVariable as error:
            present, where = False, f"absent: set {error.name}"
        except (LthkitError, OSError) as error:
            present, where = False, "absent: " + str(error).removeprefix(f"'{entry.name}': ")
        return Row(entry.name, kind, entry.type, present, where, entry.licence)

    def _place(self, entry: DatasetEntry | CheckpointEntry) -> str:
        if isinstance(entry, DigitsEntry):
            if importlib.util.find_spec("sklearn") is None:
                raise LthkitError(f"'{entry.name}': package scikit-learn is missing; {entry.get}")
            return f"package {entry.package}"
        if isinstance(entry, CheckpointEntry):
            return str(self.file(entry))
        if isinstance(entry, PublishedEntry):
            self.files(entry)
            return str(self.place(entry))
        root = self.folder(entry)
        for split in (entry.splits.train, entry.splits.test):
            if not inside(root, split, f"'{entry.name}'").is_dir():
                raise LthkitError(f"'{entry.name}': folder {root / split} is missing; to get it: {entry.get}")
        return str(root)


def load_catalog(path: str | Path | None = None) -> Catalog:
    """Read a catalog; nothing it names needs to be present.

    Args:
        path: the file; without it the one that LTHKIT_CATALOG names, else `data_catalog.yaml` in the working
            folder or the nearest folder above it, else the one that lthkit brings along.

    Raises:
        LthkitError: a fault in it (file and entry or line named).
    """
    chosen = path or os.environ.get("LTHKIT_CATALOG") or nearest_catalog()
    file = Path(chosen or supplied(CATALOG)).resolve()
    values = read_yaml(file)
    unknown = sorted(values.keys() - {"datasets", "checkpoints"})
    if unknown:
        raise LthkitError(f"{file}: unknown key '{unknown[0]}'; a catalog has `datasets` and `checkpoints`")
    return Catalog(
        path=file,
        root=file.parent if chosen else Path.cwd(),
        datasets=_entries(values.get("datasets"), DATASET_TYPES, "datasets", file),
        checkpoints=_entries(values.get("checkpoints"), CHECKPOINT_TYPES, "checkpoints", file),
    )


def _entries(section: Any, types: Mapping[str, type[E]], key: str, file: Path) -> dict[str, E]:
    if not isinstance(section, dict | None):
        raise LthkitError(f"{file}: '{key}' must be a mapping of names to entries")
    return {name: _entry(name, values, types, f"{file}: {key}.{name}") for name, values in (section or {}).items()}


def _entry(name: str, values: Any, types: Mapping[str, type[E]], where: str) -> E:
    if not isinstance(values, dict):
        raise LthkitError(f"{where}: must be a mapping of keys to values")
    if "name" in values:
        raise LthkitError(f"{where}: unknown key 'name'; an entry's name is its key in the catalog")
    kind = values.get("type")
    if not isinstance(kind, str) or kind not in types:
        raise LthkitError(f"{where}: type {kind!r} is unknown; use one of: {', '.join(types)}")
    return types[kind].parse({"name": name, **values}, where)


def _pick(entries: Mapping[str, E], name: str, kind: str, file: Path) -> E:
    if name in entries:
        return entries[name]
    near = get_close_matches(name, entries, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(match) for match in near)}? " if near else ""
    raise LthkitError(f"no {kind} '{name}' in {file}; {hint}`lthkit list` shows all entries")
