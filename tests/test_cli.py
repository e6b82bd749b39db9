import io
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from nbformat import v4
from stacks import make_store, same, spec

from lthkit import cli
from lthkit.batch import NotebookFailed
from lthkit.cli import main
from lthkit.errors import LthkitError, TrainingDiverged
from lthkit.progress import Stopped
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


def store(path, provenance=PROVENANCE, validation=0.5, selection="validation"):
    codes = {"conv.weight": np.array([[1, 2, 255, 255]], np.uint8), "fc.weight": np.array([[255, 2]], np.uint8)}
    with create(
        path,
        parameters={name: code.shape for name, code in codes.items()},
        config={"plan": {"selection": selection}},
        provenance=provenance,
        metrics=COLUMNS,
        rounds=5,
        evaluations=2,
    ) as writer:
        row = {name: np.array([1.0, 2.0]) for name in COLUMNS}
        row |= {
            "test_accuracy": np.array([0.25, 0.75]),
            "validation_accuracy": np.array([validation, validation + 0.125]),
        }
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


SLOW_TO_IMPORT = ("torch", "torchvision", "sklearn", "plotly", "matplotlib")
LOOKS = """
import atexit, sys
from lthkit.cli import main
slow = sys.argv[1].split()
atexit.register(lambda: print(sorted(set(slow) & set(sys.modules)), file=sys.stderr))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    "command",
    [
        ["show", "a.zarr"],
        ["show", "a.zarr", "--json"],
        ["show", "--sizes", "."],
        ["clean", ".", "--dry-run"],
        ["scores", "a.zarr", "--out", "a.csv"],
        ["list", "--catalog", str(Path(__file__).parents[1] / "data_catalog.yaml")],
        ["run", "a.ipynb", "--help"],
    ],
    ids=" ".join,
)
def test_what_only_looks_waits_for_no_import_of_torch(tmp_path, command):
    store(tmp_path / "a.zarr")
    notebook(tmp_path / "a.ipynb")
    (tmp_path / "a.state").write_bytes(b"no state of ours")  # which `clean` opens to see
    arguments = [sys.executable, "-c", LOOKS, " ".join(SLOW_TO_IMPORT), *command]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr == "[]\n"


def test_a_mistake_is_one_sentence_and_exit_code_3(tmp_path, capsys):
    assert main(["show", str(tmp_path / "none.zarr")]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"lthkit: there is no store at {tmp_path / 'none.zarr'}; check the path\n"


def test_list_prints_every_entry(tmp_path, capsys):
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    assert main(["list", "--catalog", str(tmp_path / "catalog.yaml")]) == 0
    header, digits, *_ = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "kind", "type", "present", "licence", "where"]
    assert digits.split()[:5] == ["digits", "dataset", "digits", "yes", "BSD-3-Clause"]
    assert header.index("licence") == digits.index("BSD")


def notebook(path, source="epochs = 1\nname = 'x'"):
    parameters = v4.new_code_cell(source, metadata={"tags": ["parameters"]})
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
    assert main(["run", path, "-p", "epoch", "3", "--out", str(tmp_path / "out")]) == 3
    assert "did you mean 'epochs'?" in capsys.readouterr().err
    assert main(["run", path, "-p", "epochs", "3", "-p", "epochs", "4", "--out", str(tmp_path / "out")]) == 3
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
    assert main(arguments) == 3
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
    assert main(arguments) == 3
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
    assert main(["clean", str(tmp_path)]) == 3
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


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LthkitError("bad"), 3),
        (NotebookFailed("bad"), 4),
        (TrainingDiverged("bad"), 4),
        (KeyboardInterrupt(), 130),
        (Stopped(), 130),
        (OSError(36, "File name too long", "a" * 300), 3),
    ],
)
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


def test_keys_are_spelt_the_same_for_notebooks_and_searches(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("lthkit.batch.run_notebook", lambda path, given, out: seen.append(given) or done)
    monkeypatch.setattr("lthkit.search.find_ticket", lambda config, path: seen.append(config.plan.epochs))
    seen, done = [], SimpleNamespace(seconds=1.0, notebook="out/a.ipynb")
    path = str(notebook(tmp_path / "a.ipynb"))
    (tmp_path / "a.yaml").write_text("plan.epochs: 3\nseed: 1\n")
    for command in (["run", path, "--out", "out"], ["search", "a.zarr", "--scale", "smoke"]):
        for given in (["-p", "plan.epochs", "4"], ["-f", str(tmp_path / "a.yaml")]):
            assert main([*command, *given]) == 0
        assert main([*command, "-f", str(tmp_path / "a.yaml"), "-p", "plan.epochs", "5"]) == 0
    assert seen == [{"plan.epochs": "4"}, {"plan.epochs": 3, "seed": 1}, {"plan.epochs": "5", "seed": 1}, 4, 3, 5]


@pytest.mark.parametrize("command", [["run", "a.ipynb", "--out", "out"], ["search", "a.zarr", "--scale", "smoke"]])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["-p", "plan.epohcs", "4"], "did you mean 'plan.epochs'"),
        (["-p", "seeed", "4"], "did you mean 'seed'"),
        (["-p", "plan.epochs", "4", "-p", "plan.epochs", "5"], "'plan.epochs' is given 2 times; give it once"),
        (["-p", "plan.epochs", ""], "'plan.epochs' is given an empty value; leave it out to have its default"),
        (["-p", "plan.epochs", "none"], "'plan.epochs' is given no value; leave it out to have its default"),
        (["-p", "plan.epochs", "many"], "'plan.epochs' is the text 'many', not a number"),
        (["-p", "plan.epochs", "-1"], "'plan.epochs' is -1: Input should be greater than"),
        (["-f", "b.yaml"], "line 2: key 'seed' is given twice"),
        (["-f", "none.yaml"], "none.yaml"),
    ],
)
def test_keys_and_values_are_refused_before_anything_is_made(tmp_path, monkeypatch, capsys, command, given, message):
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "a.ipynb", "scale = 'demo'\nchanges: dict | None = None")
    (tmp_path / "b.yaml").write_text("seed: 1\nseed: 2\n")
    assert main([*command, *given]) == 3
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ipynb", "b.yaml"]


def test_help_of_a_notebook_shows_its_parameters(tmp_path, capsys):
    source = "epochs: int = 2  # of each\nname = 'x'  # of it\nchanges: dict | None = (\n    None  # settings\n)"
    path = notebook(tmp_path / "a.ipynb", source)
    for option in ("-h", "--help"):
        with pytest.raises(SystemExit) as stop:
            main(["run", str(path), option])
        assert stop.value.code == 0
        text = capsys.readouterr().out
        lines = [line.split() for line in text.splitlines()]
        assert ["epochs", "2", "of", "each"] in lines
        assert ["name", "'x'", "of", "it"] in lines
        assert ["changes", "None", "settings"] in lines
        assert text.startswith("usage: lthkit run")
        assert "any setting by its dotted name" in text
    assert main(["run", str(tmp_path / "b.ipynb"), "--help"]) == 3


def test_a_notebook_that_fails_is_told_apart(tmp_path, capsys):
    path = notebook(tmp_path / "a.ipynb", "epochs = 1\nname = 1 / 0")
    assert main(["run", str(path), "--out", str(tmp_path / "out")]) == 4
    assert "raised ZeroDivisionError" in capsys.readouterr().err


def test_help_tells_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for code in ("0", "2", "3", "4", "130"):
        assert re.search(rf"^  {code} +[a-z]", text, re.M)


def test_damaged_scores_are_named_and_the_rest_is_shown(tmp_path, capsys):
    path = store(tmp_path / "a.zarr")
    chunk = next(
        file for file in (path / "scores" / "test_accuracy").rglob("*") if file.name != "zarr.json" and file.is_file()
    )
    chunk.write_bytes(chunk.read_bytes()[:-1])
    assert main(["show", str(path)]) == 0
    text = capsys.readouterr().out
    assert "no scores are shown" in text
    assert "test_accuracy" in text
    assert ["2", "50.00", "3"] in [line.split() for line in text.splitlines()]
    assert main(["show", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["curve"] == []
    assert "test_accuracy" in facts["curve_missing"]


def test_show_prints_no_nan(tmp_path, capsys):
    path = store(tmp_path / "a.zarr", validation=np.nan, selection="last")
    assert main(["show", str(path)]) == 0
    text = capsys.readouterr().out
    assert not re.search(r"\bnan\b", text)
    assert "test accuracy" in text
    assert "validation" not in text


def test_show_as_json(tmp_path, capsys):
    path = store(tmp_path / "a.zarr", validation=np.nan, selection="last")
    assert main(["show", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert facts["sparsity"] == [0.0, pytest.approx(1 / 6), 0.5]
    assert facts["density"]["conv.weight"] == [1.0, 0.75, 0.5]
    assert [(row["round"], row["score"], row["validation"]) for row in facts["curve"]] == [
        (0, 0.75, None),
        (1, 0.75, None),
    ]
    assert facts["layers"]["fc.weight"] == {"shape": [1, 2]}
    assert main(["show", "--sizes", str(tmp_path), "--json"]) == 0
    assert [item["kind"] for item in json.loads(capsys.readouterr().out)] == ["store", "lock"]


def test_list_as_json(tmp_path, capsys):
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    assert main(["list", "--catalog", str(tmp_path / "catalog.yaml"), "--json"]) == 0
    entry, *_ = json.loads(capsys.readouterr().out)
    assert (entry["name"], entry["present"], entry["licence"]) == ("digits", True, "BSD-3-Clause")


@pytest.mark.parametrize("option", ["-n", "--dry-run"])
def test_a_dry_run_removes_nothing(tmp_path, capsys, option):
    lock = make_store(tmp_path / "a.zarr", spec()).path.with_name("a.zarr.lock")
    assert main(["clean", str(tmp_path), option, "-y"]) == 0
    assert "to remove" in capsys.readouterr().out
    assert lock.exists()
    assert main(["clean", str(tmp_path), "-y"]) == 0
    assert not lock.exists()


def test_file_names_do_not_reach_the_terminal_as_they_are(tmp_path, capsys):
    path = store(tmp_path / "a\n\x1b[2J.zarr")
    for arguments in (["show", str(path)], ["show", "--sizes", str(tmp_path)], ["show", f"{path}x"]):
        main(arguments)
        captured = capsys.readouterr()
        text = captured.out + captured.err
        assert "\x1b" not in text
        assert "a\\n\\x1b[2J.zarr" in text


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "file/below"])
def test_impossible_paths_are_one_sentence(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    notebook(tmp_path / "a.ipynb")
    for arguments in (
        ["show", name],
        ["show", "--sizes", name],
        ["clean", name],
        ["collect", name],
        ["run", name, "--out", "out"],
        ["run", "a.ipynb", "--out", name],
        ["run", "a.ipynb", "-f", name, "--out", "out"],
    ):
        assert main(arguments) == 3
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("lthkit: ")
        assert captured.err.count("\n") == 1
