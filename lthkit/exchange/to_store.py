"""A store from others' masks: nested ones become its rounds, those that are not are kept beside as ``extra``."""

import platform
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lthkit import masks as masking
from lthkit import models
from lthkit import store as stores
from lthkit.atomic import partial, sync
from lthkit.codes import MOST_ROUNDS, Codes, survivors
from lthkit.errors import LthkitError
from lthkit.exchange.foreign import Foreign, Manifest, read_foreign
from lthkit.masks import Masks
from lthkit.models import ModelSpec
from lthkit.store import Store
from lthkit.store.files import unwritable

_KINDS = {"prune": "masks of torch.nn.utils.prune", "mask": "masks", "weights": "sparse weights"}
_SWITCHES = {"prune_first": "--first", "prune_linear": "--linear", "prune_head": "--head"}


@dataclass(frozen=True)
class Taken:
    """What became of one file.

    Attributes:
        file: as given.
        sha256: of the file.
        kind: its form, see ``exchange.foreign``.
        prefix: stripped from its names.
        left: weights left.
        round: of the store that it became, None if none.
        extra: name of the extra mask that it became, None if none.
        reason: why it is no round.
        notes: what was assumed or left out.
    """

    file: str
    sha256: str
    kind: str
    prefix: str
    left: int
    round: int | None = None
    extra: str | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        became = f"round {self.round}" if self.round else f"extra mask '{self.extra}'" if self.extra else "no round"
        under = f" under '{self.prefix}'" if self.prefix else ""
        why = f" ({self.reason})" if self.reason else ""
        notes = "".join(f"; {note}" for note in self.notes)
        return f"{self.file}: {_KINDS[self.kind]}{under}, {self.left:,} weights left: {became}{why}{notes}"


@dataclass(frozen=True)
class Imported:
    """A store made from others' masks, and what became of each file."""

    store: Store
    files: tuple[Taken, ...]

    def __str__(self) -> str:
        made = f"{self.store.path}: {self.store.rounds} rounds, {len(self.store.extra())} extra masks"
        return "\n".join([*(str(file) for file in self.files), made])


def import_masks(
    files: Sequence[Path | str],
    model: ModelSpec,
    path: Path | str,
    *,
    classes: int = 10,
    rate: float | None = None,
    missing_dense: bool = False,
) -> Imported:
    """Make a store from others' masks, one file a round, in the order given.

    Each mask that is a subset of the one before becomes the next round; dense ones at the front are skipped; one
    that is not nested becomes an extra mask with its file and the reason in its recipe. The store appears whole or
    not at all. Its configuration is ``{"imported": …}``, its provenance names each file and its SHA-256.

    Args:
        files: see ``exchange.foreign`` for their forms.
        model: the network that the masks are of, which of it is prunable, and the prefix if it must be stated.
        path: of the new store, ending in ``.zarr``.
        classes: number of classes, for networks whose shapes depend on it.
        rate: fraction that each round is said to remove; the counts are checked against it.
        missing_dense: parameters that a file does not name are not pruned.

    Raises:
        LthkitError: something at ``path``, a file that cannot be used (see ``read_foreign``), one given twice,
            no mask that removes anything, counts that do not fit the rate.
    """
    path = Path(path)
    _check(files, model, path)
    manifest = _manifest(model, classes)
    sequence = _Sequence(manifest.parameters)
    for file in files:
        sequence.add(read_foreign(Path(file), manifest, prefix=model.prefix, missing_dense=missing_dense), rate)
    if not sequence.round and not sequence.extra:
        raise LthkitError(f"none of the {len(files)} files removes a weight; give masks of pruned networks")
    config = {"imported": {"model": model.plain(), "classes": classes, "rate": rate, "missing_dense": missing_dense}}
    return Imported(_write(path, config, sequence), tuple(sequence.taken))


def _check(files: Sequence[Path | str], model: ModelSpec, path: Path) -> None:
    if path.suffix != ".zarr":
        raise LthkitError(f"'{path}' must end in .zarr; the store is a zarr directory")
    if path.exists():
        raise LthkitError(f"{path} exists already; choose another name")
    if not files:
        raise LthkitError("no mask files are given; give at least one")
    if model.checkpoint is not None:
        raise LthkitError(f"importing masks takes no checkpoint ('{model.checkpoint}'); give it to the search instead")


def _manifest(spec: ModelSpec, classes: int) -> Manifest:
    network = models.build(spec, classes, seed=0)
    parameters = models.prunable_of(network, spec)
    optional: dict[str, str] = {}
    for switch, option in _SWITCHES.items():
        with suppress(LthkitError):  # what it would add may be unusable, which matters only to those who set it
            wider = models.prunable_of(network, spec.model_copy(update={switch: True}))
            optional |= dict.fromkeys(wider.keys() - parameters.keys(), f"{switch} ({option})")
    return Manifest(parameters, optional)


@dataclass
class _Sequence:
    """The rounds so far."""

    parameters: dict[str, tuple[int, ...]]
    round: int = 0
    taken: list[Taken] = field(default_factory=list)
    extra: dict[str, tuple[Masks, Taken]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.codes: Codes = survivors(self.parameters)
        self.masks: Masks = masking.dense(self.parameters)

    def add(self, foreign: Foreign, rate: float | None) -> None:
        """Make a file the next round, an extra mask, or nothing."""
        self._refuse_twice(foreign)
        left = masking.left(foreign.masks)
        taken = Taken(str(foreign.path), foreign.sha256, foreign.kind, foreign.prefix, left, notes=foreign.notes)
        back = _kept_again(foreign.masks, self.masks)
        if back:
            taken = self._aside(taken, foreign.masks, f"it keeps {back:,} weights that {self._last()} removed")
        elif not self.round and left == masking.size(foreign.masks):
            taken = replace(taken, reason="it is dense")
        else:
            taken = self._next(taken, foreign.masks, rate)
        self.taken.append(taken)

    def _next(self, taken: Taken, masks: Masks, rate: float | None) -> Taken:
        if self.round == MOST_ROUNDS:
            raise LthkitError(f"there are more than {MOST_ROUNDS} masks; import fewer into one store")
        self.round += 1
        if rate is not None:
            _check_rate(taken, self.round, masks, rate)
        self.codes = masking.record(self.codes, masks, self.round)
        self.masks = masks
        return replace(taken, round=self.round)

    def _aside(self, taken: Taken, masks: Masks, reason: str) -> Taken:
        base = re.sub(r"[^\w.@+-]", "_", Path(taken.file).stem, flags=re.ASCII).lstrip("_.@+-") or "mask"
        names = [base, *(f"{base}-{number}" for number in range(2, len(self.extra) + 3))]
        taken = replace(taken, extra=next(name for name in names if name not in self.extra), reason=reason)
        self.extra[str(taken.extra)] = (masks, taken)
        return taken

    def _last(self) -> str:
        return f"{next(file.file for file in self.taken if file.round == self.round)} (round {self.round})"

    def _refuse_twice(self, foreign: Foreign) -> None:
        for taken in self.taken:
            if taken.sha256 == foreign.sha256:
                raise LthkitError(f"'{taken.file}' and '{foreign.path}' are the same file; give each round once")


def _kept_again(masks: Masks, before: Masks) -> int:
    """Weights left in ``masks`` that ``before`` removes; 0 if they are nested."""
    return masking.left({name: mask & ~before[name] for name, mask in masks.items()})


def _check_rate(taken: Taken, round: int, masks: Masks, rate: float) -> None:
    """Others round in each layer and round, so each may be one weight off a round."""
    expected = masking.weights_left(masking.size(masks), rate, round)
    if abs(taken.left - expected) > round * len(masks):
        raise LthkitError(
            f"'{taken.file}' leaves {taken.left:,} of {masking.size(masks):,} weights as round {round}, but rate "
            f"{rate} leaves {expected:,}; correct the rate, the files' order or what is prunable, or leave the rate out"
        )


def _write(path: Path, config: dict[str, Any], sequence: _Sequence) -> Store:
    """Built in a folder beside and renamed; should this be killed, what is left over is named as the store's own."""
    folder = partial(path)
    try:
        with unwritable(path):
            folder.mkdir(parents=True)
        built = folder / path.name
        with stores.create(
            built,
            parameters=sequence.parameters,
            config=config,
            provenance=_provenance(sequence.taken),
            metrics=(),
            rounds=sequence.round,
            evaluations=1,
        ) as writer:
            writer.commit(sequence.codes, rounds=sequence.round, scored=0, scores={})
            for name, (masks, taken) in sequence.extra.items():
                writer.write_extra(name, {key: mask.numpy() for key, mask in masks.items()}, _recipe(taken))
        with unwritable(path):
            built.rename(path)
            sync(path.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return stores.open_store(path)


def _provenance(taken: Sequence[Taken]) -> dict[str, Any]:
    packages = ("lthkit", "torch", "numpy", "zarr", "xarray")
    files = [
        {
            "file": file.file,
            "sha256": file.sha256,
            "kind": file.kind,
            "became": f"round {file.round}" if file.round else f"extra {file.extra}" if file.extra else "no round",
        }
        | ({"prefix": file.prefix} if file.prefix else {})
        | ({"notes": "; ".join(file.notes)} if file.notes else {})
        for file in taken
    ]
    versions = {"python": platform.python_version()} | {name: version(name) for name in packages}
    return {"imported": files, "versions": versions}


def _recipe(taken: Taken) -> dict[str, Any]:
    return {"file": taken.file, "sha256": taken.sha256, "reason": taken.reason}
