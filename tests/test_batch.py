import json
import re

import nbformat
import pytest
from filelock import FileLock
from nbformat import v4

from lthkit.batch import NotebookFailed, find_notebook, parameters_of, run, run_notebook, typed
from lthkit.errors import LthkitError

PARAMETERS = """
# comment = not a parameter
epochs = 2  # as in x = y
lr = 0.1
flip: bool = False
name = "a=b"
start: str | None = None
count: int | None = None
classes: tuple[int, ...] = (0, 1)
plan: dict = {}
anything = None
computed = 2 * 3
mode = "ok"
"""


def notebook(*cells, parameters=PARAMETERS):
    declared = v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    return v4.new_notebook(cells=[declared, *map(v4.new_code_cell, cells)])


def write(path, *cells, **options):
    nbformat.write(notebook(*cells, **options), path)
    return path


def parse(**given):
    return typed("n.ipynb", parameters_of(notebook()), given)


def test_every_assignment_of_the_tagged_cell_is_a_parameter():
    assert list(parameters_of(notebook())) == [
        *("epochs", "lr", "flip", "name", "start", "count", "classes", "plan", "anything", "computed", "mode")
    ]
    assert parameters_of(v4.new_notebook(cells=[v4.new_code_cell("a = 1")])) == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("lr", "1e-4", 1e-4),
        ("lr", "3", 3.0),
        ("lr", ".5", 0.5),
        ("epochs", "12", 12),
        ("epochs", "-1", -1),
        ("epochs", "none", None),
        ("flip", "true", True),
        ("flip", "False", False),
        ("name", "none", "none"),
        ("name", "12", "12"),
        ("name", "no", "no"),
        ("start", "none", None),
        ("start", "12", "12"),
        ("start", "runs/a.zarr@3", "runs/a.zarr@3"),
        ("start", "[x", "[x"),
        ("count", "7", 7),
        ("classes", "[0, 3]", [0, 3]),
        ("classes", "[a, no, 1e-4]", ["a", "no", 1e-4]),
        ("plan", "{rate: 2e-1}", {"rate": 0.2}),
        ("anything", "1e-4", 1e-4),
        ("anything", "[true, null]", [True, None]),
        ("anything", "no", "no"),
        ("computed", "5", 5),
    ],
)
def test_text_is_read_as_the_parameters_type(name, text, value):
    read = parse(**{name: text})[name]
    assert read == value
    assert type(read) is type(value)


def test_values_are_taken_as_they_are():
    assert parse(lr=1, epochs=3, flip=True, classes=(1, 2)) == {"lr": 1.0, "epochs": 3, "flip": True, "classes": [1, 2]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "many"), ("epochs", "1.5"), ("epochs", True), ("epochs", "true"), ("lr", "fast"), ("lr", False),
        ("flip", "1"), ("flip", "yes"), ("count", "a"), ("classes", "3"), ("plan", "[1]"), ("name", 3), ("name", None),
    ],
)  # fmt: skip
def test_value_of_the_wrong_type_is_named(name, value):
    with pytest.raises(LthkitError, match=re.escape(f"n.ipynb: parameter '{name}' is {value!r}; give a value of type")):
        parse(**{name: value})


def test_unknown_parameter_is_refused_with_near_names():
    with pytest.raises(LthkitError, match="no parameter 'epohcs'; did you mean 'epochs'"):
        parse(epohcs=1)
    with pytest.raises(LthkitError, match="no parameter 'zzz'; it has epochs, lr"):
        parse(zzz=1)
    with pytest.raises(LthkitError, match="it has no cell tagged 'parameters'"):
        typed("n.ipynb", {}, {"a": 1})


@pytest.fixture
def never(monkeypatch):
    def executed(*_, **__):
        raise AssertionError("the notebook was started")

    monkeypatch.setattr(run, "execute_notebook", executed)


@pytest.mark.usefixtures("never")
def test_bad_input_is_refused_before_anything_runs(tmp_path):
    path = write(tmp_path / "a.ipynb")
    out = tmp_path / "out"
    for given in ({"epohcs": 1}, {"epochs": "many"}):
        with pytest.raises(LthkitError, match=r"a.ipynb"):
            run_notebook(path, given, out)
    assert not out.exists()
    with pytest.raises(LthkitError, match="no notebook at"):
        run_notebook(tmp_path / "b.ipynb", {}, out)
    with pytest.raises(LthkitError, match="the notebook's own folder"):
        run_notebook(path, {}, tmp_path)
    (tmp_path / "text.ipynb").write_text("hello")
    with pytest.raises(LthkitError, match="is not a notebook"):
        run_notebook(tmp_path / "text.ipynb", {}, out)
    with pytest.raises(LthkitError, match="not valid Python"):
        run_notebook(write(tmp_path / "c.ipynb", parameters="a = "), {}, out)
    (tmp_path / "file").touch()
    with pytest.raises(LthkitError, match="cannot be made"):
        run_notebook(path, {}, tmp_path / "file" / "out")


@pytest.mark.usefixtures("never")
def test_two_runs_of_one_notebook_into_one_folder_are_refused(tmp_path):
    path = write(tmp_path / "a.ipynb")
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".a.lock"), pytest.raises(LthkitError, match=r"another run of a\.ipynb"):
        run_notebook(path, {}, tmp_path / "out")


def test_notebooks_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").mkdir()
    write(tmp_path / "notebooks" / "00_tour.ipynb")
    for name in ("00_tour", "00_tour.ipynb", "notebooks/00_tour"):
        assert find_notebook(name).resolve() == tmp_path / "notebooks" / "00_tour.ipynb"
    with pytest.raises(LthkitError, match="no notebook 'tour'; there is 00_tour"):
        find_notebook("tour")


def test_interruption_is_recorded_and_passed_on(tmp_path, monkeypatch):
    def interrupted(_, running, **__):
        (tmp_path / "out" / "a.running.ipynb").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "execute_notebook", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_notebook(write(tmp_path / "a.ipynb"), {}, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "a.json").read_text())["status"] == "interrupted"
    assert (tmp_path / "out" / "a.failed.ipynb").read_text() == "half"
    assert not (tmp_path / "out" / "a.ipynb").exists()


BODY = """
import os, sys
from lthkit.progress import is_batch
from pathlib import Path
Path("seen.txt").write_text(repr((lr, epochs, sys.executable, is_batch())))
print("printed", epochs)
if mode == "fail":
    raise ValueError("it broke\\nbadly")
if mode == "die":
    os._exit(1)
"""


def test_good_then_failing_then_dying_run_of_one_notebook(tmp_path, monkeypatch, capsys):
    import sys

    monkeypatch.chdir(tmp_path)
    (tmp_path / "{odd}").mkdir()
    path = write(tmp_path / "{odd}" / "a.ipynb", BODY)
    out = tmp_path / "out {x}"

    done = run_notebook(path, {"lr": "1e-4", "epochs": 7}, out)
    assert eval((tmp_path / "seen.txt").read_text()) == (1e-4, 7, sys.executable, True)
    assert "printed 7" in capsys.readouterr().out
    assert done.notebook == out / "a.ipynb"
    success = done.notebook.read_bytes()
    assert "printed 7" in success.decode()
    record = json.loads(done.record.read_text())
    assert (record["status"], record["error"], record["executed"]) == ("success", None, "a.ipynb")
    assert record["parameters"] == {"lr": 1e-4, "epochs": 7}
    assert {"lthkit", "torch", "python"} <= record["versions"].keys()
    assert record["seconds"] > 0

    with pytest.raises(NotebookFailed, match=r"cell 2 of 2 raised ValueError: it broke; read .*a.failed.ipynb"):
        run_notebook(path, {"mode": "fail"}, out, quiet=True)
    assert "printed" not in capsys.readouterr().out
    record = json.loads(done.record.read_text())
    assert record["status"] == "failed"
    assert "it broke" in record["error"]
    assert "it broke" in (out / "a.failed.ipynb").read_text()

    with pytest.raises(NotebookFailed, match="the kernel died in cell 2 of 2"):
        run_notebook(path, {"mode": "die"}, out, quiet=True)
    assert json.loads(done.record.read_text())["status"] == "failed"
    assert done.notebook.read_bytes() == success
    assert {entry.name for entry in out.iterdir()} == {"a.ipynb", "a.failed.ipynb", "a.json", ".a.lock"}
