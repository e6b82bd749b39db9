"""One published file from the network: resumed where it was cut off, checked, and only then under its name."""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from filelock import FileLock, Timeout

from lthkit.atomic import sync
from lthkit.errors import LthkitError, RunFailed

PART = ".part"
"""Ending of what has arrived so far, beside the file; the next download goes on from there."""
_PATIENCE = 30.0
_BLOCK = 1 << 18
_COMPLETE = 416  # the range asked for begins at the end


@dataclass(frozen=True)
class Published:
    """A file as its publisher offers it.

    Attributes:
        urls: where it can be had, tried in this order.
        name: path below the entry's root.
        digest: algorithm, and the hash or its first digits, as the publisher states it; None if none is stated.
    """

    urls: tuple[str, ...]
    name: str
    digest: tuple[str, str] | None

    @property
    def host(self) -> str:
        """Of the first address."""
        return urlparse(self.urls[0]).netloc


def size_of(file: Published) -> int | None:
    """Bytes that the publisher says the file has; None if it does not say, or cannot be reached."""
    for url in file.urls:
        with suppress(OSError, HTTPException, ValueError), urlopen(_request(url, "HEAD"), timeout=_PATIENCE) as answer:
            return int(answer.headers["Content-Length"])
    return None


@contextmanager
def alone(root: Path, name: str) -> Iterator[None]:
    """Only one process gets an entry's files at a time; others wait, and find them.

    Raises:
        LthkitError: if another process has held it for an hour.
    """
    root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root / f".{name}.lock", timeout=3600):
            yield
    except Timeout:
        raise LthkitError(f"'{name}' is being downloaded by another process; wait for it, or stop it") from None


def download(file: Published, root: Path, owner: str, mend: str) -> Path:
    """Get a file below ``root`` unless it is there; what arrived of it before is not asked for again.

    Args:
        file: what to get.
        root: the entry's folder.
        owner: how the user calls it, for errors.
        mend: how to get it by hand.

    Returns:
        The file, whole, with the hash that is stated.

    Raises:
        RunFailed: the publisher cannot be reached or sends something else; what has arrived is kept.
        LthkitError: the disk refuses.
    """
    path = root / file.name
    if path.is_file():
        return path
    part = path.with_name(path.name + PART)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _fetch_published(file, part, owner, mend)
        sync(part)
        os.replace(part, path)
        sync(path.parent)
    except OSError as error:
        raise LthkitError(
            f"{owner}: '{path}' cannot be written ({error.strerror or error}); make room or choose another folder"
        ) from error
    return path


def _fetch_published(file: Published, part: Path, owner: str, mend: str) -> None:
    """``_fetch``, checked; what began with the beginning of another version is fetched once more, as a whole."""
    for _ in range(2 if part.exists() else 1):
        _fetch(file, part, owner, mend)
        if _is_published(file, part):
            return
        part.unlink()
    raise RunFailed(
        f"{owner}: download failed: {file.host} sent another file than the published one (the hash of "
        f"{Path(file.name).name} differs), which is not kept; to get it by hand: {mend}"
    )


def _fetch(file: Published, part: Path, owner: str, mend: str) -> None:
    """Bring ``part`` to its end from the first address that answers."""
    reasons = []
    for url in file.urls:
        try:
            return _receive(url, part, file.name)
        except _Cut as error:
            reasons.append(f"{urlparse(url).netloc}: {error}")
    kept = f"; {part.stat().st_size:,} bytes are kept and gone on from" if part.exists() else ""
    raise RunFailed(
        f"{owner}: download failed ({', '.join(reasons)}){kept}; {part.with_suffix('').name} belongs in {part.parent}; "
        f"to get it by hand: {mend}"
    )


class _Cut(Exception):
    """The network's part of a failure."""


def _receive(url: str, part: Path, name: str) -> None:
    have = part.stat().st_size if part.exists() else 0
    try:
        answer = urlopen(_request(url, "GET", have), timeout=_PATIENCE)
    except HTTPError as error:
        if error.code == _COMPLETE and have:
            return
        raise _Cut(f"HTTP {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise _Cut(str(getattr(error, "reason", error))) from None
    with answer:
        resumed = answer.status == 206
        rest = answer.headers["Content-Length"]
        with part.open("ab" if resumed else "wb") as target, _bar(name, have * resumed, rest) as bar:
            got = 0
            for block in _blocks(answer):
                target.write(block)
                got += len(block)
                bar.update(len(block))
    if rest is not None and got < int(rest):
        raise _Cut(f"cut off after {have * resumed + got:,} of {have * resumed + int(rest):,} bytes")


def _blocks(answer: Any) -> Iterator[bytes]:
    while True:
        try:
            block = answer.read(_BLOCK)
        except (OSError, HTTPException) as error:
            raise _Cut(str(error) or type(error).__name__) from None
        if not block:
            return
        yield block


def _bar(name: str, have: int, rest: str | None) -> Any:
    from tqdm import tqdm

    total = have + int(rest) if rest is not None else None
    return tqdm(
        desc=Path(name).name,
        initial=have,
        total=total,
        unit="B",
        unit_scale=True,
        file=sys.stderr,
        disable=not sys.stderr.isatty(),
        leave=False,
    )


def _request(url: str, method: str, start: int = 0) -> Request:
    headers = {"User-Agent": "lthkit"} | ({"Range": f"bytes={start}-"} if start else {})
    return Request(url, headers=headers, method=method)


def _is_published(file: Published, path: Path) -> bool:
    if file.digest is None:
        return True
    algorithm, stated = file.digest
    with path.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.new(algorithm)).hexdigest().startswith(stated)
