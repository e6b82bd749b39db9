"""What searches leave on a disk: sizes of all of it, and removal of what a finished search needs no more.

A finished search is its store and its weights, which are never touched here. Its training state, the left-overs of
killed writers and its lock are of no more use. Of an unfinished search everything stays, to go on from.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from lthkit.atomic import PARTIAL, left_overs
from lthkit.errors import LthkitError, StoreError
from lthkit.store import Store, open_store, start_file, state_file
from lthkit.store.files import all_left_overs, locked

# NAME of a search, from the names of what lies beside its store
_BESIDE = re.compile(r"(.+?)(?:\.zarr\.lock|\.state|(?:\.zarr|\.state)\.[0-9a-f]{32}\.partial)")


@dataclass(frozen=True)
class Item:
    """A file or folder of a search.

    Attributes:
        path: where it lies.
        kind: ``store``, ``weights``, ``training state``, ``left-over`` or ``lock``.
        nbytes: bytes of all files in it.
        search: the store that it belongs to, there or not.
        note: what is to be said of it.
    """

    path: Path
    kind: str
    nbytes: int
    search: Path
    note: str


def sizes(folder: Path | str) -> list[Item]:
    """All that searches have below ``folder``, by search, nothing twice; links are not followed.

    Raises:
        LthkitError: if there is no such folder.
    """
    found = [item for search in _searches(Path(folder)) for item in _items(search)]
    paths = {item.path for item in found}
    return [item for item in found if not paths.intersection(item.path.parents)]


def plan_removal(folder: Path | str) -> tuple[list[Item], list[Item]]:
    """What ``remove`` may take below ``folder``, and what it must leave although it is neither store nor weights.

    The notes of the latter say why.

    Raises:
        LthkitError: if there is no such folder.
    """
    going, staying = [], []
    for search in _searches(Path(folder)):
        items = [item for item in _items(search) if item.kind not in ("store", "weights")]
        reason = _reason_to_keep(search) if items else None
        for item in items:
            why = reason or _not_ours(item)
            if why is None:
                going.append(item)
            elif item.kind != "lock":
                staying.append(_noted(item, why))
    return going, staying


def remove(items: list[Item]) -> list[Item]:
    """Remove what ``plan_removal`` gave; under each search's lock, so that nothing in use goes.

    Returns:
        What was left after all because its search is in use or changed meanwhile; the notes say why.

    Raises:
        LthkitError: if the disk refuses.
    """
    left: list[Item] = []
    for search in dict.fromkeys(item.search for item in items):
        ours = [item for item in items if item.search == search]
        try:
            with locked(search) as lock:
                reason = _unfinished(search)
                if reason is None:
                    _delete([item.path for item in ours if item.kind != "lock"])
                    _delete_lock(search)
                lock.release()
        except StoreError as error:
            reason = str(error)
        left += [_noted(item, reason) for item in ours if reason]
    return left


def _searches(folder: Path) -> list[Path]:
    """Paths of the stores, there or not, that what lies below ``folder`` belongs to."""
    if not folder.is_dir():
        raise LthkitError(f"there is no folder '{folder}'; check the path")
    found = set()
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            beside = _BESIDE.fullmatch(name)
            if beside:
                found.add(Path(place) / f"{beside[1]}.zarr")
        for name in folders:
            if name.endswith((".zarr", ".weights")):
                found.add((Path(place) / name).with_suffix(".zarr"))
        folders[:] = [name for name in folders if not name.endswith((".zarr", ".weights", ".partial"))]
    return sorted(found)


def _items(search: Path) -> Iterator[Item]:
    weights, state = start_file(search).parent, state_file(search)
    if search.is_dir():
        yield _item(search, "store", search, _stage(search))
    if weights.is_dir():
        yield _item(weights, "weights", search)
    if state.is_file():
        yield _item(state, "training state", search)
    halves = [half for half in weights.glob("*.partial") if PARTIAL.fullmatch(half.name)]
    for half in [*left_overs(state), *halves, *all_left_overs(search)]:
        yield _item(half, "left-over", search)
    if _lock(search).is_file():
        yield _item(_lock(search), "lock", search)


def _lock(search: Path) -> Path:
    return search.with_name(f"{search.name}.lock")


def _item(path: Path, kind: str, search: Path, note: str = "") -> Item:
    files = path.rglob("*") if path.is_dir() else [path]
    return Item(path, kind, sum(_bytes(file) for file in files), search, note)


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size if path.is_file() else 0
    except FileNotFoundError:  # a search at work replaces files
        return 0


def _noted(item: Item, note: str) -> Item:
    return Item(item.path, item.kind, item.nbytes, item.search, note)


def _stage(search: Path) -> str:
    try:
        store = open_store(search)
    except StoreError:
        return "cannot be read"
    if "imported" in store.config:
        return f"imported, {store.rounds} rounds"
    if _finished(store):
        return f"finished, {store.rounds} rounds"
    return f"unfinished, {store.rounds} of {store.planned_rounds} rounds"


def _finished(store: Store) -> bool:
    return "imported" in store.config or store.scored == store.planned_rounds + 1


def _unfinished(search: Path) -> str | None:
    if not search.is_dir():
        return f"there is no {search.name} to tell whether its search is finished"
    try:
        store = open_store(search)
    except StoreError:
        return f"{search.name} cannot be read"
    if not _finished(store):
        return f"its search is unfinished, {store.scored} of {store.planned_rounds + 1} rounds are trained"
    return None


def _reason_to_keep(search: Path) -> str | None:
    reason = _unfinished(search)
    if reason is None and _lock(search).exists():
        try:
            with locked(search) as lock:
                lock.release()
        except StoreError as error:
            return str(error)
    return reason


def _not_ours(item: Item) -> str | None:
    """Why a file named like a training state is not one."""
    if item.kind != "training state":
        return None
    try:
        with safe_open(item.path, framework="np") as file:
            facts = json.loads((file.metadata() or {}).get("lthkit", "{}"))
    except (SafetensorError, OSError, ValueError):
        facts = {}
    return None if "header" in facts else "it is not a training state of lthkit"


def _delete(paths: list[Path]) -> None:
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise LthkitError(f"'{path}' cannot be removed ({error.strerror}); allow writing in its folder") from error


def _delete_lock(search: Path) -> None:
    if os.name != "nt":  # there an open file cannot be removed, and goes when it is released
        _delete([_lock(search)])
