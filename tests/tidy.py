"""Results as tidy rows for tests: one row a training, only of what was run."""

from itertools import product

import numpy as np
import pandas as pd

TERMS = {"metric": "accuracy", "higher_is_better": True, "selection": "validation", "chance": 0.2}
PLACE = ["source", "weights", "target", "mask", "round", "search_seed", "training_seed"]


def runs(mean, weights, target, mask, round_, *, sparsity, steps=np.nan, searches=(0,), **rest):
    """A row for each search seed and three training seeds, whose scores have this mean and standard deviation 0.02."""
    found = [
        dict(zip(PLACE, ("digits", weights, target, mask, round_, search, seed), strict=True))
        | {"score": mean + shift, "sparsity": sparsity, "best_step": steps, "least_loss_step": steps}
        for search, (seed, shift) in product(searches, enumerate((-0.02, 0.0, 0.02)))
    ]
    return pd.DataFrame(found).assign(**TERMS | rest)


def at(frame, **where):
    """Which rows have these values."""
    return np.logical_and.reduce([frame[name] == value for name, value in where.items()])


def random_results():
    """Random scores of three starts, two tasks and three masks: runs, whole rounds and a whole curve are missing.

    Half of the dense runs of the second search are those of the first, filed again.
    """
    draw = np.random.RandomState(7)
    shift = {"dense": 0.0, "ticket": 0.01, "layer random": 0.03}
    found = []
    for weights, target, mask, round_ in product(("pretrained", "random", "source"), "ab", shift, range(4)):
        if (mask == "dense") != (round_ == 0) or (weights, target, mask) == ("source", "b", "layer random"):
            continue
        mean = 0.8 + shift[mask] * draw.choice([-1, 0, 1]) - 0.05 * (weights == "random")
        for search, seed in product((0, 1), range(3)):
            place = dict(zip(PLACE, ("digits", weights, target, mask, round_, search, seed), strict=True))
            numbers = {"score": draw.normal(mean, 0.01), "least_loss_step": float(draw.randint(60, 100))}
            if draw.rand() < 0.15:
                numbers["least_loss_step"] = np.nan
            if mask == "dense" and search == 1 and draw.rand() < 0.5:
                numbers = {name: found[-3][name] for name in numbers}
            removed = 1 - 0.8**round_ + 0.001 * search * (round_ > 0)
            found.append(place | numbers | {"sparsity": removed, "best_step": 50.0})
    frame = pd.DataFrame(found).assign(**TERMS)
    gone = draw.rand(len(frame)) < 0.3
    gone |= (frame[["target", "mask", "round"]] == ["b", "ticket", 2]).all(axis=1) & (frame["weights"] != "pretrained")
    gone |= (frame["weights"] == "source") & (frame["target"] == "b") & (frame["training_seed"] > 1)
    return frame[~gone].sample(frac=1, random_state=draw).reset_index(drop=True)
