import io
import json
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from nbformat import v4
from stacks import make_store, same, spec

from lthkit import cli
from lthkit.cli import main
from lthkit.errors import LthkitError
from lthkit.report import table
from lthkit.store import create, open_store, reopen

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


STACK = '{"name": "stacks:Stack", "options": {"widths": [2, 3, 2]}}'


def test_a_ticket_goes_out_and_comes_back(tmp_path, capsys):
    made = make_store(tmp_path / "a.zarr", spec())
    files = [str(tmp_path / f"{round}.pt") for round in (1, 2)]
    for round, file in enumerate(files, 1):
        arguments = ["export", str(made.path), "--round", str(round), "--format", "prune", "--out", file]
        assert main(arguments) == 0
    assert "weights 'start' under the mask of round 2 of" in capsys.readouterr().out
    assert main(["import", *files, "--model", STACK, "--first", "--out", str(tmp_path / "b.zarr")]) == 0
    text = capsys.readouterr().out
    assert "2.pt: masks of torch.nn.utils.prune" in text
    assert text.endswith("b.zarr: 2 rounds, 0 extra masks\n")
    same(open_store(tmp_path / "b.zarr").codes(), made.codes())
    assert main(["show", str(tmp_path / "b.zarr")]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["rounds", "2", "of", "2", "imported,", "0", "trained"] in lines
    assert ["imported.2.became", "round", "2"] in lines


def test_show_names_extra_masks(tmp_path, capsys):
    path = store(tmp_path / "a.zarr")
    with reopen(path) as writer:
        writer.write_extra("odd", {"w": np.array([True])}, {"file": "odd.pt", "reason": "it is not nested"})
    assert main(["show", str(path)]) == 0
    assert "odd  file odd.pt; reason it is not nested" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "a.zarr", "--round", "9", "--format", "torch", "--out", "b.pt"], "has no round 9; choose one"),
        (["export", "a.zarr", "--round", "1", "--format", "torch", "--out", "a.pt"], "exists already"),
        (["import", "a.pt", "--model", "resnet7", "--out", "b.zarr"], "unknown model 'resnet7'; near names"),
        (["import", "a.pt", "--model", "{", "--out", "b.zarr"], "--model is not valid JSON"),
        (["import", "a.pt", "--model", '{"nam": "a"}', "--out", "b.zarr"], "--model: key 'name' is missing"),
        (["import", "a.pt", "--model", STACK, "--out", "b.zarr"], "'a.pt' cannot be read"),
        (["import", "a.pt", "--model", STACK, "--out", "a.zarr"], "a.zarr exists already"),
        (["scores", "a.zarr", "--out", "a.txt"], "end it in .csv or .parquet"),
        (["show", "--sizes", "none"], "there is no folder 'none'"),
        (["clean", "none"], "there is no folder 'none'"),
    ],
)
def test_mistakes_in_exchange_are_one_sentence(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    make_store(tmp_path / "a.zarr", spec())
    (tmp_path / "a.pt").write_text("mine")
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("lthkit: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pt", "a.weights", "a.zarr", "a.zarr.lock"]


def test_scores_are_written(tmp_path, capsys):
    arguments = ["scores", str(store(tmp_path / "a.zarr")), "--out", str(tmp_path / "a.csv")]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'a.csv'}\n"
    header, first, *_ = (tmp_path / "a.csv").read_text().splitlines()
    assert header == "round,evaluation,sparsity," + ",".join(COLUMNS)
    assert first == "0,0,0.0,1.0,1.0,1.0,1.0,0.5,0.25"
    assert main(arguments) == 2
    assert main([*arguments, "--force"]) == 0


def test_show_takes_a_store_or_a_folder(tmp_path, capsys):
    made = store(tmp_path / "a.zarr")
    assert main(["show", "--sizes", str(tmp_path)]) == 0
    header, first, *_, total = capsys.readouterr().out.splitlines()
    assert header.split() == ["size", "what", "path"]
    assert first.split()[2:] == ["store", "a.zarr", "unfinished,", "2", "of", "5", "rounds"]
    assert total.split()[2:] == ["total", "2"]
    for arguments in (["show"], ["show", str(made), "--sizes", str(tmp_path)]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2


def test_clean_asks_first(tmp_path, monkeypatch, capsys):
    lock = make_store(tmp_path / "a.zarr", spec()).path.with_name("a.zarr.lock")
    unfinished = store(tmp_path / "b.zarr").with_name("b.zarr.lock")
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert main(["clean", str(tmp_path)]) == 2
    assert "there is no terminal to ask; add --yes" in capsys.readouterr().err
    for answer, stays in (("", True), ("n\n", True), ("y\n", False)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        assert main(["clean", str(tmp_path)]) == 0
        assert lock.exists() == stays
    assert capsys.readouterr().out.endswith("removed 1\n")
    assert unfinished.exists()
    assert main(["clean", str(tmp_path), "--yes"]) == 0
    assert capsys.readouterr().out == "nothing to remove\n"


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
