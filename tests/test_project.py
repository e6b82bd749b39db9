"""A project is laid out from what lthkit brings along, and nothing of the user's is replaced."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lthkit
from lthkit.cli import main
from lthkit.errors import LthkitError
from lthkit.project import enter_project, init_project, supplied

ROOT = Path(__file__).parents[1]


def test_a_project_has_all_notebooks_the_catalog_and_a_readme(tmp_path, capsys):
    assert main(["init", str(tmp_path / "new" / "mine")]) == 0
    folder = tmp_path / "new" / "mine"
    assert str(folder) in capsys.readouterr().out
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    expected = {f"notebooks/{path.name}": path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}
    studies = (ROOT / "notebooks" / "studies").glob("*.yaml")
    expected |= {f"notebooks/studies/{path.name}": path.read_bytes() for path in studies}
    expected["data_catalog.yaml"] = (ROOT / "data_catalog.yaml").read_bytes()
    assert len(expected) > 30
    assert found.pop("README.md").startswith(b"# Lottery tickets")
    assert found == expected


@pytest.mark.parametrize("name", ["notebooks", "data_catalog.yaml", "README.md"])
def test_nothing_is_replaced(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(LthkitError, match=f"{name} exists"):
        init_project(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file" / "mine")]) == 3
    assert "no project can be laid out" in capsys.readouterr().err


def test_what_is_supplied_lies_in_the_package_or_beside_it(tmp_path, monkeypatch):
    assert supplied("notebooks") == ROOT / "notebooks"
    package = tmp_path / "lthkit"
    (package / "supplied").mkdir(parents=True)
    monkeypatch.setattr("lthkit.project.__file__", str(package / "project.py"))
    assert supplied("notebooks") == package / "supplied" / "notebooks"


def test_an_open_notebook_enters_its_project_and_one_in_batch_stays(tmp_path, monkeypatch):
    init_project(tmp_path)
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setenv("LTHKIT_BATCH", "1")
    assert enter_project() == Path.cwd() == tmp_path / "notebooks"
    monkeypatch.delenv("LTHKIT_BATCH")
    assert enter_project() == Path.cwd() == tmp_path


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"lthkit {lthkit.__version__}\n"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "lthkit", "--version"]
    assert subprocess.check_output(command, env=environment, text=True) == f"lthkit {lthkit.__version__}\n"
