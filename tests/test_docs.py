"""The documents are true: API pages are what the sources say, and the guides' blocks run as they stand."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lthkit
from lthkit.store import create, open_store

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.fixture
def make_api(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(DOCS)
    import make_api

    return make_api


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Language, file name (or "") and text of each fenced block."""
    found = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", page.read_text(), flags=re.M | re.S)
    return [(language, name, text) for language, name, text in found]


def run_all(page: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Run a page in the working folder: files are saved, sh and python are run, what a text block shows was printed."""
    names: dict[str, Any] = {"__name__": "guide"}
    printed = ""
    for language, file, text in blocks(page):
        if file:
            Path(file).write_text(text)
        elif language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(text, page.name, "exec"), names)
            printed = output.getvalue()
        elif language == "sh":
            done = subprocess.run(["sh", "-e", "-c", text], env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            printed = done.stdout
        else:
            assert language == "text", f"{page.name}: nobody runs a block of {language}"
            assert printed == text
    return names


# --- API pages ------------------------------------------------------------------------------------------------


def test_api_pages_are_what_the_sources_say(make_api: Any) -> None:
    expected = make_api.pages()
    found = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "api").glob("*")}
    stale = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    assert not stale, f"docs/api is out of date ({', '.join(stale)}); run `make docs`"


def test_every_room_and_every_public_name_has_its_place(make_api: Any) -> None:
    pages = make_api.pages()
    for room in lthkit._ROOMS:
        for name in getattr(getattr(lthkit, room), "__all__", []):
            assert f"\n## {name}\n" in pages[f"{room}.md"]
    assert all(f"`lthkit.{name}`" in pages["README.md"] for name in lthkit._NAMES)


PACKAGE = {
    "__init__.py": '_NAMES = {"go": "room"}\n',
    "_hidden.py": "",
    "single.py": '''"""One file.

More."""
from os import path
LIMIT = 3
_secret = 4
T = TypeVar("T")
def f(): ...
''',
    "room/__init__.py": '''"""A room
of two lines."""
from pack.room import tools
from pack.room.inner import start as go, Thing
__all__ = ["Thing", "go", "tools"]
''',
    "room/tools.py": '"""Some tools."""\ndef use(*things: int, **more): ...\n',
    "room/inner.py": '''
class _Base:
    root: str
    """Where it
    lies."""

class Thing(_Base):
    """A thing.

    Attributes:
        size, weight: of it,
            in units.
    """

    size: int = field(
        default=1,
    )
    _own: int

    def __init__(self, size=1) -> None: ...

    @property
    def big(self) -> bool:
        """Whether it is."""

    def grow(self, by: float = 0.5, *, twice: bool = False) -> "Thing":
        """Larger.

        Returns:
            Another: not
            this one.

        Said after.

        Raises:
            ValueError: too large.
            OSError
        """

    def silent(self): ...

def start(first: dict[str, "int"] = {"a": 1}, /, second_of_a_long_name: int = 1, third_of_a_long_name: str = ","): ...
''',
}
ROOM = """\
# pack.room

A room
of two lines.

## Thing

```python
class Thing(_Base):
    root: str
    size: int = field(
        default=1,
    )
```

A thing.

**Attributes:**

- `size, weight`: of it, in units.

```python
Thing(size=1)
```

- `root`: Where it lies.
- `big` (bool): Whether it is.

### Thing.grow

```python
grow(by: float = 0.5, *, twice: bool = False) -> "Thing"
```

Larger.

**Returns:** Another: not this one.

Said after.

**Raises:**

- `ValueError`: too large.
- OSError

## go

```python
go(
    first: dict[str, "int"] = {"a": 1},
    second_of_a_long_name: int = 1,
    third_of_a_long_name: str = ",",
)
```

## tools

Some tools.

## tools.use

```python
use(*things: int, **more)
```
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in PACKAGE.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "pack"


def test_a_made_up_package_gives_these_pages(make_api: Any, package: Path) -> None:
    pages = make_api.pages(package)
    assert list(pages) == ["room.md", "single.md", "README.md"]
    assert pages["room.md"].partition("\n\n")[2] == ROOM
    assert re.findall("^## (.*)$", pages["single.md"], flags=re.M) == ["LIMIT", "f"]
    assert "| [room](room.md) | A room of two lines. |\n| [single](single.md) | One file. |" in pages["README.md"]
    assert "- `pack.go`: [room](room.md#go)" in pages["README.md"]


def test_a_listed_name_that_is_not_there_is_an_error(make_api: Any, package: Path) -> None:
    (package / "single.py").write_text('__all__ = ["gone"]\n')
    with pytest.raises(LookupError, match="single lists 'gone' in __all__"):
        make_api.pages(package)


def test_writing_removes_pages_of_rooms_that_are_gone(make_api: Any, tmp_path: Path) -> None:
    make_api.write(tmp_path / "api", {"a.md": "a", "b.md": "b"})
    make_api.write(tmp_path / "api", {"a.md": "new"})
    assert {path.name: path.read_text() for path in (tmp_path / "api").iterdir()} == {"a.md": "new"}


# --- guides ---------------------------------------------------------------------------------------------------


def test_the_guide_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("LTHKIT_CATALOG", raising=False)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        names = run_all(DOCS / "bring-your-own.md", {**os.environ, "PATH": path, "LTHKIT": str(ROOT)})
    finally:
        sys.modules.pop("my_nets", None)
    for store, rounds in (("runs/mine.zarr", 4), ("runs/batch.zarr", 3)):
        found = open_store(store)
        assert (found.rounds, found.planned_rounds, found.scored) == (rounds, rounds, rounds + 1)
    assert "prefix 'state_dict.module.'" in names["ticket"].provenance["start"]
    assert "drawn anew: top.weight, top.bias" in names["ticket"].provenance["start"]
    assert Path("runs/batch/01_find_ticket.ipynb").is_file()
    assert Path("runs/batch-curve.png").is_file()


def test_the_format_is_as_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kernels = np.array([[1, 2, 255], [255, 3, 1]], np.uint8).reshape(2, 3, 1, 1)
    codes = {"z.weight": kernels, "a.weight": np.array([[255, 2]], np.uint8)}
    shapes = {name: code.shape for name, code in codes.items()}
    rows = {round: {"loss": np.array([round + 0.5, round])} for round in range(3)}
    settings: dict[str, Any] = {"config": {"rate": 0.2, "note": "ü"}, "provenance": {}}
    with create("runs/mine.zarr", parameters=shapes, metrics=("loss",), rounds=4, evaluations=3, **settings) as writer:
        writer.commit(codes, rounds=3, scored=3, scores=rows)
        writer.write_extra("theirs", {"z.weight": kernels == 2}, None)
    names = run_all(DOCS / "store-format.md", {})
    assert names["left"] == {"z.weight": 2, "a.weight": 1}
    assert np.array_equal(names["masks"]["z.weight"], kernels == 255)
    assert names["codes"]["z.weight"].dims == ("z.weight.out", "z.weight.in", "z.weight.kh", "z.weight.kw")
    assert [parameter["name"] for parameter in names["codes"].attrs["parameters"]] == ["z.weight", "a.weight"]
    assert names["config"] == settings["config"]
    expected = [[0.5, 0, np.nan], [1.5, 1, np.nan], [2.5, 2, np.nan]]
    assert np.array_equal(names["scores"]["loss"], expected, equal_nan=True)
    assert np.array_equal(names["foreign"]["theirs"]["z.weight"], kernels == 2)


def test_the_format_page_sees_a_changed_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    codes = {"w": np.full((2, 2), 255, np.uint8)}
    settings: dict[str, Any] = {"config": {}, "provenance": {}, "metrics": ("loss",), "rounds": 1, "evaluations": 1}
    create("runs/mine.zarr", parameters={"w": (2, 2)}, codes=codes, **settings).close()
    run_all(DOCS / "store-format.md", {})
    file = Path("runs/mine.zarr/masks/zarr.json")
    file.write_text(file.read_text().replace('"rounds": 0', '"rounds": 1'))
    with pytest.raises(AssertionError):
        run_all(DOCS / "store-format.md", {})


def test_links_between_documents_lead_somewhere() -> None:
    for page in DOCS.glob("*.md"):
        for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text()):
            file, _, anchor = link.partition("#")
            headings = re.findall(r"^#+ (.*)$", (DOCS / file).read_text(), flags=re.M)
            assert not anchor or anchor in [heading.lower() for heading in headings], link
