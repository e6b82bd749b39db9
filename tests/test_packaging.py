"""lthkit as a package: whole without its repository, its dependencies declared, its names known to type checkers."""

import ast
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from email.message import Message
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

import lthkit

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# needed, but imported by another library or started as a program
NOT_IMPORTED = {"faster-coco-eval", "ipywidgets", "jupyterlab", "pyarrow"}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"lthkit-{lthkit.__version__}"


@pytest.fixture(scope="module")
def installed(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the wheel's content, the wheel built from the source distribution."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps"]
    command = [*pip, "--no-build-isolation", "--target", str(folder), str(sdist)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def run(installed: Path, cwd: Path, *arguments: str, code: int = 0) -> str:
    """What ``lthkit ARGUMENTS`` prints, run with the installed package in ``cwd``."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LTHKIT_")}
    environment |= {"PYTHONPATH": str(installed), "LTHKIT_CACHE": "off"}
    command = [sys.executable, "-m", "lthkit", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def metadata(installed: Path) -> Message:
    return Parser().parsestr(next(installed.glob("lthkit-*.dist-info/METADATA")).read_text())


# --- whole without the repository -----------------------------------------------------------------------------


def test_the_wheel_brings_catalog_and_notebooks(installed: Path, tmp_path: Path) -> None:
    assert re.search(r"^digits\s+\S*\s*digits\s+yes", run(installed, tmp_path, "list"), flags=re.M)
    refused = run(installed, tmp_path, "run", "01_find_ticket", "-p", "nonsense", "1", "--out", "runs", code=3)
    assert "01_find_ticket" in refused
    assert "nonsense" in refused
    run(installed, tmp_path, "init", "project")
    notebooks = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert sorted(path.name for path in (tmp_path / "project" / "notebooks").glob("*.ipynb")) == notebooks
    studies = sorted(path.name for path in (ROOT / "notebooks" / "studies").iterdir())
    assert sorted(path.name for path in (tmp_path / "project" / "notebooks" / "studies").iterdir()) == studies
    assert str(tmp_path / "project" / "data") in run(installed, tmp_path / "project", "list")


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    out = ["--out", "runs", "-p", "out", "runs"]
    run(installed, tmp_path, "run", "01_find_ticket", "-p", "scale", "smoke", *out)
    assert json.loads((tmp_path / "runs" / "01_find_ticket.json").read_text())["status"] == "success"
    run(installed, tmp_path, "search", "runs/mine.zarr", "--scale", "demo")
    assert (tmp_path / "runs" / "mine.weights").is_dir()


def test_the_wheel_has_what_is_not_python(installed: Path) -> None:
    for name in (
        "py.typed",
        "__init__.pyi",
        "explorer/page/main.js",
        "explorer/page/recorded.html",
        "supplied/data_catalog.yaml",
    ):
        assert (installed / "lthkit" / name).is_file()
    assert not {path.name for path in installed.iterdir()} & {"tests", "notebooks", "docs", "bench"}


def files(folder: Path) -> set[str]:
    """Sources and documents, by their path within ``folder``."""
    patterns = ("lthkit/**/*.*", "tests/*.py", "bench/*.py", "docs/*.md", "notebooks/*.ipynb", "*.*", "Makefile")
    found = (path for pattern in patterns for path in folder.glob(pattern))
    return {str(path.relative_to(folder)) for path in found if path.is_file() and path.suffix != ".pyc"}


def test_the_source_distribution_runs_its_own_tests(sdist: Path) -> None:
    assert files(sdist) - {"PKG-INFO"} == {name for name in files(ROOT) if name != ".git"}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LTHKIT_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"]
    tests = ["tests/test_project.py", "tests/test_catalog.py"]
    environment |= {"PYTHONPATH": str(sdist)}
    ran = subprocess.run([*command, *tests], cwd=sdist, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-3000:]


def test_the_packages_page_shows_the_readme_without_what_only_a_checkout_has(installed: Path) -> None:
    about = metadata(installed)
    assert about["Version"] == lthkit.__version__
    assert about["Author"] == "lthkit developers"
    readme = about.get_payload()
    assert "lthkit finds lottery tickets" in readme
    assert "docs/store-format.md" in readme
    assert not re.search(r"\]\((?!https?:|#)", str(readme))


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == lthkit.__version__
    assert f"## {lthkit.__version__}" in (ROOT / "CHANGELOG.md").read_text()


# --- dependencies ---------------------------------------------------------------------------------------------


def imported(folder: Path) -> set[str]:
    """The distributions that a folder's modules import, by normal name."""
    modules: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.split(".")[0])
    ours = {path.stem for path in (*ROOT.iterdir(), *(ROOT / "tests").glob("*.py"))}
    known = packages_distributions()
    return {normal(known[module][0]) for module in modules - sys.stdlib_module_names - ours if module in known}


def declared(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in requirements}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_declared_and_nothing_else() -> None:
    needed = declared(PROJECT["dependencies"])
    groups = PROJECT["optional-dependencies"]
    extras = declared([*groups["cluster"], *groups["onnx"], *groups["timm"]])  # onnx is what onnxscript writes with
    assert imported(ROOT / "lthkit") == (needed - NOT_IMPORTED) | extras - {"onnx"}
    assert needed >= NOT_IMPORTED
    assert imported(ROOT / "tests") | imported(ROOT / "bench") <= needed | declared(groups["test"])


def test_only_lower_bounds_are_set() -> None:
    for requirement in PROJECT["dependencies"]:
        assert re.fullmatch(r"[\w.-]+>=[\d.]+", requirement), requirement


# --- names for editors and type checkers ----------------------------------------------------------------------


def test_a_misspelt_name_or_argument_is_a_type_error(tmp_path: Path) -> None:
    names = [f"lthkit.{name}" for name in lthkit.__all__]
    wrong = ["lthkit.find_tiket", "lthkit.find_ticket(stoer=1)", "lthkit.plots.sav", "lthkit.__version__ + 1"]
    (tmp_path / "one.py").write_text("\n".join(["import lthkit", *names, *wrong]))
    # of libraries only lthkit is followed, which keeps it quick
    (tmp_path / "mypy.ini").write_text("[mypy]\nfollow_imports = skip\n[mypy-lthkit.*]\nfollow_imports = silent\n")
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", os.devnull, "one.py"]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout
    errors = re.findall(r"^one.py:(\d+): error: (.*)$", found, flags=re.M)
    assert {int(line) for line, _ in errors} == {len(names) + 2 + number for number in range(len(wrong))}, found
    assert 'Module has no attribute "find_tiket"' in errors[0][1]
    assert 'Unexpected keyword argument "stoer"' in found
    assert 'Module has no attribute "sav"' in found
