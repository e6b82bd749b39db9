"""The house itself: imports point one way, and importing lthkit costs hardly more than importing torch."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import lthkit

# a room may import only rooms before it; those on one line do not know each other
ORDER = [
    "terminal",
    "errors",
    "atomic codes config seeds factories papers progress ranks scores selection strict_json unneeded untrusted",
    "project",
    "masks",
    "granularity",
    "store",
    "controls",
    "catalog",
    "data models scores",
    "detectors",
    "tasks",
    "train",
    "criteria",
    "search",
    "transfer",
    "housekeeping",
    "scales",
    "analysis",
    "cutting connectivity early_bird",
    "exchange",
    "timing",
    "plots",
    "display",
    "explorer",
    "batch",
    "studies",
    "report",
    "cli",
    "__main__",
]
FLOOR = {room: number for number, line in enumerate(ORDER) for room in line.split()}
PACKAGE = Path(lthkit.__file__).parent


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lthkit":
            parts = node.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("lthkit.")}
    return rooms


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room = room_of(path)
    for imported in imported_rooms(path) - {room}:
        assert FLOOR[imported] < FLOOR[room], f"{path} imports {imported}, which lies below {room}"


@pytest.mark.parametrize("room", ["analysis", "plots", "display", "explorer", "report"])
def test_what_looks_does_not_train(room):
    found = set().union(*(imported_rooms(path) for path in FILES if room_of(path) == room))
    assert not found & {"train", "search", "tasks"}


@pytest.mark.parametrize(
    ("module", "rooms"),
    [
        ("zarr", {"store"}),
        ("papermill", {"batch"}),
        ("matplotlib", {"plots"}),
        ("ipywidgets", {"explorer"}),
        ("anywidget", {"explorer"}),
        ("torchmetrics", {"scores"}),
        ("distributed", {"studies"}),
        ("onnxruntime", {"exchange"}),
    ],
)
def test_each_library_has_its_room(module, rooms):
    using = {
        room_of(path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == module)
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == module for alias in node.names))
    }
    assert using <= rooms


def test_importing_lthkit_imports_no_room():
    code = "import sys, lthkit; print(sorted({'torch', 'zarr', 'pydantic', 'xarray'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_all_that_is_exported_is_there():
    for name in lthkit.__all__:
        assert getattr(lthkit, name) is not None
    with pytest.raises(AttributeError, match="No lthkit attribute nonsense"):
        _ = lthkit.nonsense


def imported_modules(path: Path) -> set[str]:
    """The modules of lthkit that a file imports, within functions and for types, too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lthkit":
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else node.module for name in inner}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name in MODULES}
    return names


def module_of(path: Path) -> str:
    return ".".join(("lthkit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def test_no_module_imports_itself_over_others():
    # raises CycleError, which names the modules of a circle
    graph = {name: imported_modules(path) for name, path in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) - {"lthkit"} == set(MODULES)
