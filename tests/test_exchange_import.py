"""Others' masks become stores: every form in use, and every mistake."""

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from stacks import PARAMETERS, Stack, imported, make_store, nested, same, saved, spec
from tiny import tiny_config
from torch import nn
from torch.nn.utils import prune

from lthkit.analysis import curve, layer_density
from lthkit.errors import LthkitError, StoreError
from lthkit.exchange import export_ticket, import_masks
from lthkit.models import build
from lthkit.search import find_ticket


def holds(store, masks):
    assert store.rounds == len(masks)
    for round, mask in enumerate(masks, 1):
        same(store.masks(round), mask)


def test_torch_s_own_pruning_comes_in(tmp_path):
    network = build(tiny_config().model, 5, seed=3)
    convolutions = [(name, m) for name, m in network.named_modules() if isinstance(m, nn.Conv2d) and name != "conv1"]
    states, masks = [], []
    for _ in range(3):
        prune.global_unstructured([(m, "weight") for _, m in convolutions], prune.L1Unstructured, amount=0.2)
        states.append(network.state_dict())
        masks.append({f"{name}.weight": m.weight_mask.bool() for name, m in convolutions})
        states[-1] = {name: tensor.clone() for name, tensor in states[-1].items()}
    result = imported(tmp_path, *states, model=tiny_config().model, rate=0.2)
    holds(result.store, masks)
    assert [(file.kind, file.round, file.prefix) for file in result.files] == [("prune", n, "") for n in (1, 2, 3)]


def test_layers_beside_torch_s_pairs_count_as_dense(tmp_path):
    network = Stack(2)
    prune.random_unstructured(network[0], "weight", amount=0.5)
    store = imported(tmp_path, network.state_dict()).store
    holds(store, [{"0.weight": network[0].weight_mask.bool(), "1.weight": torch.ones(2, 3, 3, 3, dtype=torch.bool)}])


@pytest.mark.parametrize("dtype", [torch.bool, torch.float32, torch.uint8, torch.int64, torch.bfloat16])
def test_mask_dicts_of_any_type_come_in(tmp_path, dtype):
    masks = nested(2)
    result = imported(tmp_path, *[{name: mask.to(dtype) for name, mask in each.items()} for each in masks])
    holds(result.store, masks)
    assert {file.kind for file in result.files} == {"mask"}


@pytest.mark.parametrize(
    ("wrap", "prefix"),
    [
        (lambda masks: {f"module.{name}": mask for name, mask in masks.items()}, "module."),
        (lambda masks: {"state_dict": masks, "epoch": 3, "lr": torch.tensor(0.1)}, "state_dict."),
        (
            lambda masks: (
                {f"module.encoder_q.{name}": mask for name, mask in masks.items()}
                | {f"module.encoder_k.{name}": torch.ones_like(mask) for name, mask in masks.items()}
            ),
            "module.encoder_q.",
        ),
        (lambda masks: {f"module.{name}_mask": mask.float() for name, mask in masks.items()}, "module."),
    ],
)
def test_names_may_have_prefixes_and_lie_in_containers(tmp_path, wrap, prefix):
    masks = nested(1)
    result = imported(tmp_path, wrap(masks[0]))
    holds(result.store, masks)
    assert result.files[0].prefix == prefix
    assert f"under '{prefix}'" in str(result)


def test_a_prefix_may_be_stated(tmp_path):
    one, other = nested(1, seed=1)[0], nested(1, seed=2)[0]
    both = {f"a.{name}": mask for name, mask in one.items()} | {f"b.{name}": mask for name, mask in other.items()}
    with pytest.raises(LthkitError, match="fits this network equally well under"):
        imported(tmp_path, both)
    holds(imported(tmp_path, both, model=spec(prefix="b")).store, [other])


def test_sparse_checkpoints_come_in(tmp_path):
    masks = nested(2)
    states = []
    for mask in masks:
        state = Stack(2).state_dict()
        states.append(state | {name: torch.where(mask[name], state[name], -0.0) for name in mask})
    save_file(states[0], tmp_path / "first.safetensors")
    second = saved(tmp_path, {"model": states[1], "optimizer": {"state": {}}})
    result = import_masks([tmp_path / "first.safetensors", *second], spec(), tmp_path / "a.zarr")
    holds(result.store, masks)
    assert [file.kind for file in result.files] == ["weights", "weights"]


def test_zeros_of_a_checkpoint_that_are_not_prunable_are_noted(tmp_path):
    state = Stack(2).state_dict()
    state["0.weight"][0] = 0
    state["1.weight"][0] = 0
    result = imported(tmp_path, state, model=spec(prune_first=False))
    assert list(result.store.parameters) == ["1.weight"]
    assert "18 zeros of '0.weight' not counted, which is not prunable without prune_first (--first)" in str(result)
    assert "18 zeros" in result.store.provenance["imported"][0]["notes"]


def test_masks_of_ones_beyond_the_prunable_are_taken(tmp_path):
    masks = nested(1)[0]
    beyond = {"fc.weight": torch.ones(1000, 2), "2.bias": torch.ones(2), "0.bias": torch.ones(3)}
    holds(imported(tmp_path, masks | beyond).store, [masks])


def test_parameters_not_named_are_dense_only_if_said(tmp_path):
    masks = {"0.weight": nested(1)[0]["0.weight"]}
    with pytest.raises(LthkitError, match=r"says nothing of '1.weight'; if .* \(--missing-dense\)"):
        imported(tmp_path, masks)
    result = imported(tmp_path, masks, missing_dense=True)
    holds(result.store, [masks | {"1.weight": torch.ones(2, 3, 3, 3, dtype=torch.bool)}])
    assert "'1.weight' taken as dense" in str(result)


def test_a_dense_first_file_becomes_nothing(tmp_path):
    masks = nested(2)
    dense = {name: torch.ones(shape) for name, shape in PARAMETERS.items()}
    result = imported(tmp_path, dense, *masks)
    holds(result.store, masks)
    assert [file.round for file in result.files] == [None, 1, 2]
    assert "mask1.pt: masks, 108 weights left: no round (it is dense)" in str(result)


def test_masks_that_are_not_nested_are_kept_beside(tmp_path):
    first, second, third = nested(3)
    odd = {name: ~mask for name, mask in first.items()}
    back = sum(int((odd[name] & ~first[name]).sum()) for name in odd)
    result = imported(tmp_path, first, odd, second, third)
    holds(result.store, [first, second, third])
    assert [(file.round, file.extra) for file in result.files] == [(1, None), (None, "mask2"), (2, None), (3, None)]
    same(result.store.read_extra("mask2"), odd)
    recipe = result.store.extra()["mask2"]
    assert recipe["file"].endswith("mask2.pt")
    assert recipe["reason"] == f"it keeps {back} weights that {tmp_path / 'mask1.pt'} (round 1) removed"


def test_extra_masks_of_one_name_get_numbers(tmp_path):
    first, second = nested(2)
    for number, content in enumerate([second, first, {name: ~mask for name, mask in first.items()}]):
        (tmp_path / str(number)).mkdir()
        torch.save(content, tmp_path / str(number) / "_dense mask.pt")
    files = [tmp_path / str(number) / "_dense mask.pt" for number in range(3)]
    store = import_masks(files, spec(), tmp_path / "a.zarr").store
    assert list(store.extra()) == ["dense_mask", "dense_mask-2"]
    same(store.read_extra("dense_mask"), first)


@settings(derandomize=True, max_examples=12, deadline=None)
@given(data=st.data())
def test_round_trips_are_bit_equal(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("round")
    model = spec(options={"widths": data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))})
    rounds = data.draw(st.integers(1, 3))
    weights = {name: -1 - torch.rand(tensor.shape) for name, tensor in build(model, 2, 0).state_dict().items()}
    store = make_store(folder / "a.zarr", model, rounds=rounds, seed=data.draw(st.integers(0, 99)), weights=weights)
    files = []
    for round in range(rounds + 1):
        form = data.draw(st.sampled_from(["torch", "safetensors", "prune", "bool", "float"]))
        files.append(folder / f"{round}.{'safetensors' if form == 'safetensors' else 'pt'}")
        export_ticket(store, round, files[-1], form if form in ("torch", "safetensors", "prune") else "prune")
        if form in ("bool", "float"):  # what others make of it, by torch alone
            state = torch.load(files[-1], weights_only=True)
            pairs = {key.removesuffix("_mask"): mask for key, mask in state.items() if key.endswith("_mask")}
            torch.save(
                {f"module.{key}": mask.bool() if form == "bool" else mask for key, mask in pairs.items()}, files[-1]
            )
    again = import_masks(files, model, folder / "b.zarr").store
    same(again.codes(), store.codes())
    assert again.parameters == store.parameters
    assert list(again.extra()) == []


def test_a_search_s_masks_come_back_and_start_another_search(tmp_path):
    store = find_ticket(tiny_config(), tmp_path / "first.zarr")
    for weights, forms in (("start", ("torch", "prune")), ("best", ("safetensors",))):
        for form in forms:
            end = "safetensors" if form == "safetensors" else "pt"
            rounds = range(1, 3) if weights == "start" else [2]
            files = [export_ticket(store, r, tmp_path / f"{form}{r}.{end}", form, weights) for r in rounds]
            again = import_masks(files, tiny_config().model, tmp_path / f"{form}.zarr").store
            same(again.masks(again.rounds), store.masks(2))
    config = tiny_config(mask=f"{tmp_path / 'prune.zarr'}@1", pruning__rounds=0)
    on = find_ticket(config, tmp_path / "on.zarr")
    same(on.masks(1), store.masks(1))
    assert on.provenance["parent"]["store"] == str(tmp_path / "prune.zarr")


def test_an_imported_store_says_so_and_has_no_curve(tmp_path):
    masks = nested(2)
    store = imported(tmp_path, *masks, classes=7).store
    assert store.config["imported"]["model"]["name"] == "stacks:Stack"
    assert store.config["imported"]["classes"] == 7
    assert [entry["became"] for entry in store.provenance["imported"]] == ["round 1", "round 2"]
    expected = hashlib.sha256((tmp_path / "mask1.pt").read_bytes()).hexdigest()
    assert store.provenance["imported"][0]["sha256"] == expected
    density = layer_density(store).sel(layer="0.weight", round=2).item()
    assert density == int(masks[1]["0.weight"].sum()) / 54
    with pytest.raises(StoreError, match="has no scores: its masks were imported"):
        curve(store)
    with pytest.raises(StoreError, match="holds imported masks, not a search to go on with"):
        find_ticket(tiny_config(), store.path)


def test_a_rate_that_fits_is_taken(tmp_path):
    masks = {name: torch.ones(shape) for name, shape in PARAMETERS.items()}
    masks["0.weight"].view(-1)[:22] = 0  # 86 of 108 are left, as by rate 0.2
    assert imported(tmp_path, masks, rate=0.2).store.config["imported"]["rate"] == 0.2


def test_a_mask_of_nothing_left_is_a_mask(tmp_path):
    nothing = {name: torch.zeros(shape) for name, shape in PARAMETERS.items()}
    assert sum(imported(tmp_path, nothing).store.counts.values()) == 0


def test_exported_weights_are_read_without_lthkit(tmp_path):
    store = make_store(tmp_path / "a.zarr", spec())
    state = load_file(export_ticket(store, 2, tmp_path / "a.safetensors", "safetensors"))
    for name, mask in store.masks(2).items():
        assert np.array_equal(state[name].numpy() != 0, mask)
