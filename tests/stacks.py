"""Stacks of convolutions of any shapes, with a small store around them, for what leaves lthkit and comes back."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from lthkit.exchange import import_masks
from lthkit.models import ModelSpec, build, prunable_of
from lthkit.store import create, open_store, start_file
from lthkit.train import save_tensors, tensors_sha256

PARAMETERS = {"0.weight": (3, 2, 3, 3), "1.weight": (2, 3, 3, 3)}


class Stack(nn.Sequential):
    head_names = ("fc",)

    def __init__(self, num_classes, widths=(2, 3, 2), shared=False):
        layers = [nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths)]
        super().__init__(*layers, nn.BatchNorm2d(widths[-1]))
        self.fc = nn.Linear(widths[-1], num_classes)
        if shared:
            self.again = nn.Conv2d(*widths[-2:], 3, padding=1, bias=False)
            self.again.weight = layers[-1].weight


def spec(**settings):
    return ModelSpec(name="stacks:Stack", **{"prune_first": True} | settings)


def make_store(path, model, codes=None, rounds=2, seed=0, prefix="", weights=None):
    """A finished-looking store of a network that nobody trained, its start weights beside it."""
    network = build(model, 2, seed)
    shapes = prunable_of(network, model)
    if codes is None:
        draw = np.random.default_rng(seed)
        values = np.array([*range(1, rounds + 1), 255], np.uint8)
        codes = {name: draw.choice(values, shape) for name, shape in shapes.items()}
    state = {prefix + name: tensor.contiguous().clone() for name, tensor in network.state_dict().items()}
    state |= weights or {}
    save_tensors(start_file(path), state, {"network": prefix})
    arguments = {"config": {"a": 1}, "metrics": ("step",), "rounds": rounds, "evaluations": 1}
    with create(path, parameters=shapes, provenance={"start_sha256": tensors_sha256(state)}, **arguments) as writer:
        scores = {round: {"step": np.array([1.0])} for round in range(rounds + 1)}
        writer.commit(codes, rounds=rounds, scored=rounds + 1, scores=scores)
    return open_store(path)


def same(left, right):
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        one, other = torch.as_tensor(tensor), torch.as_tensor(right[name])
        assert (one.dtype, one.shape) == (other.dtype, other.shape), name
        assert one.contiguous().numpy().tobytes() == other.contiguous().numpy().tobytes(), name


def nested(rounds, seed=0):
    """Masks of rounds 1…R: of each weight left about half goes."""
    draw = torch.Generator().manual_seed(seed)
    alive = {name: torch.ones(shape, dtype=torch.bool) for name, shape in PARAMETERS.items()}
    found = []
    for _ in range(rounds):
        alive = {name: mask & (torch.rand(mask.shape, generator=draw) < 0.5) for name, mask in alive.items()}
        found.append(alive)
    return found


def saved(folder, *contents):
    paths = []
    for number, content in enumerate(contents, 1):
        paths.append(folder / f"mask{number}.pt")
        torch.save(content, paths[-1])
    return paths


def imported(folder, *contents, **arguments):
    return import_masks(saved(folder, *contents), arguments.pop("model", spec()), folder / "a.zarr", **arguments)
