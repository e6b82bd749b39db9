"""Every study's paper scale, executed for one step: shrunk networks, a few made-up images of the right shape."""

import numpy as np
import pytest
import torch
import voc_made
from PIL import Image

from lthkit.batch import run_notebook
from lthkit.models import ModelSpec, build
from lthkit.studies import plan_batch, study_files

WIDTH = 2
SIDES = {
    "cifar10": 32,
    "cifar100": 32,
    "svhn": 32,
    "fashion-mnist": 28,
    "smallnorb": 96,
    "imagenet": 64,
    "visda2017": 64,
}
CHECKPOINTS = {
    "resnet50-imagenet-v1": "resnet50",
    "simclr-resnet50": "resnet50",
    "moco-v2-resnet50": "resnet50",
    "simclr-v2-resnet50": "resnet50",
    "simclr-v2-resnet152": "resnet152",
}
CLASSES = 4
SHORT = {"plan.steps": 1, "plan.batch_size": 2, "plan.evaluate_every": 1, "plan.threads": 1}


def images(folder, side, draws):
    for split in ("train", "test"):
        for kind in range(CLASSES):
            (folder / split / f"class{kind}").mkdir(parents=True)
            for number in range(4):
                pixels = draws.integers(0, 256, (side, side, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / f"class{kind}" / f"{number}.png")


def catalog(folder):
    """The names of the shipped catalog, with made-up images and checkpoints of shrunk networks behind them."""
    draws = np.random.default_rng(0)
    lines = ["datasets:"]
    usual = "licence: unknown, get: make it"
    for name, side in SIDES.items():
        images(folder / "data" / name, side, draws)
        lines.append(f"  {name}: {{type: folder, root: {folder / 'data' / name}, {usual}}}")
    box = voc_made.annotation(("dog", 4, 4, 30, 15), ("cat", 2, 2, 12, 12))
    boxes = {split: {f"{split}{number}": box for number in range(4)} for split in ("trainval", "test")}
    voc_made.write_boxes(folder / "boxes", boxes)
    mask = np.zeros((32, 32), np.uint8)
    mask[4:20, 6:24] = 1
    mask[2:8, 2:8] = 2
    masks = {split: {f"{split}{number}": mask for number in range(4)} for split in ("train", "val")}
    voc_made.write_masks(folder / "masks", masks)
    for name, kind, root, train, test in (
        ("voc2007+2012", "boxes", "boxes", "trainval", "test"),
        ("voc2012-segmentation", "masks", "masks", "train", "val"),
    ):
        lists = f"train: [VOC2007/{train}], test: [VOC2007/{test}]"
        lines.append(f"  {name}: {{type: voc, annotations: {kind}, root: {folder / root}, {lists}, {usual}}}")
    lines.append("checkpoints:")
    for name, model in CHECKPOINTS.items():
        network = build(ModelSpec(name=model, options={"width": WIDTH}), 10, seed=0)
        torch.save(network.state_dict(), folder / f"{name}.pth")
        lines.append(
            f"  {name}: {{type: file, root: {folder}, file: {name}.pth, model: {model}, normalisation: none, {usual}}}"
        )
    (folder / "data_catalog.yaml").write_text("\n".join(lines) + "\n")


def shrunk(run):
    """The run's values for one step of a narrow network, and one round of pruning."""
    changes = {key: value for key, value in (run.values.get("changes") or {}).items() if key != "plan.epochs"}
    notebook = run.notebook.stem[:2]
    if notebook == "01":
        rounds = {"pruning.rounds": min(changes.get("pruning.rounds", 1), 1)}
        narrow = {} if changes.get("model.name") in ("logistic", "mlp") else {"model.options": {"width": WIDTH}}
        few = {"task.options.queue": 4, "task.options.norm_groups": 1} if changes.get("task.name") == "moco" else {}
        early = {"plan.steps": 20} if run.labels.get("start") == "θ5%" else {}  # whose 5 % is one step
        return run.values | {"changes": changes | SHORT | rounds | narrow | few | early}
    if notebook == "02":
        rounds = [2] if run.step == "judged" else [1]  # a ticket that was pruned once more
        return run.values | {"rounds": rounds, "seeds": [0], "changes": changes | SHORT}
    if notebook in ("08", "09"):
        return run.values | {"rounds": [1], "seeds": [0], "changes": changes | SHORT | {"pruning.rounds": 1}}
    return dict(run.values)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    catalog(folder)
    return folder


def some_of_each(name):
    """Of each step a run with each label of each axis, and all that they need."""
    runs, seen, wanted = plan_batch([name], "paper", "batch").runs, set(), set()
    for run in runs:
        labels = {(run.step, axis, label) for axis, label in run.labels.items()} or {(run.step,)}
        if not labels <= seen:
            wanted |= {run.id} | run.needed
            seen |= labels
    return [run for run in runs if run.id in wanted]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(study_files()))
def test_the_paper_scale_runs_for_one_step(name, made_up, monkeypatch):
    monkeypatch.setenv("LTHKIT_CATALOG", str(made_up / "data_catalog.yaml"))
    monkeypatch.chdir(made_up)
    for run in some_of_each(name):
        values = shrunk(run)
        if "mask" in run.needs:  # of a search of one round
            values["changes"]["mask"] = values["changes"]["mask"].replace("@5", "@1")
        run_notebook(run.notebook, values, run.out, quiet=True, again=False)
        assert (run.out / run.notebook.name).is_file()
