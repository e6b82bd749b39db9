import random
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from killed import KINDS, in_process
from tiny import AUTOENCODER, DIGITS, tiny_config

from lthkit import analysis, controls
from lthkit import masks as masking
from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError, TrainingDiverged
from lthkit.progress import Silent
from lthkit.search import find_ticket, make_task, ranked_weights, read_result, train_once
from lthkit.search import run as finding
from lthkit.store import open_store, reopen, start_file, state_file, trained_file
from lthkit.train import copy_state, load_tensors, make_point, train


def find(path, base=AUTOENCODER, **changes):
    return find_ticket(tiny_config(base, **changes), path, progress=Silent())


def bits(path: Path) -> dict[str, bytes]:
    """All that a search leaves behind but times."""
    store = open_store(path)
    found = {f"codes {name}": codes.tobytes() for name, codes in store.codes().items()}
    for name, column in store.scores().data_vars.items():
        if name != "wall_time":
            found[f"scores {name}"] = column.values.tobytes()
    for file in sorted(path.with_suffix(".weights").iterdir()):
        if file.name != "rewind.safetensors":  # holds the seconds spent
            found[file.name] = file.read_bytes()
    return found | {"config": store.config_sha256.encode(), "counts": repr(store.counts).encode()}


def result_bits(path: Path) -> dict[str, object]:
    """A result but for times, and the weights beside it."""
    result = read_result(path)
    result["summary"].pop("wall_time")
    for row in result["rows"]:
        row.pop("wall_time")
    weights = path.with_suffix(".weights")
    return result | {file.name: file.read_bytes() for file in (weights.iterdir() if weights.is_dir() else ())}


def by_hand(config, prunings_from=0):
    """Algorithm 1 in plain lines: the masks of every round."""
    task = make_task(config, load_catalog())
    start = make_point(0, copy_state(task.modules))
    masks = masking.dense(task.prunable)
    found, total = [masks], masking.size(masks)
    for round in range(config.pruning.rounds):
        train(task, config.plan, masks, seed=config.seed, begin=start)
        flat = torch.cat([dict(task.network.named_parameters())[name].detach().abs().flatten() for name in masks])
        flat[~torch.cat([mask.flatten() for mask in masks.values()])] = -1
        order = np.argsort(flat.numpy(), kind="stable")
        alive = np.ones(total, bool)
        alive[order[: total - round_half_up(total * (1 - config.pruning.rate) ** (round + 1))]] = False
        parts = torch.from_numpy(alive).split([mask.numel() for mask in masks.values()])
        masks = {name: part.view(mask.shape) for part, (name, mask) in zip(parts, masks.items(), strict=True)}
        found.append(masks)
    return found


def round_half_up(value):
    return int(value + 0.5)


def test_the_search_is_algorithm_1(tmp_path):
    store = find(tmp_path / "a.zarr")
    expected = by_hand(tiny_config(AUTOENCODER))
    for round, masks in enumerate(expected):
        stored = store.masks(round)
        assert all(np.array_equal(stored[name], mask.numpy()) for name, mask in masks.items())


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_counts_are_exact_in_every_round(tmp_path, scope):
    store = find(tmp_path / "a.zarr", pruning__scope=scope, pruning__rounds=5)
    sizes = {name: int(np.prod(shape)) for name, shape in store.parameters.items()}
    for round in range(6):
        left = {name: int(mask.sum()) for name, mask in store.masks(round).items()}
        assert scope == "layer" or sum(left.values()) == masking.weights_left(sum(sizes.values()), 0.3, round)
        if scope == "layer":
            assert left == {name: masking.weights_left(size, 0.3, round) for name, size in sizes.items()}


def test_every_round_is_scored_and_the_state_file_is_gone(tmp_path):
    store = find(tmp_path / "a.zarr")
    scores = store.scores()
    assert (store.rounds, store.scored) == (3, 4)
    assert scores.step.values.tolist() == [[2, 4, 6]] * 4
    assert np.isfinite(scores.validation_error.values).all()
    assert not state_file(tmp_path / "a.zarr").exists()


def test_zero_rounds_only_train(tmp_path):
    store = find(tmp_path / "a.zarr", pruning__rounds=0)
    assert (store.rounds, store.scored) == (0, 1)
    assert trained_file(tmp_path / "a.zarr", 0, "best").exists()


def begins(monkeypatch):
    """What each round's training began from, and its first learning rate."""
    seen = []
    real = finding.train

    def noted(task, plan, masks, **options):
        begin = options["begin"]
        trained = real(task, plan, masks, **options)
        seen.append((getattr(begin, "point", begin), trained))
        return trained

    monkeypatch.setattr(finding, "train", noted)
    return seen


def test_rewinding_to_the_start_gives_the_start(tmp_path, monkeypatch):
    seen = begins(monkeypatch)
    find(tmp_path / "a.zarr")
    start, _ = load_tensors(start_file(tmp_path / "a.zarr"))
    for point, _ in seen:
        assert point.step == 0
        assert point.optimizer is None
        assert all(torch.equal(point.modules[name], start[name]) for name in start)


def test_true_rewinding_goes_on_from_step_k(tmp_path, monkeypatch):
    seen = begins(monkeypatch)
    store = find(tmp_path / "a.zarr", rewind={"to": "step", "step": 3})
    config = tiny_config(AUTOENCODER, plan__steps=3, plan__schedule="constant")
    assert [point.step for point, _ in seen] == [0, 3, 3, 3]
    assert all(point.optimizer.tensors for point, _ in seen[1:])
    steps = store.scores().step.values
    assert steps[0].tolist() == [2, 4, 6]
    assert steps[1, :2].tolist() == [4, 6]
    # the state at step k is that of the dense training stopped there: same weights, same momentum
    task = make_task(config, load_catalog())
    plan = tiny_config(AUTOENCODER).plan
    states = {}
    keeping = finding.Keeping(points={3: lambda point: states.update(point.digests)})
    train(task, plan, {}, seed=0, begin=make_point(0, copy_state(task.modules)), keeping=keeping)
    assert seen[1][0].digests == states


def test_restarting_takes_the_weights_of_step_k_through_the_whole_schedule(tmp_path, monkeypatch):
    seen = begins(monkeypatch)
    find(tmp_path / "a.zarr", rewind={"to": "restart", "share": 0.5})
    find(tmp_path / "b.zarr", rewind={"to": "step", "share": 0.5})
    restarted, true = seen[1][0], seen[5][0]
    assert (restarted.step, true.step) == (0, 3)
    assert restarted.optimizer is None
    assert all(torch.equal(restarted.modules[name], true.modules[name]) for name in true.modules)


def test_without_rewinding_each_round_goes_on_from_the_last(tmp_path, monkeypatch):
    seen = begins(monkeypatch)
    find(tmp_path / "a.zarr", rewind={"to": "none"})
    for (_, before), (point, _) in pairwise(seen):
        assert point.step == 0
        assert all(torch.equal(point.modules[name], tensor) for name, tensor in before.point.modules.items())


def test_a_search_from_a_stored_mask_counts_on_from_it(tmp_path):
    parent = find(tmp_path / "a.zarr")
    child = find(tmp_path / "b.zarr", mask=f"{tmp_path / 'a.zarr'}@2", seed=1, pruning__rounds=2)
    assert (child.first_round, child.rounds, child.scored) == (2, 4, 5)
    for round in range(3):
        inherited, own = parent.masks(round), child.masks(round)
        assert all(np.array_equal(inherited[name], own[name]) for name in own)
    base = sum(int(mask.sum()) for mask in parent.masks(2).values())
    assert sum(child.counts.values()) == masking.weights_left(base, 0.3, 2)
    assert child.provenance["parent"]["round"] == 2
    assert child.provenance["parent"]["config_sha256"] == parent.config_sha256
    assert child.scores()["round"].values.tolist() == [2, 3, 4]


@pytest.mark.parametrize("kind", ["complement", "random", "flip", "one_shot_start"])
def test_a_search_from_a_controls_mask_prunes_on_from_it(tmp_path, kind):
    parent = find(tmp_path / "a.zarr")
    recipe = {"kind": kind, "source": str(parent.path), "round": 2}
    recipe |= {"weights": "random"} if kind == "one_shot_start" else {}
    child = find(tmp_path / "b.zarr", mask=recipe, pruning__rounds=2)
    made = controls.realise(controls.parse_recipe(recipe, "mask"), weights=ranked_weights("random", parent))
    assert (child.first_round, child.rounds, child.scored) == (2, 4, 5)
    assert all(np.array_equal(child.masks(2)[name], mask.numpy()) for name, mask in made.masks.items())
    assert sum(child.counts.values()) == masking.weights_left(masking.left(made.masks), 0.3, 2)
    assert all((child.masks(4)[name] <= child.masks(3)[name]).all() for name in child.parameters)
    assert child.provenance["parent"]["recipe"]["kind"] == kind
    assert child.provenance["mask_sha256"] == made.sha256


def test_one_training_is_the_same_as_a_file_and_as_a_store_of_zero_rounds(tmp_path):
    parent = find(tmp_path / "a.zarr")
    changes = {"mask": f"{parent.path}@2", "weights": {"kind": "source"}, "pruning__rounds": 0}
    store = find(tmp_path / "b.zarr", **changes)
    result = train_once(tiny_config(AUTOENCODER, **changes), tmp_path / "b.result.json", progress=Silent())
    assert result["search"] == store.identity
    for name in ("step", "train_loss", "validation_error"):
        assert [row[name] for row in result["rows"]] == store.scores()[name].values[0].tolist()
    assert result["summary"]["sparsity"] == pytest.approx(1 - 0.7**2, abs=0.01)


def test_what_is_pruned_first_is_one_function(tmp_path):
    """A made-up criterion: the earliest weights by position go first."""
    store = find(tmp_path / "a.zarr", pruning__criterion="tiny:by_position", pruning__rounds=1)
    flat = np.concatenate([mask.ravel() for mask in store.masks(1).values()])
    gone = int((~flat).sum())
    assert not flat[:gone].any()
    assert flat[gone:].all()
    refused(tmp_path / "b.zarr", "no criterion 'magnitud'; did you mean 'magnitude'", pruning__criterion="magnitud")


def test_a_first_nan_validation_counts_neither_in_the_loop_nor_in_the_curve(tmp_path, monkeypatch):
    import autoencoder

    real, calls = autoencoder.Autoencoder.evaluate, []

    def first_is_nan(self, split):
        calls.append(split)
        return {"error": float("nan")} if calls == ["validation"] else real(self, split)

    monkeypatch.setattr(autoencoder.Autoencoder, "evaluate", first_is_nan)
    store = find(tmp_path / "a.zarr", pruning__rounds=0)
    row = analysis.curve(store)
    validation = store.scores().validation_error.values[0]
    assert np.isnan(validation[0])
    assert row.best_step.item() == [2, 4, 6][int(np.nanargmin(validation))]
    assert row.score.item() == store.scores().test_error.values[0][int(np.nanargmin(validation))]


def test_a_finished_search_from_a_mask_that_has_changed_since_is_not_taken_for_it(tmp_path):
    import shutil

    parent = find(tmp_path / "a.zarr")
    changes = {"mask": f"{parent.path}@2", "pruning__rounds": 1}
    child = find(tmp_path / "b.zarr", **changes)
    assert find(tmp_path / "b.zarr", **changes).identity == child.identity
    shutil.rmtree(parent.path)
    assert find(tmp_path / "b.zarr", **changes).identity == child.identity
    find(tmp_path / "a.zarr", seed=7)
    refused(tmp_path / "b.zarr", "starting mask are not those that .* began with", **changes)


def test_a_pre_trained_checkpoint_is_where_it_starts(tmp_path):
    find(tmp_path / "source.zarr", base=DIGITS, pruning__rounds=0, data__classes=[0, 1, 2, 3, 4])
    checkpoint = trained_file(tmp_path / "source.zarr", 0, "best")
    find(
        tmp_path / "target.zarr",
        base=DIGITS,
        data__classes=[5, 6, 7, 8, 9],
        model__checkpoint=str(checkpoint),
        model__head="new",
        pruning__rounds=0,
    )
    trained, _ = load_tensors(checkpoint)
    start, _ = load_tensors(start_file(tmp_path / "target.zarr"))
    same = {name for name in start if torch.equal(start[name], trained[name])}
    assert start.keys() - same == {"fc.weight", "fc.bias"}


def test_resnet50_on_a_handful_of_images(tmp_path, monkeypatch):
    """torchvision's ResNet-50: 52 prunable tensors, exact counts after two rounds of 20 %."""
    from PIL import Image

    for split in ("train", "test"):
        for number, kind in enumerate(("cat", "dog")):
            folder = tmp_path / "few" / split / kind
            folder.mkdir(parents=True)
            for index in range(2):
                pixels = np.random.default_rng(4 * number + index).integers(0, 255, (32, 32, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    (tmp_path / "data_catalog.yaml").write_text(
        "datasets:\n  few:\n    type: folder\n    root: few\n    licence: none\n    get: made by the test\n"
        "    description: four images\n"
    )
    monkeypatch.setenv("LTHKIT_CATALOG", str(tmp_path / "data_catalog.yaml"))
    values = {
        "model": {"name": "resnet50"},
        "data": {"name": "few", "validation": 0.0},
        "plan": {"steps": 1, "batch_size": 4, "learning_rate": 0.01, "selection": "last", "device": "cpu"},
        "pruning": {"rounds": 2},
        "keep_weights": "none",
    }
    store = find(tmp_path / "a.zarr", values)
    assert len(store.parameters) == 52
    assert sum(int(np.prod(shape)) for shape in store.parameters.values()) == 23_445_504
    assert sum(store.counts.values()) == 15_005_123
    assert sum(int(mask.sum()) for mask in store.masks(1).values()) == 18_756_403


# going on after kills


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rewind": {"to": "step", "step": 3}},
        {"rewind": {"to": "none"}},
        {"plan__compile": True},
    ],
    ids=["start", "step", "none", "compiled"],
)
def test_ten_kills_end_in_the_same_bits(tmp_path, changes):
    """SIGKILL before a random step, file or sync to disk, ten times, resumed each time."""
    values = tiny_config(AUTOENCODER, keep_weights="all", **changes).plain()
    events = in_process(values, tmp_path / "alone.zarr")
    chance = random.Random(3)
    for number in range(10):
        kind = KINDS[number % len(KINDS)]
        moment = chance.randint(1, max(1, events[kind] // 6))
        assert in_process(values, tmp_path / "killed.zarr", (kind, moment)) == -signal.SIGKILL
    assert in_process(values, tmp_path / "killed.zarr")["step"] > 0
    assert bits(tmp_path / "killed.zarr") == bits(tmp_path / "alone.zarr")


def test_a_kill_at_every_moment_of_a_commit_ends_in_the_same_bits(tmp_path, monkeypatch):
    """Every file operation of the second round's end, one after the other, raises as if the process had died."""
    import os

    class Died(BaseException):
        pass

    values = tiny_config(AUTOENCODER, pruning__rounds=1)
    find_ticket(values, tmp_path / "alone.zarr", progress=Silent())
    real = os.replace
    for moment in range(1, 100):
        path = tmp_path / f"{moment}.zarr"
        seen = []

        def replace(*args, moment=moment, seen=seen, **names):
            seen.append(1)
            if len(seen) == moment:
                raise Died
            return real(*args, **names)

        monkeypatch.setattr(os, "replace", replace)
        try:
            find_ticket(values, path, progress=Silent())
            assert moment > 5
            return
        except Died:
            monkeypatch.setattr(os, "replace", real)
            find_ticket(values, path, progress=Silent())
            assert bits(path) == bits(tmp_path / "alone.zarr")
    pytest.fail("the search never ran through")


def test_a_finished_search_is_opened_without_its_data(tmp_path, monkeypatch):
    find(tmp_path / "a.zarr")
    monkeypatch.setattr(finding, "prepare", None)
    assert find(tmp_path / "a.zarr").scored == 4


# bad input: one sentence, before any training, and nothing stored is harmed


def refused(path, message, base=AUTOENCODER, **changes):
    with pytest.raises(LthkitError, match=message):
        find(path, base, **changes)


def test_settings_that_make_no_sense_are_refused(tmp_path):
    path = tmp_path / "a.zarr"
    refused(path, "'pruning.rate' is 1.5", pruning__rate=1.5)
    refused(path, "'pruning.rate' is 0", pruning__rate=0)
    refused(path, "'pruning.rounds' is 255", pruning__rounds=255)
    refused(path, "give either step or share", rewind={"to": "step"})
    refused(path, "drop step and share", rewind={"to": "start", "step": 3})
    refused(path, "beyond the training's 6 steps", rewind={"to": "step", "step": 6})
    refused(path, "there is no task 'clasification'; did you mean 'classification'", task__name="clasification")
    refused(path, "importing 'no_such_module' failed", task__name="no_such_module:make")
    refused(path, "does not name a mask", mask="a.zarr")
    refused(path, r"nothing\.zarr", mask=str(tmp_path / "nothing.zarr@1"))
    refused(path, "no option 'depth'", base=DIGITS, task={"name": "classification", "options": {"depth": 1}})
    refused(tmp_path / "a", r"must end in \.zarr")
    assert not path.exists()


def test_a_mask_that_does_not_fit_is_refused(tmp_path):
    find(tmp_path / "a.zarr")
    path = tmp_path / "b.zarr"
    refused(path, "the mask", mask=f"{tmp_path / 'a.zarr'}@1", base=DIGITS)
    refused(path, "round 9", mask=f"{tmp_path / 'a.zarr'}@9")
    assert not path.exists()


def test_a_store_of_another_configuration_is_not_resumed(tmp_path):
    find(tmp_path / "a.zarr")
    before = bits(tmp_path / "a.zarr")
    refused(tmp_path / "a.zarr", r"pruning\.rate: 0\.3 → 0\.2", pruning__rate=0.2)
    refused(tmp_path / "a.zarr", r"plan\.threads: 1 → 2", plan__threads=2)
    assert bits(tmp_path / "a.zarr") == before


def test_threads_and_device_are_taken_from_the_store_when_resumed(tmp_path):
    find(tmp_path / "a.zarr")
    assert find(tmp_path / "a.zarr", plan__threads=None, plan__device="auto").config["plan"]["threads"] == 1


class Stop(Silent):
    """Interrupts the search when round 2 begins."""

    def begin(self, round, *numbers):
        if round == 2:
            raise KeyboardInterrupt


def stopped_in_the_middle(path, **changes):
    with pytest.raises(KeyboardInterrupt):
        find_ticket(tiny_config(AUTOENCODER, **changes), path, progress=Stop())


def test_other_starting_weights_or_samples_are_not_resumed(tmp_path, monkeypatch):
    import autoencoder

    stopped_in_the_middle(tmp_path / "a.zarr")

    def another(setting):
        task = autoencoder.Autoencoder(setting)
        with torch.no_grad():
            task.modules["decoder"].bias.add_(1)
        return task

    monkeypatch.setattr(autoencoder, "make", another)
    refused(tmp_path / "a.zarr", "starting weights are not those")
    monkeypatch.undo()
    real = autoencoder.Autoencoder.__init__

    def other_samples(self, setting):
        real(self, setting)
        self.data_sha256 = "others"

    monkeypatch.setattr(autoencoder.Autoencoder, "__init__", other_samples)
    refused(tmp_path / "a.zarr", "samples are not those")


def test_a_second_search_on_the_same_store_is_refused(tmp_path):
    stopped_in_the_middle(tmp_path / "a.zarr")
    with reopen(tmp_path / "a.zarr"):
        refused(tmp_path / "a.zarr", "already open for writing")


def test_a_loss_that_is_not_finite_names_round_and_step_and_keeps_what_was_committed(tmp_path, monkeypatch):
    import autoencoder

    loss, calls = autoencoder.Autoencoder.loss, []

    def broken(self, batch):
        calls.append(1)
        return loss(self, batch) * (float("inf") if len(calls) == 9 else 1)

    monkeypatch.setattr(autoencoder.Autoencoder, "loss", broken)
    with pytest.raises(TrainingDiverged, match="round 1 of 3: the loss is inf at step 3 of 6"):
        find(tmp_path / "a.zarr")
    assert open_store(tmp_path / "a.zarr").rounds == 1
    monkeypatch.setattr(autoencoder.Autoencoder, "loss", loss)
    find(tmp_path / "a.zarr")
    find(tmp_path / "b.zarr")
    assert bits(tmp_path / "a.zarr") == bits(tmp_path / "b.zarr")


def test_a_full_disk_loses_nothing_committed(tmp_path):
    """A real refusal by the kernel: files may not grow beyond a limit set after the first round."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    class Full(Silent):
        def begin(self, round, *numbers):
            if round == 1:
                resource.setrlimit(resource.RLIMIT_FSIZE, (512, limit[1]))

    try:
        with pytest.raises(LthkitError, match="cannot be written"):
            find_ticket(tiny_config(AUTOENCODER), tmp_path / "a.zarr", progress=Full())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert open_store(tmp_path / "a.zarr").rounds == 1
    find(tmp_path / "a.zarr")
    find(tmp_path / "b.zarr")
    assert bits(tmp_path / "a.zarr") == bits(tmp_path / "b.zarr")


def test_without_its_state_a_search_that_never_rewinds_says_so(tmp_path):
    stopped_in_the_middle(tmp_path / "a.zarr", rewind={"to": "none"})
    state_file(tmp_path / "a.zarr").unlink()
    refused(tmp_path / "a.zarr", "is gone and round 2 trains on from it", rewind={"to": "none"})
