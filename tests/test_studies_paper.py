"""Every study's paper scale, executed for one step: shrunk networks, a few made-up images of the right shape."""

from pathlib import Path

import numpy as np
import pytest
import torch
import voc_made
from PIL import Image

from lthkit.batch import run_notebook
from lthkit.models import ModelSpec, build
from lthkit.studies import Shelf, read_study, runs_of, study_files

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
SHORT = {"plan.steps": 1, "plan.batch_size": 2, "plan.evaluate_every": 1, "pruning.rounds": 1, "plan.threads": 1}


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
    """The run's values for one step of a narrow network, and one round."""
    values = dict(run.values)
    changes = dict(values.get("changes") or {})
    own = {} if changes.get("model.name") in ("logistic", "mlp") else {"model.options": {"width": WIDTH}}
    if run.notebook.stem in ("02_transfer_ticket", "08_detection", "09_segmentation"):
        values |= {"rounds": [1], "seeds": [0]}
        own = {}  # the network is the source's
    if run.notebook.stem == "02_transfer_ticket" and run.step == "judged":
        values["rounds"] = [1]
    kept = {key: value for key, value in changes.items() if key != "plan.epochs"}
    short = {
        key: value for key, value in SHORT.items() if not (key == "pruning.rounds" and own == {} and "rounds" in values)
    }
    if "changes" in values or run.notebook.stem[:2] in ("01", "02", "08", "09"):
        values["changes"] = (
            kept | short | own | ({"pruning.rounds": 1} if run.notebook.stem[:2] in ("01", "08", "09") else {})
        )
    if changes.get("pruning.rounds") == 0:
        values["changes"]["pruning.rounds"] = 0
    return values


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    catalog(folder)
    return folder


def one_of_each(study, name):
    """One run of each step with all that it needs: the first, which has the first labels of all axes."""
    runs = runs_of(study, name, "paper")
    wanted, chosen = set(), []
    seen = set()
    for run in runs:
        if run.step not in seen:
            seen.add(run.step)
            wanted |= {run.id} | run.needed
    for run in runs:
        if run.id in wanted:
            chosen.append(run)
    return chosen


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(study_files()))
def test_the_paper_scale_runs_for_one_step(name, made_up, monkeypatch):
    monkeypatch.setenv("LTHKIT_CATALOG", str(made_up / "data_catalog.yaml"))
    monkeypatch.chdir(made_up)
    monkeypatch.setenv("LTHKIT_CACHE", "off")
    shelf = Shelf(Path("batch"))
    for run in one_of_each(read_study(study_files()[name]), name):
        planned = shelf.planned(run)
        given = {key: value for key, value in planned.values.items() if key not in run.values}
        values = shrunk(run) | given
        if "mask" in run.needs:  # of a search of one round
            values["mask"] = values["mask"].replace("@5", "@1")
        if run.step == "judged":
            values["rounds"] = [2]
        run_notebook(run.notebook, values, values["out"], quiet=True, again=False)
