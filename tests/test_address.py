"""Where the pruned network lies in a task's state is known once; every look-up takes the right network's tensors."""

import pytest
import torch
from tiny import tiny_config
from wrapped import WRAPPED

from lthkit import masks as masking
from lthkit.catalog import load_catalog
from lthkit.errors import LthkitError
from lthkit.exchange import gather
from lthkit.progress import Silent
from lthkit.search import find_ticket, kept_state, make_task, ranked_weights, starting_point, train_once
from lthkit.store import start_file
from lthkit.tasks import at_address, network_address, network_state
from lthkit.train import load_tensors

ADDRESSES = {"alone": "", "two_encoders": "query.", "detector": "detector.backbone."}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """One search with each of the three tasks, all weights kept."""
    folder = tmp_path_factory.mktemp("wrapped")
    return {
        kind: find_ticket(
            tiny_config(WRAPPED, task__name=f"wrapped:{kind}", keep_weights="all"),
            folder / f"{kind}.zarr",
            progress=Silent(),
        )
        for kind in ADDRESSES
    }


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_the_two_look_ups_are_inverse():
    state = {"k.0.weight": torch.zeros(1), "query.0.weight": torch.ones(1)}
    plain = network_state(state, "query.")
    assert plain == {"0.weight": torch.ones(1)}
    assert at_address(plain, "query.") == {"query.0.weight": torch.ones(1)}


@pytest.mark.parametrize("kind", ADDRESSES)
def test_it_is_found_and_recorded(kind, stores):
    task = make_task(tiny_config(WRAPPED, task__name=f"wrapped:{kind}"), load_catalog())
    assert network_address(task.modules, task.network) == ADDRESSES[kind]
    assert stores[kind].provenance["network"] == ADDRESSES[kind]


def test_modules_without_the_network_are_refused():
    with pytest.raises(LthkitError, match="do not contain its network"):
        network_address(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))


@pytest.mark.parametrize("kind", ADDRESSES)
@pytest.mark.parametrize("which", ["start", "best", "last"])
def test_kept_weights_are_the_networks_own(kind, which, stores):
    store = stores[kind]
    kept = kept_state(store, 0, which)
    name = "start" if which == "start" else f"round-000-{which}"
    state, _ = load_tensors(start_file(store.path).with_name(f"{name}.safetensors"))
    expected = {
        key.removeprefix(ADDRESSES[kind]): tensor for key, tensor in state.items() if key.startswith(ADDRESSES[kind])
    }
    assert same(kept.network, expected)
    assert set(store.parameters) < set(kept.network)


@pytest.mark.parametrize("kind", ADDRESSES)
def test_masks_prune_this_network_alone(kind, stores):
    store, address = stores[kind], ADDRESSES[kind]
    state = kept_state(store, 1, "last").state
    masks = masking.alive_at(store.codes(), 1)
    for name, tensor in state.items():
        plain = name.removeprefix(address)
        if name.startswith(address) and plain in masks:
            assert torch.equal(tensor == 0, ~masks[plain])
        elif name.endswith("weight"):
            assert (tensor != 0).all(), name


@pytest.mark.parametrize("kind", ADDRESSES)
def test_one_shot_masks_rank_this_network(kind, stores, tmp_path):
    store = stores[kind]
    state, _ = load_tensors(start_file(store.path).with_name("round-000-best.safetensors"))
    own = {name: state[ADDRESSES[kind] + name] for name in store.parameters}
    assert same(ranked_weights("source", store), own)
    recipe = {"kind": "one_shot_trained", "source": str(store.path), "round": 1, "weights": "source"}
    config = tiny_config(WRAPPED, task__name=f"wrapped:{kind}", pruning__rounds=0, mask=recipe)
    result = train_once(config, tmp_path / "a.result.json", progress=Silent())
    left = sum(store.counts.values())
    assert result["mask_sha256"] == masking.masks_sha256(masking.prune(own, masking.dense(store.parameters), left))


@pytest.mark.parametrize("kind", ADDRESSES)
def test_exports_are_this_network(kind, stores):
    store, address = stores[kind], ADDRESSES[kind]
    state, _ = load_tensors(start_file(store.path))
    masks = masking.alive_at(store.codes(), 1)
    exported = gather(store, 1).tensors
    assert exported.keys() == {name.removeprefix(address) for name in state if name.startswith(address)}
    for name, tensor in exported.items():
        expected = state[address + name].masked_fill(~masks[name], 0) if name in masks else state[address + name]
        assert torch.equal(tensor, expected), name


def test_from_plain_to_wrapped_to_otherwise_wrapped_and_back(stores, tmp_path):
    """A ticket's mask and trained weights go from task to task by plain names, and come back as they were."""
    store = stores["alone"]
    first_mask, first = store.masks(1), kept_state(store, 0, "best").network
    for step, kind in enumerate(("two_encoders", "detector", "alone")):
        config = tiny_config(
            WRAPPED,
            task__name=f"wrapped:{kind}",
            pruning__rounds=0,
            mask=f"{store.path}@1",
            weights={"kind": "source" if step == 0 else "pretrained"},
            keep_weights="all",
            seed=step + 5,
        )
        store = find_ticket(config, tmp_path / f"{step}.zarr", progress=Silent())
        assert same(kept_state(store, 1, "start").network, first)
        assert all((store.masks(1)[name] == mask).all() for name, mask in first_mask.items())


def test_the_other_parts_of_a_task_keep_their_own_start(stores):
    config = tiny_config(
        WRAPPED, task__name="wrapped:two_encoders", mask=f"{stores['alone'].path}@1", weights={"kind": "source"}
    )
    task = make_task(config, load_catalog())
    own = {name: tensor.clone() for name, tensor in task.modules.state_dict().items()}
    point = starting_point(task, config)
    assert all(torch.equal(point.modules[name], own[name]) for name in own if name.startswith("k."))
    assert not torch.equal(point.modules["query.0.weight"], own["query.0.weight"])
