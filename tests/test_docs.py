"""The documents are true: every public name is documented, links lead somewhere, the guides run as they stand."""

import contextlib
import inspect
import io
import os
import pkgutil
import re
import subprocess
import sys
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

import lthkit
from lthkit.store import create, open_store

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Language, file name (or "") and text of each fenced block."""
    found = re.findall(r"^```\{?(\w+)\}?(?: (\S+))?\n(.*?)^```$", page.read_text(), flags=re.M | re.S)
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

ROOMS = [room.name for room in pkgutil.iter_modules(lthkit.__path__) if not room.name.startswith("_")]


def public(room: str) -> dict[str, Any]:
    """What the API's page of a room lists: its ``__all__``, or else the functions and classes defined in it."""
    module = import_module(f"lthkit.{room}")
    if hasattr(module, "__all__"):
        return {name: getattr(module, name) for name in module.__all__}
    ours = {name: value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    return {name: value for name, value in ours.items() if not name.startswith("_")}


def members(owner: type) -> dict[str, Any]:
    """Public methods and properties that a class of lthkit defines itself."""
    own = {name: getattr(value, "__func__", value) for name, value in vars(owner).items() if not name.startswith("_")}
    kinds = (FunctionType, property, cached_property)
    return {name: value for name, value in own.items() if isinstance(value, kinds)}


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_documented(room: str) -> None:
    assert import_module(f"lthkit.{room}").__doc__
    defined = {name: value for name, value in public(room).items() if isinstance(value, FunctionType | type)}
    assert not [name for name, value in defined.items() if not value.__doc__]
    classes = [value for value in defined.values() if isinstance(value, type) and value.__module__[:7] == "lthkit."]
    # a method that a class above or a protocol of the room describes needs no words of its own
    described = {name for owner in classes for name, member in members(owner).items() if member.__doc__}
    for owner in classes:
        silent = {name for name in members(owner) if not inspect.getdoc(getattr(owner, name))} - described
        assert not silent, owner


def test_what_lthkit_offers_is_public_in_its_room() -> None:
    for name in set(lthkit.__all__) - set(ROOMS):
        home = getattr(lthkit, name).__module__.split(".")[1]
        assert public(home)[name] is getattr(lthkit, name)


# --- guides ---------------------------------------------------------------------------------------------------


def test_the_guide_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("LTHKIT_CATALOG", raising=False)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        names = run_all(DOCS / "bring-your-own.md", {**os.environ, "PATH": path})
    finally:
        sys.modules.pop("my_nets", None)
    for store, rounds in (("runs/mine.zarr", 4), ("runs/batch/ticket.zarr", 3)):
        found = open_store(store)
        assert (found.rounds, found.planned_rounds, found.scored) == (rounds, rounds, rounds + 1)
    assert "prefix 'state_dict.module.'" in names["ticket"].provenance["start"]
    assert "drawn anew: top.weight, top.bias" in names["ticket"].provenance["start"]
    assert Path("runs/batch/01_find_ticket.ipynb").is_file()
    assert Path("runs/batch/curve.png").is_file()


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


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", [*DOCS.glob("*.md"), *ROOT.glob("*.md")], ids=lambda page: page.name)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        file, _, part = link.partition("#")
        if part.startswith("lthkit."):  # in the API, which `make docs` writes
            _, room, name = part.split(".")
            assert name in public(room), link
        elif file != "api/index.rst":
            target = page.parent / file if file else page
            assert target.exists(), link
            headings = map(anchor, re.findall(r"^#+ (.*)$", target.read_text(), flags=re.M)) if part else ()
            assert not part or part in headings, link


def test_each_page_is_in_the_sites_contents() -> None:
    listed = blocks(DOCS / "index.md")[-1][2]
    for page in DOCS.glob("*.md"):
        assert page.stem == "index" or re.search(rf"^(.*<)?{page.stem}>?$", listed, flags=re.M)


def run_at_smoke_scale(page: Path, folder: Path) -> dict[str, Any]:
    """The blocks in order, at the smoke scale, which takes the same way in seconds."""
    copy = folder / page.name
    copy.write_text(page.read_text().replace("scale demo", "scale smoke").replace('"demo"', '"smoke"'))
    commands = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return run_all(copy, environment)


def test_the_page_on_pretrainings_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run_at_smoke_scale(DOCS / "pretrainings.md", tmp_path)
    sources = names["results"]["source"].unique()
    assert sorted(source.split(" ")[0] for source in sources) == ["digits", "moco", "simclr"]
    assert set(names["linear"]["weights"]) == {"source", "random"}


def test_the_page_on_cutting_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run_at_smoke_scale(DOCS / "cutting.md", tmp_path)
    assert names["facts"]["channels_cut"] > 0
    assert {path.name for path in (tmp_path / "runs" / "latency").iterdir()} >= {"latency.csv", "latency.png"}


def test_the_page_on_why_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run_at_smoke_scale(DOCS / "why.md", tmp_path)
    assert set(names["unstable"]["mask"]) == {"ticket", "layer_random"}


def test_the_readme_runs_from_top_to_bottom(tmp_path, monkeypatch):
    """In an empty folder."""
    monkeypatch.chdir(tmp_path)
    names = run_at_smoke_scale(ROOT / "README.md", tmp_path)
    assert names["ticket"].rounds == 4
    assert len(names["results"]) == 5
    assert (tmp_path / "runs" / "mine-curve.png").stat().st_size > 5000
