"""Where a subnetwork's weights come from: tensors by name in the plain network."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from lthkit import models
from lthkit.errors import LthkitError
from lthkit.models import ModelSpec
from lthkit.search import SearchConfig, start_file, trained_file
from lthkit.seeds import derive
from lthkit.store import Store
from lthkit.tasks import Task
from lthkit.train import Plan, Point, copy_state, load_tensors, make_point, train
from lthkit.transfer.config import Weights

# of a random draw's head, which nobody keeps
_ANY_CLASSES = 10


def search_of(store: Store) -> SearchConfig:
    """The configuration of the search that made the store.

    Raises:
        LthkitError: if it was imported and so has none.
    """
    if "imported" in store.config:
        raise LthkitError(f"{store.path} was imported and has no network or weights of its own; transfer from a search")
    return SearchConfig.parse(store.config, f"configuration of {store.path}")


def body(weights: Weights, store: Store) -> dict[str, Tensor]:
    """The stored or drawn tensors; for ``rewound``, which has to be trained first, those of ``random``.

    Args:
        weights: which.
        store: of the source search.

    Raises:
        LthkitError: if the search has no such weights.
    """
    search = search_of(store)
    match weights.kind:
        case "pretrained":
            if search.model.checkpoint is None:
                raise LthkitError(
                    f"{store.path} began at random weights, so it has no pre-trained ones; use 'random' or 'source'"
                )
            return load_tensors(start_file(store.path))[0]
        case "source":
            return load_tensors(_trained(store, weights))[0]
        case "file":
            return load_tensors(Path(weights.path or ""))[0]
        case "redrawn":
            return _drawn(search.model, derive(search.seed, "redrawn", weights.seed) % 2**31)
        case _:
            return _drawn(search.model, search.seed)


def _trained(store: Store, weights: Weights) -> Path:
    path = trained_file(store.path, store.first_round, weights.which)
    if not path.exists():
        raise LthkitError(
            f"{path} is missing, so there are no dense source weights; search with keep_weights 'ends' or 'all'"
        )
    return path


def _drawn(model: ModelSpec, seed: int) -> dict[str, Tensor]:
    return dict(models.build(model, _ANY_CLASSES, seed).state_dict())


def ranking(name: str) -> Weights:
    """The weights that a one-shot mask ranks, by the name in its recipe.

    Raises:
        LthkitError: if the name is none of ``pretrained``, ``random``, ``source`` (best), ``source last``, ``redrawn``.
    """
    known = {kind: Weights(kind=kind) for kind in ("pretrained", "random", "source", "redrawn")}  # type: ignore[arg-type]
    known["source last"] = Weights(kind="source", which="last")
    if name not in known:
        raise LthkitError(f"a one-shot mask cannot rank the weights '{name}'; choose one of {', '.join(known)}")
    return known[name]


def by_name(stored: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """The tensors of these names in the plain network, wherever the network lay in the stored state.

    Raises:
        LthkitError: naming the first that is missing.
    """
    found = {}
    for name in names:
        matches = [key for key in stored if key == name or key.endswith(f".{name}")]
        if not matches:
            raise LthkitError(f"the source weights have no '{name}', which its masks name; use weights of that network")
        found[name] = stored[min(matches, key=len)]
    return found


def start(task: Task, weights: Weights, stored: dict[str, Tensor], plan: Plan, seed: int) -> Point:
    """The point that the training begins at: the task's own head, the given body.

    ``rewound`` weights are trained here: dense, from θ0, under the same plan and seed, up to step k; then the
    schedule starts anew (the papers' restart).

    Raises:
        LthkitError: when the body does not fit the network.
    """
    own = copy_state(task.modules)
    taken = _body(task, stored)
    point = make_point(0, own | taken)
    if weights.kind != "rewound":
        return point
    total = plan.total_steps(task.steps_per_epoch())
    k = round(weights.share * total) if weights.share is not None else weights.step or 0
    if not 0 < k < total:
        raise LthkitError(f"weights 'rewound' at step {k} are outside the training's {total} steps; choose another")
    trained = train(task, plan, {}, seed=seed, begin=point, until=k).point.modules
    return make_point(0, own | {name: trained[name] for name in taken})


def _body(task: Task, stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies of the stored tensors for all of the task's network but its head, by name in the task's state."""
    within = next(f"{name}." if name else "" for name, module in task.modules.named_modules() if module is task.network)
    heads = models.head_names(task.network)
    taken = {}
    for name, tensor in task.network.state_dict().items():
        if any(name.startswith(f"{head}.") for head in heads):
            continue
        given = stored.get(within + name, stored.get(name))
        if given is None or given.shape != tensor.shape:
            shape = "missing" if given is None else f"of shape {tuple(given.shape)}"
            raise LthkitError(
                f"source and target cannot be joined: '{name}' is {shape} in the source weights and of shape "
                f"{tuple(tensor.shape)} in the target network; use the same network, stem and channels"
            )
        taken[within + name] = given.clone()
    return taken
