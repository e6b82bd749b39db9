import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock
from nbformat import v4

from lthkit import atomic
from lthkit.batch import (
    NotebookFailed,
    find_notebook,
    kernel,
    parameters_of,
    read_settings,
    run,
    run_notebook,
    setting_keys,
    typed,
)
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


WAITS = """
import pathlib, time
from lthkit.progress import stoppable
pathlib.Path("begun").touch()
with stoppable():
    time.sleep(600)
"""
RUNS = "import sys; from lthkit.cli import main; sys.exit(main(['run', 'a.ipynb', '--out', 'out']))"


def test_a_notebook_interrupted_from_the_terminal_ends_with_its_own_last_words(tmp_path):
    write(tmp_path / "a.ipynb", WAITS, "open('next', 'w')")
    process = subprocess.Popen([sys.executable, "-c", RUNS], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    # the kernel's sockets have been heard to complain once, in a line of their own, as it was taken down
    assert told.endswith("lthkit: interrupted; what was committed is kept, the same command goes on from there\n")
    assert "Traceback" not in told
    assert json.loads((tmp_path / "out" / "a.json").read_text())["status"] == "interrupted"
    cell = nbformat.read(tmp_path / "out" / "a.failed.ipynb", 4).cells[-2]
    assert cell.outputs[-1].traceback == ["stopped; what is done is kept, run the same again to go on"]
    assert not (tmp_path / "next").exists()


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


def test_a_parameter_has_its_default_and_comments():
    declared = parameters_of(
        notebook(parameters="a = 'x # y'  # one\nb: list | None = (\n    None  # two\n)  # three\n")
    )
    assert [(known.name, known.written, known.comment) for known in declared.values()] == [
        ("a", "'x # y'", "one"),
        ("b", "None", "two three"),
    ]


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": "demoo"}, "scale 'demoo' is not known; did you mean 'demo'"),
        ({"view": "kernel"}, "view 'kernel' is not known; did you mean 'kernels'"),
        ({"stage": "sourc"}, "stage 'sourc' is not known; did you mean 'source'"),
        ({"epochs": 4}, "has no parameter or setting 'epochs'; did you mean 'plan.epochs'"),
        ({"plan.epohcs": 4}, "has no parameter or setting 'plan.epohcs'; did you mean 'plan.epochs'"),
        ({"changes": {"plan.epohcs": 4}}, "has no setting 'plan.epohcs'; did you mean 'plan.epochs'"),
        ({"plan.epochs": 4, "changes": {"plan.epochs": 5}}, "'plan.epochs' is given by itself and in 'changes'"),
        ({"plan.epochs": "1e-4"}, "'plan.epochs' is 0.0001"),
    ],
)
def test_values_and_settings_are_checked_before_a_kernel_starts(tmp_path, given, message):
    parameters = "scale = 'demo'\nview = 'kernels'\nstage = 'target'\nchanges: dict | None = None"
    with pytest.raises(LthkitError, match=re.escape(message)):
        run_notebook(write(tmp_path / "a.ipynb", parameters=parameters), given, tmp_path / "out")
    assert not (tmp_path / "out").exists()


NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize(
    ("notebook", "name", "value", "choices"),
    [
        ("07_explore", "scale", "demoo", ["smoke", "demo", "small", "paper"]),
        ("07_explore", "view", "kernel", ["kernels", "zero", "density", "only_a", "both"]),
        ("01_find_ticket", "stage", "goal", ["source", "target", "backbone"]),
        ("02_transfer_ticket", "masks", "[layer_random, layerrandom]", ["layer_random", "complement", "flip"]),
        ("05_mask_sensitivity", "weights", "[pretrained, rewund 0.05]", ["rewound", "random", "redrawn"]),
        ("07_explore", "controls", "[complement, flip]", ["complement", "layer_random"]),
        ("05_mask_sensitivity", "over", "[flip, complment]", ["flip", "complement", "random"]),
        ("03_compare_masks", "tasks", "[simclr, mocco]", ["classification", "simclr", "moco"]),
        ("06_size_and_temperature", "task", "simcrl", ["simclr", "moco"]),
        ("08_detection", "detectors", "[yolo]", ["yolov4", "faster-rcnn", "ssd"]),
        ("08_detection", "rule", "11point", ["area", "11-point", "coco"]),
        ("08_detection", "metrics", "[AP, AP51]", ["AP", "AP50", "AP75"]),
    ],
)
def test_what_is_none_of_the_choices_is_refused_with_all_of_them(tmp_path, notebook, name, value, choices):
    with pytest.raises(LthkitError, match=f"{name} '.*' is not known") as caught:
        run_notebook(NOTEBOOKS / f"{notebook}.ipynb", {name: value}, tmp_path / "out")
    listed = str(caught.value).partition("choose from ")[2].split(", ")
    assert set(choices) <= set(listed)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize(
    ("notebook", "given"),
    [
        (
            "02_transfer_ticket",
            {"masks": "[flip 0.2, one_shot_start pretrained]", "weights": "[rewound 0.05, source last]"},
        ),
        ("03_compare_masks", {"tasks": "[simclr, mine.tasks:make]"}),
        ("07_explore", {"names": "[kernel, map]"}),
    ],
)
def test_choices_may_have_arguments_and_tasks_may_be_ones_own(tmp_path, notebook, given):
    with pytest.raises(NotebookFailed, match="was started"):
        run_notebook(NOTEBOOKS / f"{notebook}.ipynb", given, tmp_path / "out")


@pytest.mark.usefixtures("never")
def test_a_notebook_without_changes_takes_no_settings(tmp_path):
    path = write(tmp_path / "a.ipynb", parameters="scale = 3")
    with pytest.raises(LthkitError, match=r"takes no setting 'plan\.epochs', because it has no parameter 'changes'"):
        run_notebook(path, {"plan.epochs": 4}, tmp_path / "out")
    with pytest.raises(NotebookFailed, match="was started"):  # a scale of its own
        run_notebook(path, {"scale": 4}, tmp_path / "out")


def test_settings_are_those_of_a_search():
    known = setting_keys()
    assert {"seed", "plan", "plan.epochs", "pruning.rate", "model.options", "data.name"} <= known.keys()
    values = {"plan.learning_rate": "1e-2", "model.options.width": "8", "data.classes": "[0, 1]", "model.name": "a"}
    assert read_settings(values) == {
        "plan.learning_rate": 0.01,
        "model.options.width": 8,
        "data.classes": [0, 1],
        "model.name": "a",
    }
    # a choice by the name of "none", not a missing value
    assert read_settings({"rewind.to": "none", "keep_weights": "none"}) == {"rewind.to": "none", "keep_weights": "none"}


@pytest.mark.usefixtures("never")
def test_a_dash_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LthkitError, match="'-' is no folder"):
        run_notebook(write(tmp_path / "a.ipynb"), {}, "-")
    assert [path.name for path in tmp_path.iterdir()] == ["a.ipynb"]


def test_settings_reach_the_notebook_and_a_folder_may_begin_with_a_dash(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    parameters = "changes: dict | None = None\nlimit = 1.0"
    path = write(tmp_path / "a.ipynb", "# " + "long " * 30, "print(changes, limit)", parameters=parameters)
    done = run_notebook(path, {"plan.epochs": "4", "changes": "{seed: 1}", "limit": ".inf"}, "-out")
    assert "{'seed': 1, 'plan.epochs': 4} inf" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "-out").iterdir()) == [".a.lock", "a.ipynb", "a.json"]
    record = json.loads(done.record.read_text(), parse_constant=pytest.fail)
    assert record["parameters"] == {"changes": {"seed": 1, "plan.epochs": 4}, "limit": "inf"}


def test_no_line_of_progress_wraps(capsys):
    cells = [v4.new_markdown_cell("# " + "long " * 30 + "\x1b[2J"), v4.new_code_cell("1")]
    shown = run._Progress(v4.new_notebook(cells=cells), quiet=False)
    for cell in cells:
        shown.starts(cell)
    [line] = capsys.readouterr().out.splitlines()
    assert len(line) == 79
    assert line.startswith("[1/1]    0.0 s  long long")


def test_a_full_disk_at_the_record_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "execute_notebook", lambda node, path, **_: Path(path).write_text("{}"))
    written = []

    def full(path):
        written.append(path)
        if len(written) > 2:  # the first record, file and folder
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "sync", full)
    with pytest.raises(LthkitError, match=r"a.json' cannot be written \(No space left on device\); make room; "):
        run_notebook(write(tmp_path / "a.ipynb"), {}, tmp_path / "out", quiet=True)
    assert (tmp_path / "out" / "a.ipynb").read_text() == "{}"


KILLED = """
import sys, tempfile
from lthkit.batch import run_notebook
tempfile.tempdir = sys.argv[2]
run_notebook(sys.argv[1], {}, sys.argv[3])
"""


def test_a_killed_run_leaves_nothing_in_the_temporary_folder(tmp_path):
    path = write(
        tmp_path / "a.ipynb",
        "import os, pathlib, time",
        "pathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(60)",
    )
    temporary = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    command = [sys.executable, "-c", KILLED, str(path), str(temporary), str(tmp_path / "out")]
    environment = os.environ | {"PYTHONPATH": str(Path(run.__file__).parents[2])}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        finally:
            process.kill()
    try:
        assert list(temporary.iterdir()) == []
        wait_for(lambda: not alive(int((tmp_path / "pid").read_text())))
        assert list(temporary.iterdir()) == []
    finally:
        shutil.rmtree(temporary)


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_folders_of_killed_processes_go_with_the_next_run(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel.tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    old, new, ours = (
        tmp_path / f"lthkit-kernel-{name}" for name in (f"{gone.pid}-a", f"{gone.pid}-b", f"{os.getpid()}-c")
    )
    for folder in (old, new, ours):
        folder.mkdir()
    for folder in (old, ours):
        os.utime(folder, (0, 0))
    with kernel.kernel_folder() as folder:
        assert folder.is_dir()
        assert set(tmp_path.iterdir()) == {new, ours, folder}
    assert not folder.exists()
