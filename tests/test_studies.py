"""Studies: from the file to runs, and what cannot be used."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import studies_made
import yaml

from lthkit.batch import code_sha256, read_notebook, read_parameters
from lthkit.cli import main
from lthkit.errors import LthkitError
from lthkit.scales import configure
from lthkit.studies import Local, Shelf, find_study, plan_batch, read_study, runs_of, study_files
from lthkit.studies.work import Ended, work
from lthkit.train import learning_rate

PAPERS = [
    *(f"chen2021-fig{number:02}" for number in range(2, 13)),
    "chen2021-table2",
    *(f"mehta2019-fig{number}" for number in range(1, 10)),
]
SCALES = ("demo", "small", "paper")


def expanded(path, scale="smoke"):
    return runs_of(read_study(path), path.stem, scale, Path)


def values(run):
    """Without its folder and what it needs."""
    return {name: value for name, value in run.values.items() if name not in ("out", *run.needs)}


@pytest.fixture
def mine(tmp_path):
    return studies_made.study(tmp_path)


# --- from the file to runs ------------------------------------------------------------------------------------


def test_a_step_has_a_run_for_each_combination_and_each_run_that_it_needs(mine):
    runs = expanded(mine)
    assert [run.name for run in runs] == [
        *("begin · 1", "begin · 2", "begin · 3"),
        *("end · 1 · first", "end · 1 · second", "end · 2 · first"),
        *("end · 2 · second", "end · 3 · first", "end · 3 · second"),
    ]
    assert [run.values.get("value") for run in runs] == [1, 2, 3] + [10] * 6
    begun = {run.labels["value"]: run.id for run in runs[:3]}
    for run in runs[3:]:
        assert run.needs == {"source": [[begun[run.labels["value"]], "made.txt"]]}
        assert run.needed == {begun[run.labels["value"]]}


def test_one_run_or_all_of_an_axis_can_be_needed(tmp_path):
    tiny = str(studies_made.notebook(tmp_path))
    steps = {
        "begin": {"notebook": tiny, "each": ["value"]},
        "one": {"notebook": tiny, "needs": {"source": {"of": "begin/made.txt", "at": {"value": "2"}}}},
        "all": {"notebook": tiny, "needs": {"sources": {"of": "begin/made.txt", "over": "value"}}},
    }
    planned = plan_batch([studies_made.study(tmp_path, steps=steps)], "smoke", tmp_path / "out").runs
    begin = {run.labels["value"]: run for run in planned if run.step == "begin"}
    (one,) = [run for run in planned if run.step == "one"]
    (every,) = [run for run in planned if run.step == "all"]
    assert (one.labels, every.labels) == ({}, {})
    assert one.needs == {"source": [[begin["2"].id, "made.txt"]]}
    assert every.needs == {"sources": [[run.id, "made.txt"] for run in begin.values()]}
    assert one.values["source"] == f"{begin['2'].out / 'made.txt'}"
    assert every.values["sources"] == [f"{run.out / 'made.txt'}" for run in begin.values()]
    assert begin["2"].out == tmp_path / "out" / "runs" / begin["2"].id[:16]


def test_a_run_is_named_by_all_that_decides_it(tmp_path):
    first = expanded(studies_made.study(tmp_path))
    again = expanded(studies_made.study(tmp_path, name="other", title="Another title"))
    assert [run.id for run in first] == [run.id for run in again]
    slower = {"begin": {"seconds": 0.5}}
    others = expanded(studies_made.study(tmp_path, scales={"smoke": {"given": slower}}))
    assert not {run.id for run in first} & {run.id for run in others}  # those that need it are others, too
    said = expanded(studies_made.study(tmp_path, scales={"smoke": {"given": {"begin": {"fails": 0}}}}))
    assert [run.id for run in first] == [run.id for run in said]  # the default, said


def test_a_scale_changes_axes_and_values(tmp_path):
    section = {"axes": {"value": {"seven": {"value": 7, "stands_for": "1"}}}, "given": {"end": {"fails": 1}}}
    runs = expanded(studies_made.study(tmp_path, scales={"smoke": section}))
    assert [run.name for run in runs] == ["begin · seven", "end · seven · first", "end · seven · second"]
    assert values(runs[0]) == {"value": 7}
    assert values(runs[1]) == {"value": 10, "fails": 1, "seconds": 0.0}


def test_a_study_extends_another_and_takes_the_steps_that_it_needs(tmp_path):
    base = studies_made.study(tmp_path, name="_base", paper="A paper")
    tiny = str(tmp_path / "tiny.ipynb")
    more = yaml.safe_load(base.read_text())["steps"] | {"unused": {"notebook": tiny}}
    studies_made.study(tmp_path, name="_base", steps=more, scales={"smoke": {"given": {"unused": {}, "begin": {}}}})
    own = tmp_path / "own.yaml"
    own.write_text("extends: _base\ntitle: Mine\nsteps:\n  end:\n    given: {fails: 1}\naxes:\n  value: [5]\n")
    study = read_study(own)
    assert list(study.steps) == ["begin", "end"]
    assert study.along == ["begin"]
    assert study.steps["end"].given == {"value": 10, "fails": 1}
    assert list(study.axes) == ["value", "half"]
    assert list(study.axes["value"]) == ["5"]
    assert study.title == "Mine"


def test_of_steps_that_came_along_there_are_the_runs_that_are_needed(tmp_path):
    base = studies_made.study(tmp_path, name="_base")
    one = {"source": {"of": "begin/made.txt", "at": {"value": "2"}}}
    own = {"extends": base.stem, "title": "Mine", "steps": {"end": {"needs": one}}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    names = [run.name for run in expanded(tmp_path / "own.yaml")]
    assert names == ["begin · 2", "end · first", "end · second"]


# --- what cannot be used: one sentence, and nothing is started ------------------------------------------------


def wrong(folder, **changes):
    tiny = str(studies_made.notebook(folder))
    steps = {"begin": {"notebook": tiny, "each": ["value"]}}
    return studies_made.study(folder, steps=steps | changes.pop("steps", {}), **changes)


TINY = {"notebook": "TINY"}
MISTAKES = {
    "unknown parameter": (
        {"steps": {"begin": {**TINY, "given": {"valeu": 1}}}},
        "no parameter 'valeu'; did you mean 'value'",
    ),
    "unknown setting": (
        {"steps": {"begin": {"notebook": "01_find_ticket", "given": {"plan.epoch": 1}}}},
        "did you mean 'plan.epochs'",
    ),
    "value that does not fit": (
        {"steps": {"begin": {**TINY, "given": {"value": "many"}}}},
        "'value' is 'many'; give a value",
    ),
    "unknown notebook": (
        {"steps": {"begin": {"notebook": "01_find_tickets"}}},
        "there is no notebook '01_find_tickets'",
    ),
    "no parameters cell": ({"steps": {"begin": {"notebook": "BARE"}}}, "has no parameter 'out'"),
    "unknown axis": (
        {"steps": {"begin": {**TINY, "each": ["valu"]}}},
        "no axis 'valu' to go over; did you mean 'value'",
    ),
    "unknown step": (
        {"steps": {"end": {**TINY, "needs": {"source": "begn/made.txt"}}}},
        "needs a step 'begn'; did you mean",
    ),
    "no path": ({"steps": {"end": {**TINY, "needs": {"source": "begin"}}}}, "write STEP/PATH"),
    "path outside": ({"steps": {"end": {**TINY, "needs": {"source": "begin/../x"}}}}, "a path below that run's folder"),
    "cycle": (
        {
            "steps": {
                "begin": {**TINY, "needs": {"source": "end/made.txt"}},
                "end": {**TINY, "needs": {"source": "begin/made.txt"}},
            }
        },
        "steps need each other in a circle",
    ),
    "out": ({"steps": {"begin": {**TINY, "given": {"out": "here"}}}}, "sets 'out', which a batch sets itself"),
    "one output for two": ({"steps": {"again": {**TINY, "each": ["value"]}}}, "are one run with one output"),
    "missing store": (
        {"steps": {"begin": {**TINY, "given": {"source": "gone.zarr"}}}},
        "'source' is gone.zarr, where there is no",
    ),
    "several runs": (
        {"steps": {"end": {**TINY, "needs": {"source": {"of": "begin/made.txt", "at": {"valeu": "1"}}}}}},
        "runs of step 'begin', not one",
    ),
    "unknown key": ({"question": "why", "step": {}}, "unknown key 'step'"),
    "step that nobody has": (
        {"scales": {"smoke": {"given": {"bgin": {}}}}},
        "values of a step 'bgin'; did you mean 'begin'",
    ),
}


@pytest.mark.parametrize(("changes", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_one_sentence_before_anything_starts(tmp_path, capsys, changes, sentence):
    bare = tmp_path / "bare.ipynb"
    studies_made.notebook(tmp_path, "bare", parameters="")
    text = json.dumps(changes).replace("TINY", str(tmp_path / "tiny.ipynb")).replace("BARE", str(bare))
    path = wrong(tmp_path, **json.loads(text))
    out = tmp_path / "out"
    assert main(["batch", str(path), "--scale", "smoke", "--out", str(out)]) == 3
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
    assert not out.exists()


def test_unknown_studies_scales_and_folders_are_named(mine, tmp_path, capsys):
    with pytest.raises(LthkitError, match="there is no study 'chen2021-fig3'; did you mean 'chen2021-fig03'"):
        find_study("chen2021-fig3")
    with pytest.raises(LthkitError, match="study 'mine' has no scale 'demo'; choose from smoke"):
        plan_batch([mine], "demo", tmp_path)
    with pytest.raises(LthkitError, match="study 'mine' is given twice"):
        plan_batch([mine, mine], "smoke", tmp_path)
    for command in ("status", "report"):
        assert main([command, str(tmp_path)]) == 3
        assert "there is no batch in" in capsys.readouterr().err
    batch = plan_batch([mine], "smoke", tmp_path / "out")
    batch.carry_out(Pretended(batch.shelf))
    capsys.readouterr()
    assert main(["report", str(tmp_path / "out"), "--study", "mien"]) == 3
    assert "has no study 'mien'; did you mean 'mine'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["batch", str(mine), "--scale", "smoke", "--out", str(tmp_path), "--for", "3 hours"])
    assert "is no time; write e.g. 3h50m" in capsys.readouterr().err


def test_studies_that_extend_each_other_are_refused(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {other}\n")
    with pytest.raises(LthkitError, match="extend each other in a circle, a → b → a"):
        read_study(tmp_path / "a.yaml")
    (tmp_path / "c.yaml").write_text("extends: gone\n")
    with pytest.raises(LthkitError, match="extends 'gone', but there is no"):
        read_study(tmp_path / "c.yaml")


# --- the papers' studies --------------------------------------------------------------------------------------


def test_there_is_a_study_for_every_figure_and_table_with_results():
    assert sorted(study_files()) == sorted(PAPERS)
    places = {(study.paper, study.where) for study in map(read_study, study_files().values())}
    figures = {("Chen et al. 2021", f"Figure {number}") for number in range(2, 13)}
    figures |= {("Mehta 2019", f"Figure {number}") for number in range(1, 10)}
    assert places == figures | {("Chen et al. 2021", "Table 2")}


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    """Scale → study → its runs, of all of the papers' studies."""
    return {scale: {name: expanded(path, scale) for name, path in study_files().items()} for scale in SCALES}


@pytest.mark.parametrize("scale", SCALES)
def test_all_studies_fit_their_notebooks_at_every_scale(every, scale):
    for name, runs in every[scale].items():
        assert runs, name
        assert all(run.values["scale"] == scale for run in runs)
        known = set()
        for run in runs:
            assert run.needed <= known  # each after those that it needs
            known.add(run.id)
            assert run.values.keys() <= read_parameters(run.notebook).keys()  # settings are in their `changes`
    shared = Counter(run.id for runs in every[scale].values() for run in runs)
    assert max(shared.values()) > 1  # studies share runs


def settings(every, study, step, **labels):
    """The configuration that a notebook makes of a run's parameters, as ``configure`` sees it."""
    (run,) = [
        run
        for run in every["paper"][study]
        if run.step == step and all(run.labels[axis] == label for axis, label in labels.items())
    ]
    return configure("paper", run.values.get("stage", "target"), run.values.get("changes"))


# Chen et al. 2021, Table 1: length, batch, rate, weight decay
TABLE_1 = {
    ("chen2021-fig02", "pretrained", "pretraining", "supervised"): (10, 256, 1e-4, 1e-4),
    ("chen2021-fig02", "pretrained", "pretraining", "simclr"): (10, 256, 1e-4, 1e-4),
    ("chen2021-fig02", "pretrained", "pretraining", "moco"): (10, 256, 3e-4, 1e-4),
}


@pytest.mark.parametrize(("place", "numbers"), TABLE_1.items(), ids=lambda value: str(value[-1]))
def test_the_paper_scale_has_the_papers_pretraining(every, place, numbers):
    study, step, axis, label = place
    plan = settings(every, study, step, **{axis: label}).plan
    assert (plan.epochs, plan.batch_size, plan.learning_rate, plan.weight_decay) == numbers
    assert (plan.schedule, plan.optimizer, plan.momentum) == ("constant", "SGD", 0.9)


# Mehta 2019, Table 1: network; iterations on the source and on the target, batch, rates
MEHTA = {
    "mehta2019-fig1": ("resnet18", 30000, 25000, 128, (5e-3, 1e-3, 1e-4)),
    "mehta2019-fig5": ("resnet18", 30000, 30000, 128, (5e-3, 1e-3, 1e-4)),
    "mehta2019-fig8": ("vgg19", 112000, 50000, 64, (1e-2, 1e-3, 1e-4)),
    "mehta2019-fig9": ("vgg19", 112000, 112000, 64, (1e-2, 1e-3, 1e-4)),
}


@pytest.mark.parametrize(("study", "numbers"), MEHTA.items(), ids=MEHTA)
def test_the_paper_scale_has_mehtas_training(every, study, numbers):
    network, on_source, on_target, batch, rates = numbers
    for step, length in (("source", on_source), ("transferred", on_target)):
        config = settings(every, study, step)
        plan = config.plan
        assert (plan.steps, plan.batch_size, plan.weight_decay, plan.momentum) == (length, batch, 1e-4, 0.9)
        reached = [learning_rate(plan, at, 352) for at in (0, length * 5 // 8, length - 1)]
        assert reached == pytest.approx(rates)
    source = settings(every, study, "source")
    assert (source.model.name, source.model.prune_first, source.rewind.to) == (network, True, "none")
    assert (source.pruning.rate, source.pruning.rounds, source.data.name) == (0.2, 18, "cifar10")


@pytest.mark.parametrize("target", ["cifar10", "cifar100", "svhn", "fashion-mnist"])
def test_the_paper_scale_has_the_papers_classification(every, target):
    for step, labels in (("transferred", {}), ("found", {"run": "0"})):
        config = settings(every, "chen2021-fig03", step, pretraining="moco", target=target, **labels)
        plan = config.plan
        assert (plan.epochs, plan.batch_size, plan.learning_rate, plan.weight_decay) == (182, 256, 0.1, 2e-4)
        assert (plan.schedule, plan.milestones, plan.gamma) == ("steps", (91, 136), 0.1)
        assert config.data.name == target
        assert config.model.small_stem


def test_the_paper_scale_has_the_papers_synthetic_images(every):
    config = settings(every, "chen2021-fig04", "transferred", pretraining="simclr")
    plan = config.plan
    assert (plan.epochs, plan.batch_size, plan.learning_rate, plan.weight_decay) == (20, 128, 1e-3, 5e-4)
    assert (plan.milestones, config.data.name, config.model.small_stem) == ((10,), "visda2017", False)


# Chen et al. 2021, Table 1 and appendix B.2: length, batch, rates, weight decay
SCENES = {
    ("chen2021-fig05", "detected", "yolov4"): (("epochs", 50), 8, (1e-4, 1e-6), 5e-4, "cosine"),
    ("chen2021-fig11", "detected", "faster-rcnn"): (("steps", 24000), 4, (0.005, 0.0), 1e-4, "polynomial"),
    ("chen2021-fig11", "detected", "ssd"): (("steps", 120000), 32, (1e-3, 0.0), 5e-4, "steps"),
    ("chen2021-fig05", "segmented", ""): (("steps", 30000), 4, (0.01, 0.0), 1e-4, "steps"),
}


@pytest.mark.parametrize(("place", "numbers"), SCENES.items(), ids=lambda value: str(value[-1]))
def test_the_paper_scale_has_the_papers_scenes(every, place, numbers):
    study, step, detector = place
    runs = [run for run in every["paper"][study] if run.step == step and run.labels.get("detector", "") == detector]
    assert [run.labels["pretraining"] for run in runs] == ["supervised", "simclr", "moco"]
    for run in runs:
        task = {"task.name": "segmentation"} if step == "segmented" else {"task.name": "detection"}
        chosen = {"task.options.detector": detector} if detector else {}
        plan = configure("paper", "target", task | chosen | run.values["changes"]).plan
        (unit, length), batch, rates, decay, schedule = numbers
        assert (getattr(plan, unit), plan.batch_size, plan.weight_decay, plan.schedule) == (
            length,
            batch,
            decay,
            schedule,
        )
        assert (plan.learning_rate, plan.final_learning_rate) == rates
        assert (run.values["seeds"], len(run.values["rounds"])) == ([0, 1, 2], 18)
        assert run.values.get("detectors", [""]) == [detector]


def test_the_paper_scale_has_the_papers_temperatures(every):
    runs = [run for run in every["paper"]["chen2021-table2"] if run.step == "tempered"]
    assert [float(run.labels["temperature"]) for run in runs] == [0.1, 0.2, 0.5, 1, 2, 10, 20]
    assert [run.values["changes"]["task.options.temperature"] for run in runs] == [0.1, 0.2, 0.5, 1, 2, 10, 20]
    assert all(places == [[places[0][0], "ticket.zarr@5"]] for run in runs for places in run.needs.values())


def test_the_guides_study_can_be_planned(tmp_path):
    page = (Path(__file__).parents[1] / "docs" / "studies.md").read_text()
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", page, flags=re.M | re.S)
    (tmp_path / "mine.yaml").write_text(text)
    for scale in ("demo", "small"):
        names = [run.name for run in expanded(tmp_path / "mine.yaml", scale)]
        assert names == ["ticket", "transferred · half", "transferred · few"]


# --- carrying out, with workers that only pretend -------------------------------------------------------------


class Pretended:
    """Workers that finish what they start at the next look, with the codes that they are told."""

    def __init__(self, shelf, codes=None, room=2):
        self.shelf, self.codes, self.room, self.open, self.started = shelf, codes or {}, room, [], []

    def has_room(self):
        return len(self.open) < self.room

    def start(self, run):
        self.open.append(run)
        self.started.append(run.name)

    def ended(self, patience):
        ended = []
        for run in self.open:
            codes = self.codes.get(run.name, [])
            code = codes.pop(0) if codes else 0
            if code == 0:
                folder = self.shelf.folder(run.id)
                folder.mkdir(parents=True, exist_ok=True)
                said = {"status": "success", "seconds": 1.0, "executed": "tiny.ipynb", "parameters": {}}
                (folder / "tiny.json").write_text(json.dumps(said))
            ended.append(Ended(run, code, "it broke" if code else ""))
        self.open = []
        return ended

    def interrupt(self):
        pass

    def close(self):
        pass


class Heard:
    def __init__(self):
        self.lines = []

    def done(self, run, seconds):
        self.lines.append(("done", run.name))

    def failed(self, run, error, again):
        self.lines.append(("again" if again else "failed", run.name, error))

    def skipped(self, run):
        self.lines.append(("skipped", run.name))


def carried_out(mine, tmp_path, codes=None, **options):
    batch = plan_batch([mine], "smoke", tmp_path / "out")
    workers, heard = Pretended(batch.shelf, codes), Heard()
    return batch, workers, heard, work(batch.runs, batch.shelf, workers, heard, **options)


def test_what_is_needed_comes_first_and_what_is_done_is_not_done_again(mine, tmp_path):
    batch, workers, _, outcome = carried_out(mine, tmp_path)
    for run in batch.runs:
        place = workers.started.index(run.name)
        needed = [other.name for other in batch.runs if other.id in run.needed]
        assert all(workers.started.index(name) < place for name in needed)
    assert len(outcome.done) == len(workers.started) == 9
    _, workers, heard, outcome = carried_out(mine, tmp_path)
    assert (workers.started, heard.lines, len(outcome.done)) == ([], [], 9)


def test_a_failed_run_is_tried_again_and_then_what_needs_it_is_skipped(mine, tmp_path):
    codes = {"begin · 2": [4, 4, 4], "end · 1 · first": [4, 0]}
    batch, workers, heard, outcome = carried_out(mine, tmp_path, codes, retries=1)
    names = {run.id: run.name for run in batch.runs}
    assert {names[one]: error for one, error in outcome.failed.items()} == {"begin · 2": "it broke"}
    assert [names[one] for one in outcome.skipped] == ["end · 2 · first", "end · 2 · second"]
    assert workers.started.count("begin · 2") == workers.started.count("end · 1 · first") == 2
    assert ("again", "begin · 2", "it broke") in heard.lines
    assert len(outcome.done) == 6


def test_nothing_starts_after_the_limit(mine, tmp_path):
    *_, workers, _, outcome = carried_out(mine, tmp_path, until=0.0)
    assert workers.started == []
    assert len(outcome.left) == 9


def test_a_run_of_other_code_is_told_and_kept(mine, tmp_path, capsys):
    batch, *_ = carried_out(mine, tmp_path)
    record = batch.shelf.folder(batch.runs[0].id) / "tiny.json"
    code = code_sha256(read_notebook(tmp_path / "tiny.ipynb"))
    record.write_text(record.read_text().replace('"parameters"', f'"code_sha256": "{code}", "parameters"'))
    assert main(["batch", str(mine), "--scale", "smoke", "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert told.count("made with other code") == 8
    assert "9 runs: 9 done" in told
    assert "about 00:00 are left" in told


def test_a_dry_run_estimates_from_runs_that_are_done(mine, tmp_path, capsys):
    batch, *_ = carried_out(mine, tmp_path)
    for run in batch.runs[1:3] + batch.runs[4:]:
        (batch.shelf.folder(run.id) / "tiny.json").unlink()
    arguments = ["batch", str(mine), "--scale", "smoke", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--dry-run", "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    assert "9 runs: 2 done, 7 to do" in told
    assert "about 00:07 are left" in told


def test_studies_share_runs_and_keep_their_own_names_for_them(mine, tmp_path):
    tiny = str(tmp_path / "tiny.ipynb")
    steps = {"start": {"notebook": tiny, "each": ["which"]}}
    axes = {"which": {"two": {"value": 2}}}
    other = studies_made.study(tmp_path, name="other", steps=steps, axes=axes)
    batch = plan_batch([mine, other], "smoke", tmp_path / "out")
    assert len(batch.runs) == 9  # its only run is one of theirs
    assert [run.name for run in batch.by_study["other"]] == ["start · two"]
    workers = Pretended(batch.shelf)
    batch.carry_out(workers)
    assert len(workers.started) == 9
    plans = {plan["study"]: plan for plan in batch.shelf.plans()}
    assert [run.name for run in plans["other"]["runs"]] == ["start · two"]
    assert plans["other"]["runs"][0].id in {run.id for run in plans["mine"]["runs"]}


def test_a_batch_that_was_moved_knows_its_runs(mine, tmp_path):
    batch = plan_batch([mine], "smoke", tmp_path / "out")
    batch.carry_out(Pretended(batch.shelf))
    (tmp_path / "out").rename(tmp_path / "moved")
    (plan,) = Shelf(tmp_path / "moved").plans()
    for run in plan["runs"]:
        assert run.out == tmp_path / "moved" / "runs" / run.id[:16]
        if run.step == "end":
            ((needed, path),) = run.needs["source"]
            assert run.values["source"] == str(tmp_path / "moved" / "runs" / needed[:16] / path)


def test_the_folder_says_nothing_of_runs_that_were_never_begun(mine, tmp_path):
    batch = plan_batch([mine], "smoke", tmp_path / "out")
    assert {state.standing for state in batch.states().values()} == {"to do"}
    assert not Path(tmp_path / "out").exists()


def test_gpus_are_dealt_out_to_jobs_in_turn(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert Local().jobs == 2
    several = Local(jobs=4)
    assert [several.environment(place) for place in range(4)] == [
        {"CUDA_VISIBLE_DEVICES": name} for name in ("2", "5", "2", "5")
    ]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert (Local().jobs, Local(jobs=3).environment(2)) == (1, {})  # all on the one that there is
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert (Local().jobs, Local().environment(0)) == (1, {})
