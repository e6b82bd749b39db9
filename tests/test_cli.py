import json
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from nbformat import v4

from lthkit import cli
from lthkit.cli import main
from lthkit.errors import LthkitError
from lthkit.report import table
from lthkit.store import create

CATALOG = """
datasets:
  digits:
    type: digits
    package: scikit-learn
    licence: BSD-3-Clause
    get: in the package
"""
COLUMNS = ("step", "learning_rate", "train_loss", "wall_time", "validation_accuracy", "test_accuracy")


PROVENANCE = {"metric": "accuracy", "higher_is_better": True, "start": {"kind": "pretrained"}}


def store(path, provenance=PROVENANCE):
    codes = {"conv.weight": np.array([[1, 2, 255, 255]], np.uint8), "fc.weight": np.array([[255, 2]], np.uint8)}
    with create(
        path,
        parameters={name: code.shape for name, code in codes.items()},
        config={"plan": {"selection": "validation"}},
        provenance=provenance,
        metrics=COLUMNS,
        rounds=5,
        evaluations=2,
    ) as writer:
        row = {name: np.array([1.0, 2.0]) for name in COLUMNS}
        row |= {"test_accuracy": np.array([0.25, 0.75]), "validation_accuracy": np.array([0.5, 0.625])}
        writer.commit(codes, rounds=2, scored=2, scores={0: row, 1: row})
    return path


def test_show_prints_rounds_sparsity_scores_layers_provenance_and_size(tmp_path, capsys):
    assert main(["show", str(store(tmp_path / "a.zarr"))]) == 0
    text = capsys.readouterr().out
    lines = [line.split() for line in text.splitlines()]
    assert "2 of 5 pruned, 2 trained" in text
    assert "3 of 6 prunable left in 2 layers" in text
    assert ["sparsity", "50.00", "%"] in lines
    assert ["0", "0.00", "6", "0.7500", "0.6250", "2", "2.0"] in lines
    assert ["2", "50.00", "3", "–", "–", "–", "–"] in lines
    assert ["conv.weight", "1×4", "100.00", "75.00", "50.00"] in lines
    assert ["start.kind", "pretrained"] in lines
    assert any(line[:1] == ["size"] for line in lines)
    assert max(map(len, text.splitlines())) <= max(120, len(str(tmp_path)) + 30)


def test_show_reads_a_store_without_scores(tmp_path, capsys):
    assert main(["show", str(store(tmp_path / "a.zarr", provenance={}))]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["2", "50.00", "3"] in lines


def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path, capsys):
    assert main(["show", str(tmp_path / "none.zarr")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"lthkit: there is no store at {tmp_path / 'none.zarr'}; check the path\n"


def test_list_prints_every_entry(tmp_path, capsys):
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    assert main(["list", "--catalog", str(tmp_path / "catalog.yaml")]) == 0
    header, digits = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "kind", "type", "present", "licence", "where"]
    assert digits.split()[:5] == ["digits", "dataset", "digits", "yes", "BSD-3-Clause"]
    assert header.index("licence") == digits.index("BSD")


def notebook(path):
    parameters = v4.new_code_cell("epochs = 1\nname = 'x'", metadata={"tags": ["parameters"]})
    nbformat.write(v4.new_notebook(cells=[parameters, v4.new_code_cell("print(name * epochs)")]), path)
    return path


def test_run_executes_by_name_with_typed_parameters(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").mkdir()
    notebook(tmp_path / "notebooks" / "tour.ipynb")
    assert main(["run", "tour", "-p", "epochs", "3", "-p", "name", "ab", "--out", "out"]) == 0
    text = capsys.readouterr().out
    assert "ababab" in text
    assert "out/tour.ipynb" in text
    assert json.loads((tmp_path / "out" / "tour.json").read_text())["parameters"] == {"epochs": 3, "name": "ab"}


def test_run_refuses_unknown_and_repeated_parameters(tmp_path, capsys):
    path = str(notebook(tmp_path / "a.ipynb"))
    assert main(["run", path, "-p", "epoch", "3", "--out", str(tmp_path / "out")]) == 2
    assert "did you mean 'epochs'?" in capsys.readouterr().err
    assert main(["run", path, "-p", "epochs", "3", "-p", "epochs", "4", "--out", str(tmp_path / "out")]) == 2
    assert "'epochs' is given 2 times" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("error", "code"), [(LthkitError("bad"), 2), (KeyboardInterrupt(), 130)])
def test_exit_codes(monkeypatch, capsys, error, code):
    def _fail(_):
        """Fail."""

        def handler(_):
            raise error

        return handler

    monkeypatch.setitem(cli.COMMANDS, "fail", _fail)
    assert main(["fail"]) == code
    assert capsys.readouterr().err.startswith("lthkit: ")


def test_wrong_usage_names_the_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["shwo"])
    assert stop.value.code == 2
    assert "show" in capsys.readouterr().err


def test_help_loads_nothing_heavy():
    code = "import sys, lthkit.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print([m for m in ('torch', 'numpy', 'plotly', 'papermill', 'pydantic') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
    assert "run" in result.stdout


def test_table_aligns_columns():
    assert table(("a", "b"), [("long", "1"), ("x", "22")], right=[1]) == "a      b\nlong   1\nx     22"
