"""The catalog: its entries by name, where they lie and whether they are there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from lthkit.catalog.builtin import BUILT_IN
from lthkit.catalog.entry import CheckpointEntry, DatasetEntry, Entry
from lthkit.catalog.paths import UnsetVariable
from lthkit.catalog.strict_yaml import read_yaml
from lthkit.catalog.types import Section, entry_class, entry_types
from lthkit.errors import LthkitError
from lthkit.project import CATALOG, nearest_catalog, supplied

KINDS: dict[Section, str] = {"datasets": "dataset", "checkpoints": "checkpoint"}

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True)
class Row:
    """One line of `lthkit list`.

    Attributes:
        name: of the entry.
        kind: `dataset` or `checkpoint`.
        type: as the catalog names it.
        present: whether all of it is there.
        where: its place; else "absent: …" or "faulty: …" with the mend.
        licence: with place and day where it was read.
        problem: what is wrong with a faulty entry, which cannot be used.
    """

    name: str
    kind: str
    type: str
    present: bool
    where: str
    licence: str
    problem: str | None = None


@dataclass(frozen=True)
class Catalog:
    """What `data_catalog.yaml` names, beside the built-in entries.

    Attributes:
        path: the file.
        datasets: entries by name.
        checkpoints: entries by name.
        faulty: entries that cannot be used.
        base: what relative roots count from, if not from the file's folder.
    """

    path: Path
    datasets: Mapping[str, DatasetEntry]
    checkpoints: Mapping[str, CheckpointEntry]
    faulty: tuple[Row, ...] = ()
    base: Path | None = None

    @property
    def root(self) -> Path:
        """What relative roots count from: the file's folder, or the working folder for lthkit's own catalog."""
        return self.base or self.path.parent

    def dataset(self, name: str) -> DatasetEntry:
        """The data set's entry.

        Raises:
            LthkitError: no such entry; the sentence offers near names. Or a faulty one; the sentence names the fault.
        """
        return self._pick(self.datasets, name, "dataset")

    def checkpoint(self, name: str) -> CheckpointEntry:
        """The checkpoint's entry.

        Raises:
            LthkitError: no such entry; the sentence offers near names. Or a faulty one; the sentence names the fault.
        """
        return self._pick(self.checkpoints, name, "checkpoint")

    def entry(self, name: str) -> DatasetEntry | CheckpointEntry:
        """The entry of that name, a data set or a checkpoint.

        Raises:
            LthkitError: as `dataset`; also if both a data set and a checkpoint have the name.
        """
        if name in self.datasets and name in self.checkpoints:
            raise LthkitError(f"{self.path} has a data set and a checkpoint '{name}'; give one another name")
        faulty = [row.kind for row in self.faulty if row.name == name]
        if name in self.checkpoints or faulty == ["checkpoint"]:
            return self.checkpoint(name)
        known: dict[str, DatasetEntry | CheckpointEntry] = {**self.datasets, **self.checkpoints}
        return self._pick(known, name, "dataset")

    def _pick(self, entries: Mapping[str, E], name: str, kind: str) -> E:
        for row in self.faulty:
            if (row.name, row.kind) == (name, kind):
                raise LthkitError(row.problem or "")
        if name in entries:
            return entries[name]
        near = get_close_matches(name, entries, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(repr(match) for match in near)}? " if near else ""
        what = "data set" if kind == "dataset" else kind
        raise LthkitError(f"no {what} '{name}' in {self.path}; {hint}`lthkit list` shows all entries")

    def listing(self) -> list[Row]:
        """All entries, data sets first, then the faulty ones; never fails for one that is absent or faulty."""
        rows = [self._row("dataset", entry) for entry in self.datasets.values()]
        rows += [self._row("checkpoint", entry) for entry in self.checkpoints.values()]
        return [*rows, *self.faulty]

    def _row(self, kind: str, entry: Entry) -> Row:
        present, where = True, ""
        try:
            where = str(entry.locate(self.root))
        except UnsetVariable as error:
            present, where = False, f"absent: set {error.name}"
        except (LthkitError, OSError) as error:
            present, where = False, "absent: " + str(error).removeprefix(f"'{entry.name}': ")
        read = f" ({entry.licence_read})" if entry.licence_read else ""
        return Row(entry.name, kind, entry.type, present, where, entry.licence + read)


def load_catalog(path: str | Path | None = None) -> Catalog:
    """Read a catalog; nothing it names needs to be present.

    Args:
        path: the file; without it the one that LTHKIT_CATALOG names, else `data_catalog.yaml` in the working
            folder or the nearest folder above it; else the one that
            lthkit brings along.

    Raises:
        LthkitError: the file cannot be read, or has a fault outside its entries (file and line named). A fault in an
            entry is told by `Catalog.listing`, and by whoever uses it.
    """
    chosen = path or os.environ.get("LTHKIT_CATALOG") or nearest_catalog()
    file = Path(chosen or supplied(CATALOG)).resolve()
    values = read_yaml(file)
    unknown = sorted(values.keys() - BUILT_IN.keys())
    if unknown:
        raise LthkitError(f"{file}: unknown key '{unknown[0]}'; a catalog has `datasets` and `checkpoints`")
    return replace(_parsed(file, values), base=None if chosen else Path.cwd())


def _parsed(file: Path, values: Mapping[str, Any]) -> Catalog:
    good: dict[Section, dict[str, Any]] = {"datasets": {}, "checkpoints": {}}
    bad = []
    for section, entries in good.items():
        given = values.get(section)
        if not isinstance(given, dict | None):
            raise LthkitError(f"{file}: '{section}' must be a mapping of names to entries")
        for name, entry in (BUILT_IN[section] | (given or {})).items():
            try:
                entries[name] = _entry(name, entry, section, f"{file}: {section}.{name}")
            except LthkitError as error:
                type = entry.get("type") if isinstance(entry, dict) else None
                bad.append(Row(name, KINDS[section], str(type), False, f"faulty: {error}", "", str(error)))
    return Catalog(file, good["datasets"], good["checkpoints"], tuple(bad))


def _entry(name: str, values: Any, section: Section, where: str) -> Entry:
    if not isinstance(values, dict):
        raise LthkitError(f"{where}: must be a mapping of keys to values")
    if "name" in values:
        raise LthkitError(f"{where}: unknown key 'name'; an entry's name is its key in the catalog")
    type, types = values.get("type"), entry_types(section)
    if type not in types:
        raise LthkitError(f"{where}: type {type!r} is unknown; use one of: {', '.join(types)}")
    return entry_class(section, type).parse({"name": name, **values}, where)
