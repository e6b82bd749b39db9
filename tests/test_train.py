import math

import pytest
import torch
from tiny import AUTOENCODER, DIGITS, tiny_config
from torch import nn

from lthkit import masks as masking
from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError, TrainingDiverged
from lthkit.search import make_task
from lthkit.train import (
    Keeping,
    check_task,
    columns,
    copy_state,
    loop,
    make_point,
    read_snapshot,
    tensors_sha256,
    train,
    write_snapshot,
)
from lthkit.train.state import capture, prove, restore


def made(base=AUTOENCODER, **changes):
    config = tiny_config(base, **changes)
    return make_task(config, load_catalog()), config.plan


def half(task):
    generator = torch.Generator().manual_seed(3)
    return {name: torch.rand(shape, generator=generator) < 0.5 for name, shape in task.prunable.items()}


def run(task, plan, masks, **options):
    return train(
        task,
        plan,
        masks,
        seed=5,
        begin=options.pop("begin", None) or make_point(0, copy_state(task.modules)),
        **options,
    )


def without_time(rows):
    return [sorted((key, value) for key, value in row.items() if key != "wall_time") for row in rows]


def same(first, second):
    pairs = zip(without_time(first.rows), without_time(second.rows), strict=True)
    assert all(str(one) == str(other) for one, other in pairs)
    assert first.point.digests == second.point.digests


# the loop


def test_sgd_with_mask_equals_hand_written_steps():
    """The whole loop against a few lines of plain SGD on the same batches."""
    task, plan = made(plan__momentum=0.9, plan__weight_decay=0.01)
    masks = half(task)
    start = make_point(0, copy_state(task.modules))
    end = run(task, plan, masks, begin=start).point.modules

    other, _ = made()
    other.modules.load_state_dict(start.modules)
    masking.apply_(dict(other.network.named_parameters()), masks)
    momentum = {}
    for step, batch in enumerate([*other.batches(5, 0, 0), *list(other.batches(5, 1, 0))[:2]]):
        torch.manual_seed(loop.derive(5, "step", step))
        other.modules.zero_grad()
        other.loss(batch).backward()
        rate = 0.05 * (1 + math.cos(math.pi * step / 5)) / 2
        with torch.no_grad():
            for name, parameter in other.modules.named_parameters():
                gradient = parameter.grad + 0.01 * parameter
                momentum[name] = 0.9 * momentum.get(name, 0) + gradient
                parameter -= rate * momentum[name]
                if name.removeprefix("network.") in masks:
                    parameter *= masks[name.removeprefix("network.")]
        other.after_step(step + 1)
    for name, tensor in other.modules.state_dict().items():
        torch.testing.assert_close(end[name], tensor, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_removed_weights_are_zero_and_others_move(precision):
    task, plan = made(DIGITS, plan__precision=precision, plan__epochs=1)
    masks = half(task)
    start = copy_state(task.modules)
    end = run(task, plan, masks).point.modules
    for name, mask in masks.items():
        assert torch.count_nonzero(end[name][~mask]) == 0
        # of thousands of weights the steps of one may cancel to the bit
        assert (end[name][mask] != start[name][mask]).double().mean() > 0.95
        assert end[name].dtype == torch.float32


def test_same_arguments_same_bits_and_the_callers_random_state_is_untouched():
    task, plan = made(DIGITS)
    start = make_point(0, copy_state(task.modules))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = run(task, plan, half(task), begin=start)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    same(first, run(task, plan, half(task), begin=start))


@pytest.mark.parametrize("base", [AUTOENCODER, DIGITS], ids=["autoencoder", "digits"])
def test_going_on_from_any_saved_state_gives_the_same_bits(base, tmp_path):
    task, plan = made(base)
    start = make_point(0, copy_state(task.modules))
    saved = []

    def save(snapshot):
        write_snapshot(tmp_path / f"{len(saved)}.state", snapshot, {"round": 1})
        saved.append(tmp_path / f"{len(saved)}.state")

    whole = run(task, plan, half(task), begin=start, keeping=Keeping(save, seconds=0, best=True))
    assert len(saved) == plan.total_steps(task.steps_per_epoch())
    for path in saved:
        snapshot, header = read_snapshot(path)
        assert header == {"round": 1}
        resumed = run(task, plan, half(task), begin=snapshot, keeping=Keeping(best=True))
        same(whole, resumed)
        assert tensors_sha256(whole.best) == tensors_sha256(resumed.best)


def test_the_test_split_is_scored_where_validation_is_best():
    task, plan = made()
    values = iter([5.0, 7.0, 4.0])
    asked = []

    def evaluate(split):
        asked.append(split)
        return {"error": next(values) if split == "validation" else 1.0}

    task.evaluate = evaluate
    rows = run(task, plan, {}).rows
    assert asked == ["validation", "test", "validation", "validation", "test"]
    assert [row["test_error"] for row in rows] == pytest.approx([1.0, float("nan"), 1.0], nan_ok=True)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_validation_that_is_no_number_never_counts_and_blocks_nothing(value):
    task, plan = made()
    values, asked = iter([value, 7.0, value]), []

    def evaluate(split):
        asked.append(split)
        return {"error": next(values) if split == "validation" else 1.0}

    task.evaluate = evaluate
    trained = run(task, plan, {}, keeping=Keeping(best=True))
    assert asked == ["validation", "validation", "test", "validation"]
    assert [math.isnan(row["test_error"]) for row in trained.rows] == [True, False, True]
    assert trained.best is not None


def test_a_validation_that_is_never_a_number_ends_unscored():
    task, plan = made()
    task.evaluate = lambda split: {"error": math.nan} if split == "validation" else pytest.fail("the test was scored")
    trained = run(task, plan, {}, keeping=Keeping(best=True))
    assert trained.point.step == 6
    assert all(math.isnan(row["test_error"]) and math.isnan(row["validation_error"]) for row in trained.rows)
    assert trained.best is None


def test_without_selection_only_the_end_is_scored():
    task, plan = made(plan__selection="last")
    rows = run(task, plan, {}).rows
    assert [math.isnan(row["test_error"]) for row in rows] == [True, True, False]
    assert list(rows[0]) == list(columns(task))


def test_evaluation_leaves_training_mode_and_running_statistics_alone():
    task, plan = made(DIGITS, plan__epochs=1)
    seen = []
    loss = task.loss
    task.loss = lambda batch: (seen.append(task.network.training), loss(batch))[1]
    run(task, plan.model_copy(update={"epochs": 2}), {})
    assert all(seen)
    before = copy_state(task.modules)
    with loop.machine.scoring(plan, task.modules):
        task.evaluate("test")
    assert tensors_sha256(copy_state(task.modules)) == tensors_sha256(before)


def test_a_loss_that_is_not_finite_names_its_step():
    task, plan = made()
    loss, steps = task.loss, []
    task.loss = lambda batch: (steps.append(1), loss(batch) * (float("nan") if len(steps) == 3 else 1))[1]
    with pytest.raises(TrainingDiverged, match="nan at step 3 of 6"):
        run(task, plan, {})


def test_a_mask_for_another_network_is_refused():
    task, plan = made()
    with pytest.raises(LthkitError, match="'other'"):
        run(task, plan, {"other": torch.ones(1, dtype=torch.bool)})


def test_selection_by_validation_needs_a_split():
    task, plan = made()
    task.splits = ("test",)
    with pytest.raises(LthkitError, match="needs a validation split"):
        run(task, plan, {})


def test_too_many_evaluations_are_refused():
    task, plan = made(plan__steps=10**9, plan__evaluate_every=1)
    with pytest.raises(LthkitError, match="1,000,000,000 evaluations in a training; raise"):
        check_task(task, plan)


def test_a_network_outside_the_modules_is_refused():
    task, plan = made()
    task.network = nn.Conv2d(1, 1, 1)
    with pytest.raises(LthkitError, match="do not contain its network"):
        run(task, plan, {})


@pytest.mark.parametrize("base", [AUTOENCODER, DIGITS], ids=["autoencoder", "digits"])
def test_an_interruption_stops_between_steps_and_goes_on_to_the_same_bits(base):
    import os
    import signal

    task, plan = made(base)
    start = make_point(0, copy_state(task.modules))
    whole = run(task, plan, half(task), begin=start)
    loss, steps, saved, handler = task.loss, [], [], signal.getsignal(signal.SIGINT)

    def interrupted_loss(batch):
        steps.append(1)
        if len(steps) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return loss(batch)

    task.loss = interrupted_loss
    with pytest.raises(KeyboardInterrupt):
        run(task, plan, half(task), begin=start, keeping=Keeping(saved.append))
    assert [snapshot.point.step for snapshot in saved] == [3]
    same(whole, run(task, plan, half(task), begin=saved[0]))
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_state_file_that_is_damaged_is_refused(tmp_path):
    task, plan = made()
    path = tmp_path / "a.state"
    write_snapshot(path, run(task, plan, {}), {"round": 0})
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(LthkitError, match="damaged"):
        read_snapshot(path)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(LthkitError, match="cannot be read"):
        read_snapshot(path)


# the proof that rewinding restores everything


@pytest.mark.parametrize(
    "corrupt",
    [
        "network.0.weight",  # first convolution, prunable here
        "network.1.weight",  # BatchNorm scale
        "network.1.running_var",
        "network.1.num_batches_tracked",
        "network.5.bias",
        "decoder.weight",  # head
        "mean_code",  # a task's extra state
        "optimizer/network.3.weight/momentum_buffer",
        "optimizer/decoder.bias/momentum_buffer",
    ],
)
def test_each_kind_of_state_left_unrestored_is_found(corrupt):
    task, _ = made()
    optimizer = torch.optim.SGD(task.modules.parameters(), 0.1, 0.9)
    task.modules.train()
    for batch in task.batches(0, 0, 0):
        task.loss(batch).backward()
        optimizer.step()
        task.after_step(1)
    point = capture(4, task.modules, optimizer)
    masks = half(task)
    named = {f"network.{name}": mask for name, mask in masks.items()}
    for batch in task.batches(0, 1, 0):
        task.loss(batch).backward()
        optimizer.step()
        task.after_step(1)

    restore(point, task.modules, optimizer)
    masking.apply_(dict(task.network.named_parameters()), masks)
    prove(point, task.modules, optimizer, named)

    with torch.no_grad():
        if corrupt.startswith("optimizer/"):
            _, name, key = corrupt.split("/")
            optimizer.state[dict(task.modules.named_parameters())[name]][key].add_(1)
        else:
            task.modules.state_dict()[corrupt].add_(1)
    with pytest.raises(RuntimeError, match=corrupt.replace(".", r"\.")):
        prove(point, task.modules, optimizer, named)


def test_a_momentum_left_over_is_found():
    task, _ = made()
    start = make_point(0, copy_state(task.modules))
    optimizer = torch.optim.SGD(task.modules.parameters(), 0.1, 0.9)
    task.loss(next(task.batches(0, 0, 0))).backward()
    optimizer.step()
    task.modules.load_state_dict(start.modules)
    with pytest.raises(RuntimeError, match="left 'optimizer/"):
        prove(start, task.modules, optimizer, {})


def test_a_stored_copy_that_is_trained_along_is_found():
    task, plan = made()
    shared = make_point(0, dict(task.modules.state_dict()))
    run(task, plan, {}, begin=shared)
    with pytest.raises(RuntimeError, match=r"did not restore|has changed"):
        run(task, plan, half(task), begin=shared)


# the machine


def test_the_thread_count_is_the_plans_and_is_put_back():
    task, plan = made()
    before, seen = torch.get_num_threads(), []
    loss = task.loss
    task.loss = lambda batch: (seen.append(torch.get_num_threads()), loss(batch))[1]
    run(task, plan.model_copy(update={"threads": before + 1}), {})
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before
