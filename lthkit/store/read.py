"""The reader's view of a store: a snapshot of what was committed when it was opened.

Readers need no lock. They take ``rounds`` first and the data then; a writer at work only replaces codes above
``rounds`` (read as 255) and rows of scores from ``scored`` on (cut off), so what they see never changes.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from lthkit.codes import SURVIVOR, Codes
from lthkit.config import canonical_sha256
from lthkit.errors import StoreError
from lthkit.store import extra
from lthkit.store.arrays import open_group, place, read_variable
from lthkit.store.files import parallel
from lthkit.store.format import (
    MASKS,
    MEND,
    SCHEMA_VERSION,
    SCORES,
    MasksAttributes,
    RootAttributes,
    Variable,
    check_names,
    check_scores,
    dimension_names,
    sha256,
    unseal,
)
from lthkit.store.promises import enough_memory
from lthkit.store.show import html, summary


@dataclass(frozen=True, repr=False)
class Store:
    """One search on disk, as committed when it was opened (``open_store``)."""

    path: Path
    committed: MasksAttributes
    root: RootAttributes

    def __repr__(self) -> str:
        said = summary(self.rounds, self.planned_rounds, self.parameters, self.counts)
        return f"Store('{self.path}', {said})"

    def _repr_html_(self) -> str:
        return html(repr(self), self.parameters, self.counts)

    @property
    def rounds(self) -> int:
        """Prunings committed."""
        return self.committed.rounds

    @property
    def scored(self) -> int:
        """Rounds ``first_round`` … ``scored`` − 1 are trained and have scores."""
        return self.committed.scored

    @property
    def first_round(self) -> int:
        """The round of the stored mask that the search started from; 0 if it started dense."""
        return self.committed.first_round

    @property
    def planned_rounds(self) -> int:
        """The last round the search is to reach."""
        return self.root.planned_rounds

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the prunable parameters, in manifest order."""
        return {variable.name: variable.shape for variable in self.committed.parameters}

    @property
    def counts(self) -> dict[str, int]:
        """Weights left in each parameter after the last committed round."""
        return {variable.name: variable.left for variable in self.committed.parameters}

    @property
    def config(self) -> dict[str, Any]:
        """The complete configuration of the search."""
        return self.root.config

    @property
    def config_sha256(self) -> str:
        """SHA-256 of the configuration as canonical JSON (``lthkit.config.canonical_sha256``)."""
        return self.root.config_sha256

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the search comes from: starting weights, versions, parent store and round."""
        return self.root.provenance

    @property
    def identity(self) -> str | None:
        """SHA-256 of all that decides the search's numbers, by content; stores of schema 1 and imports have none."""
        return self.provenance.get("search")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the score columns."""
        return self.root.metrics

    @property
    def evaluations(self) -> int:
        """Most evaluations a round has."""
        return self.root.evaluations

    @property
    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(entry.stat().st_size for entry in self.path.rglob("*") if entry.is_file())

    def codes(self) -> Codes:
        """The round in which each weight dies, 255 for survivors; checked against counts and hashes.

        Raises:
            StoreError: naming the variable that is damaged.
        """
        return self._read(None)

    def masks(self, round: int) -> dict[str, np.ndarray]:
        """Which weights are left after ``round`` prunings (0 = dense), as bool arrays; checked as ``codes``.

        Raises:
            StoreError: if the round is not committed or a variable is damaged.
        """
        if not 0 <= round <= self.rounds:
            raise StoreError(f"{self.path} has no round {round}; choose one from 0 to {self.rounds}")
        return self._read(round)

    def _read(self, round: int | None) -> dict[str, np.ndarray]:
        group = open_group(self.path, MASKS)
        work = partial(_checked, group, self.rounds, round)
        return dict(zip(self.parameters, parallel(work, self.committed.parameters), strict=True))

    def pruned_at(self) -> xr.Dataset:
        """``codes`` as labelled arrays: dimensions ``<name>.out``, ``.in``, ``.kh``, ``.kw``."""
        variables = {name: (dimension_names(name, code.shape), code) for name, code in self.codes().items()}
        keys = ("schema_version", "rounds", "first_round")
        return xr.Dataset(variables, attrs={key: getattr(self.committed, key) for key in keys})

    def scores(self) -> xr.Dataset:
        """Scores of the finished trainings: a variable per metric over ``round`` and ``evaluation``, NaN = none.

        Raises:
            StoreError: naming the column that is damaged.
        """
        columns = self.score_columns()
        rounds = np.arange(self.first_round, self.scored)
        variables = {name: (("round", "evaluation"), column[rounds]) for name, column in columns.items()}
        return xr.Dataset(variables, coords={"round": rounds})

    def score_columns(self) -> dict[str, np.ndarray]:
        """Float64 arrays of shape (planned_rounds + 1, evaluations) by metric, NaN from ``scored`` on."""
        group = open_group(self.path, SCORES)
        shape = (self.planned_rounds + 1, self.evaluations)
        columns = {}
        for name, committed in self.committed.scores_sha256.items():
            column = read_variable(group, name, shape, "float64", unwritten=True)
            if sha256(column[: self.scored]) != committed:
                raise StoreError(f"{self.path}: the scores '{name}' are not those committed; {MEND}")
            column[self.scored :] = np.nan
            columns[name] = column
        return columns

    def extra(self) -> dict[str, dict[str, Any] | None]:
        """Names of the foreign masks, each with its recipe if it has one."""
        return extra.listing(self.path, self.committed.root_sha256)

    def read_extra(self, name: str) -> dict[str, np.ndarray]:
        """A foreign mask as bool arrays, checked against its SHA-256.

        Raises:
            StoreError: if there is none of that name or it is damaged.
        """
        return extra.read(self.path, name, self.committed.root_sha256)


StoreLike = Store | Path | str


def as_store(given: StoreLike) -> Store:
    """What takes a store takes its path, too.

    Raises:
        LthkitError: if it is neither; as ``open_store``.
    """
    return given if isinstance(given, Store) else open_store(given)


def open_store(path: Path | str) -> Store:
    """Open a store for reading; any number of readers may, also while a writer works.

    Raises:
        StoreError: if it is no store, of a newer schema, or its attributes were changed.
    """
    if not isinstance(path, str | Path):
        raise StoreError(f"a {type(path).__name__} is no store; give the path of a NAME.zarr, or what open_store gives")
    path = Path(path)
    if not _is_there(path):
        raise StoreError(f"there is no store at {path}; check the path")
    values = dict(open_group(path, MASKS).attrs)
    _check_schema(path, values.get("schema_version"))
    committed = unseal(values, MasksAttributes, f"group '{MASKS}' of {path}")
    values = dict(open_group(path, "").attrs)
    root = unseal(values, RootAttributes, f"{path}")
    if canonical_sha256(root.config) != root.config_sha256:
        raise StoreError(f"the configuration in {path} does not fit its SHA-256; {MEND}")
    bond = values["sha256"] if root.schema_version > 1 else None
    if (committed.schema_version, committed.root_sha256) != (root.schema_version, bond):
        raise StoreError(f"group '{MASKS}' of {path} belongs to another store; {MEND}")
    _check_sense(path, committed, root)
    return Store(path, committed, root)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError) as error:
        raise StoreError(f"there can be no store at {path} ({error}); check the path") from None


def _check_sense(path: Path, committed: MasksAttributes, root: RootAttributes) -> None:
    """Refuse what no writer writes, though its seal fits."""
    in_order = committed.first_round <= committed.rounds <= root.planned_rounds
    if not in_order or not committed.first_round <= committed.scored <= committed.rounds + 1:
        raise StoreError(f"the attributes of {path} contradict each other; {MEND}")
    names = tuple(variable.name for variable in committed.parameters)
    try:
        check_names(names, "parameter")
        check_scores(root.metrics, root.planned_rounds, root.evaluations)
    except StoreError as error:
        raise StoreError(f"the attributes of {path} make no sense ({error}); {MEND}") from None
    if committed.scores_sha256.keys() != set(root.metrics):
        raise StoreError(f"the scores that {path} has and those it committed differ in their names; {MEND}")
    there = {entry.parent.name for entry in (path / MASKS).glob("*/zarr.json")}
    if there - set(names):
        raise StoreError(f"{path} has masks of '{min(there - set(names))}', which its attributes do not name; {MEND}")


def _check_schema(path: Path, version: object) -> None:
    if not isinstance(version, int) or version < 1:
        raise StoreError(f"{path} is not an lthkit store: its schema version is {version!r}; check the path")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema {version} but this lthkit reads up to {SCHEMA_VERSION}; install a newer lthkit"
        )


def _checked(group: zarr.Group, rounds: int, round: int | None, variable: Variable) -> np.ndarray:
    """Codes of one parameter, or its mask at ``round``, if they are those committed."""
    where = f"{place(group)}: the codes of '{variable.name}'"
    codes = read_variable(group, variable.name, variable.shape, "uint8")
    with enough_memory(where):
        return _verified(codes, rounds, round, variable, where)


def _verified(codes: np.ndarray, rounds: int, round: int | None, variable: Variable, where: str) -> np.ndarray:
    alive = np.asarray(codes > rounds)
    left = np.count_nonzero(alive)
    if left != np.count_nonzero(codes == SURVIVOR):  # a commit is under way
        codes[alive] = SURVIVOR
    if not codes.all():
        raise StoreError(f"{where} hold 0, which no code is; {MEND}")
    if sha256(codes) != variable.data_sha256:
        raise StoreError(f"{where} are not those committed; {MEND}")
    if left != variable.left:
        raise StoreError(f"{where} leave {left} weights, not the {variable.left} committed; {MEND}")
    return codes if round is None else np.asarray(codes > round)
