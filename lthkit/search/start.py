"""Where a training starts: θp, θ0, θk, θS, θ′ or a file, as tensors by name in the plain network."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from lthkit import models
from lthkit.errors import LthkitError
from lthkit.search.config import SearchConfig, Weights
from lthkit.search.kept import config_of, kept_state
from lthkit.seeds import derive
from lthkit.store import Store, open_store
from lthkit.tasks import Task, masked_networks, network_state
from lthkit.train import Plan, Point, copy_state, load_tensors, make_point, train

# of a random draw's head, which nobody keeps
_ANY_CLASSES = 10


def ranked_weights(name: str, store: Store) -> dict[str, Tensor]:
    """The prunable weights that a one-shot mask ranks, by the name in its recipe.

    Raises:
        LthkitError: if the name is none of ``pretrained``, ``random``, ``source`` (best), ``source last``,
            ``redrawn``, or the search does not keep them.
    """
    known = {kind: Weights(kind=kind) for kind in ("pretrained", "random", "source", "redrawn")}  # type: ignore[arg-type]
    known["source last"] = Weights(kind="source", which="last")
    if name not in known:
        raise LthkitError(f"a one-shot mask cannot rank the weights '{name}'; choose one of {', '.join(known)}")
    state = _of_search(known[name], store)
    missing = store.parameters.keys() - state.keys()
    if missing:
        raise LthkitError(f"the weights '{name}' of {store.path} have no '{min(missing)}', which its masks name")
    return {key: state[key] for key in store.parameters}


def _of_search(weights: Weights, store: Store) -> dict[str, Tensor]:
    """The network's state that a search began with, trained, or would draw; for ``rewound`` that of ``random``."""
    config = config_of(store)
    match weights.kind:
        case "pretrained":
            if config.weights_label == "random":
                raise LthkitError(
                    f"{store.path} began at random weights, so it has no pre-trained ones; use 'random' or 'source'"
                )
            return kept_state(store, store.first_round, "start").network
        case "source":
            return kept_state(store, store.first_round, weights.which).network
        case "random" | "rewound" if config.weights_label == "random":
            return kept_state(store, store.first_round, "start").network
        case _:
            return _drawn(config, weights)


def _drawn(config: SearchConfig, weights: Weights) -> dict[str, Tensor]:
    """θ0 of a configuration's network and seed, or θ′ of another seed."""
    seed = derive(config.seed, "redrawn", weights.seed) % 2**31 if weights.kind == "redrawn" else config.seed
    return dict(models.build(config.model, _ANY_CLASSES, seed).state_dict())


def _of_file(path: Path) -> dict[str, Tensor]:
    state, facts = load_tensors(path)
    return network_state(state, str(facts.get("network", "")))


def starting_point(task: Task, config: SearchConfig) -> Point:
    """Where the training begins: the task's own head, and the body that the configuration names.

    ``rewound`` weights begin at θ0 here; ``train_to_rewound`` takes them on.

    Raises:
        LthkitError: weights that are not there, or a body that does not fit the network.
    """
    own, weights = copy_state(task.modules), config.weights
    if weights is None:
        return make_point(0, own)
    if weights.path is not None:
        named = _of_file(Path(weights.path))
    elif config.source is not None:
        named = _of_search(weights, open_store(config.source))
    else:
        named = _drawn(config, weights)
    return make_point(0, own | _body(task, named, config.model.small_stem))


def train_to_rewound(task: Task, config: SearchConfig, plan: Plan, start: Point) -> Point:
    """θk: θ0 trained densely for k steps under the plan and seed; the schedule then starts anew, with θ0's head.

    Any other start is given back as it is (Chen et al. 2021, Fig. 8: the papers' restart).

    Raises:
        LthkitError: if k lies outside the training.
    """
    weights = config.weights
    if weights is None or weights.kind != "rewound":
        return start
    total = plan.total_steps(task.steps_per_epoch())
    k = round(weights.share * total) if weights.share is not None else weights.step or 0
    if not 0 < k < total:
        raise LthkitError(f"weights 'rewound' at step {k} are outside the training's {total} steps; choose another")
    trained = train(task, plan, {}, seed=config.seed, begin=start, until=k).point.modules
    return make_point(0, start.modules | {name: trained[name] for name in _body_names(task)})


def _body_names(task: Task) -> dict[str, str]:
    """Name in the task's state → in the plain network, of all of its network, and of its twins, but the heads."""
    heads = models.head_names(task.network)
    body = [name for name in task.network.state_dict() if not models.in_modules(name, heads)]
    return {address + name: name for address in masked_networks(task) for name in body}


def _body(task: Task, named: Mapping[str, Tensor], small_stem: bool) -> dict[str, Tensor]:
    """Copies of the named tensors for all of the task's network but its head, by name in the task's state.

    The first convolution of a small stem stays as drawn where its shape is another, as from a checkpoint (Chen et al.
    2021, released code: from ImageNet to images of 32 pixels).
    """
    own, taken = task.modules.state_dict(), {}
    stem = f"{models.first_convolution(task.network)}.weight" if small_stem else None
    for name, plain in _body_names(task).items():
        given = named.get(plain)
        if plain == stem and given is not None and given.shape != own[name].shape:
            continue
        if given is None or given.shape != own[name].shape:
            shape = "missing" if given is None else f"of shape {tuple(given.shape)}"
            raise LthkitError(
                f"source and target cannot be joined: '{name}' is {shape} in the source weights and of shape "
                f"{tuple(own[name].shape)} in the target network; use the same network, stem and channels"
            )
        taken[name] = given.clone()
    return taken
