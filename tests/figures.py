"""A catalogue of small figures with made-up data: at least one of every public figure function, and the explorer's.

A name is that of the function; what follows a comma tells variants apart.
"""

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr
from tidy import runs

from lthkit import plots
from lthkit.analysis import (
    Search,
    block_density,
    difference_cells,
    kernel_patterns,
    kernels_left,
    layer_density,
    like_for_like,
    overlap,
    overlaps,
    pooled,
    universal,
    verdict_table,
    weight_cells,
    zero_kernel_cells,
    zero_kernels,
)
from lthkit.explorer import explore
from lthkit.papers import outcomes

SMALL = {
    "conv1.weight": (8, 3, 3, 3),
    "layer1.0.conv1.weight": (8, 8, 3, 3),
    "layer1.0.conv2.weight": (8, 8, 1, 1),
    "layer2.0.conv1.weight": (12, 8, 3, 3),
    "layer2.0.downsample.0.weight": (12, 8, 1, 1),
}
# the 52 names of ResNet-50's prunable layers but for the first convolution, with few channels
DEEP = {
    f"layer{stage}.{place}.{name}.weight": (6, 4, size, size)
    for stage, count in enumerate((3, 4, 6, 3), 1)
    for place in range(count)
    for name, size in [("conv1", 1), ("conv2", 3), ("conv3", 1), *([("downsample.0", 1)] if not place else [])]
}
CONV = "layer1.0.conv1.weight"


def search(seed: int = 0, rounds: int = 6, shapes: Mapping = SMALL, name: str = "supervised") -> Search:
    """A search that removes 20 % of what is left in each round, at random, layers unequally."""
    draws = np.random.default_rng(seed)
    codes = {}
    for key, shape in shapes.items():
        rate = draws.uniform(0.1, 0.3)
        ends = (rate * (1 - rate) ** np.arange(rounds)).cumsum()
        codes[key] = np.append(np.arange(1, rounds + 1), 255).astype(np.uint8)[
            np.searchsorted(ends, draws.random(shape))
        ]
    return Search(codes, rounds, name)


def curve(top: float, rounds: int = 9) -> xr.Dataset:
    at = np.arange(rounds + 1)
    columns = {"sparsity": 1 - 0.8**at, "density": 0.8**at, "score": top - 0.003 * (at - 2.0) ** 2}
    attrs = {"metric": "accuracy", "selection": "validation", "higher_is_better": True}
    return xr.Dataset({name: ("round", values) for name, values in columns.items()}, {"round": at}, attrs)


def scores(rounds: int = 10, evaluations: int = 12) -> xr.Dataset:
    step = np.tile(100.0 * np.arange(1, evaluations + 1), (rounds, 1))
    slow = 1 + np.arange(rounds)[:, None] / 10
    columns = {"step": step, "train_loss": 2.3 * np.exp(-step / 400 / slow) + 0.02 * slow}
    columns["validation_accuracy"] = 0.9 - columns["train_loss"] / 4
    columns["test_accuracy"] = np.where(step == step.max(), columns["validation_accuracy"] - 0.01, np.nan)
    data = {name: (("round", "evaluation"), values) for name, values in columns.items()}
    return xr.Dataset(data, {"round": np.arange(rounds)})


def results(masks: int = 2) -> pd.DataFrame:
    """Three runs each, from two starts, of tickets and other masks on cifar10; on svhn of the dense network alone."""
    kinds = ["ticket", "layer_random", "complement", "swap", "flip", "global_random"][:masks]
    found = [runs(0.95, "pretrained", "svhn", "dense", 0, sparsity=0.0)]
    for weights, top in (("pretrained", 0.93), ("random", 0.87)):
        found.append(runs(top, weights, "cifar10", "dense", 0, sparsity=0.0))
        for (fall, mask), round_ in product(enumerate(kinds, 1), (2, 4, 6, 8)):
            sparsity = 0.3 if mask == "complement" else 1 - 0.8**round_
            found.append(runs(top - 0.005 * fall * round_, weights, "cifar10", mask, round_, sparsity=sparsity))
    return pd.concat(found, ignore_index=True).assign(source="imagenet", chance=0.1)


def three_starts() -> pd.DataFrame:
    """The runs of four kinds of masks from a third start as well, at unevenly spaced rounds, chance near them."""
    known = results(4)
    later = known[known["weights"] == "random"].assign(weights="rewound 5%")
    near = pd.concat([known, later.assign(score=later["score"] + 0.02)], ignore_index=True)
    return near.replace({"sparsity": {1 - 0.8**6: 1 - 0.8**4.5}}).assign(chance=0.55)


def paneled(rows: list[str], columns: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three runs of three kinds of subnetworks in each panel, and of the dense network."""
    draws = np.random.default_rng(3)
    points, dense = [], []
    for place, (row, column) in enumerate(product(rows, columns)):
        for _ in range(3):
            dense.append({"row": row, "column": column, "score": 0.9 - 0.01 * place + draws.normal(0, 0.01)})
            for number, line in enumerate(["(mP, θP)", "(mT, θP)", "mT, θ5%"]):
                for sparsity in 1 - 0.8 ** np.arange(1, 13, 3):
                    score = 0.92 - 0.03 * number - 0.1 * sparsity**6 - 0.01 * place + draws.normal(0, 0.01)
                    points.append({"row": row, "column": column, "line": line, "sparsity": sparsity, "score": score})
    return pd.DataFrame(points), pd.DataFrame(dense)


def by_size() -> pd.DataFrame:
    """Tickets of a small and of a large network, three runs each, with the number of weights left."""
    found = []
    for model, weights, rounds in (("resnet8", 19_072, range(1, 9)), ("resnet14", 43_264, range(1, 13))):
        found.append(runs(0.93, "pretrained", "cifar10", "dense", 0, sparsity=0.0).assign(model=model, left=np.nan))
        for round_ in rounds:
            ticket = runs(0.93 - 0.01 * round_, "pretrained", "cifar10", "ticket", round_, sparsity=1 - 0.8**round_)
            found.append(ticket.assign(model=model, left=round(weights * 0.8**round_)))
    return pd.concat(found, ignore_index=True).assign(source="simclr on cifar10", chance=0.1)


def by_temperature() -> pd.DataFrame:
    tickets = [
        runs(top, "pretrained", "cifar10", "ticket", 6, sparsity=0.7379).assign(temperature=temperature)
        for temperature, top in ((0.1, 0.82), (0.2, 0.82), (0.5, 0.825), (1.0, 0.81), (2.0, 0.808), (20.0, 0.8))
    ]
    dense = runs(0.83, "pretrained", "cifar10", "dense", 0, sparsity=0.0).assign(temperature=np.nan)
    return pd.concat([dense, *tickets], ignore_index=True).assign(source="simclr on cifar10", chance=0.1)


def timings(tickets=("single weights", "filters"), batches=(1, 32), variants=None) -> pd.DataFrame:
    """Three rounds of tickets in several variants, the cut one of filters the faster."""
    variants = variants or ["dense", "masked", "cut", "sparse rows", "masked, onnxruntime", "cut, onnxruntime"]
    rows = []
    for ticket, batch, (place, variant), round_ in product(tickets, batches, enumerate(variants), (3, 6, 9)):
        gain = 0.8 ** (round_ * (ticket == "filters")) if "cut" in variant else 1.3 if variant == "sparse rows" else 1.0
        latency = 0.004 * batch**0.8 * gain * (0.4 if "onnx" in variant else 1)
        said = {"ticket": ticket, "round": round_, "sparsity": 1 - 0.8**round_, "batch": batch, "variant": variant}
        said |= {"latency": latency, "low": 0.95 * latency, "high": 1.1 * latency, "ratio": gain, "weights": "trained"}
        said |= {"score": 0.95 if variant == "dense" else 0.95 - 0.01 * round_ - 0.02 * (ticket == "filters")}
        said |= {"metric": "accuracy", "parameters": 10_000, "bytes": 40_000, "multiply_adds": 10**6 - place}
        said |= {"repetitions": 30, "device": "cpu", "threads": 2, "ratio_low": gain, "ratio_high": gain}
        rows.append(said)
    return pd.DataFrame(rows)


def unstable() -> pd.DataFrame:
    """Three pairs of trainings at four sparsities; the random masks' drift apart."""
    draws, rows = np.random.default_rng(4), []
    for mask, round_, (one, other) in product(("ticket", "layer_random"), (0, 3, 6, 9), ((0, 1), (0, 2), (1, 2))):
        if round_ or mask == "ticket":
            rise = round_ * (0.002 if mask == "ticket" else 0.03)
            said = {"mask": mask, "round": round_, "sparsity": 1 - 0.8**round_, "one": one, "other": other}
            found = {"barrier": rise * draws.uniform(0.7, 1.3), "error": 0.05 + rise / 3 + draws.uniform(0, 0.01)}
            rows.append({**said, **found, "metric": "accuracy"})
    return pd.DataFrame(rows)


def between() -> pd.DataFrame:
    pairs = [(at, at + 1) for at in range(6)] + [(0, at) for at in range(2, 7)]
    rows = [{"one": one, "other": other, "sparsity": 1 - 0.8**other} for one, other in pairs]
    return pd.DataFrame(rows).assign(barrier=[0.01 * (other - one) for one, other in pairs])


def early(epochs: int = 9) -> xr.Dataset:
    at = np.arange(epochs)
    apart = 0.3 * np.abs(np.subtract.outer(np.sqrt(at), np.sqrt(at))) / 3
    said = {"long_name": "weights left in exactly one mask", "units": "1"}
    distance = xr.DataArray(apart, {"epoch": at, "other_epoch": at}, ("epoch", "other_epoch"), "distance", said)
    return xr.Dataset({"distance": distance}, attrs={"store": "a.zarr", "round": 0, "density": 0.8})


SIZE = 16
"""Pixels of the images that predictions are drawn on."""


def boxes(found=((2.0, 3.0, 10.0, 12.0, 0.9, 1),), objects=1, **said):
    """Two grey images; on each an object at 4…8, and what was found."""
    count = len(found)
    arrays = np.array(found, float).reshape(1, count, 6).repeat(2, 0)
    attrs = {"classes": ["ball", "box"], "split": "test", "sparsity": 0.488, "background": False} | said
    return xr.Dataset(
        {
            "image": (("scene", "row", "column", "channel"), np.full((2, SIZE, SIZE, 3), 90, np.uint8)),
            "truth_box": (("scene", "object", "side"), np.tile([4.0, 4, 8, 8], (2, objects, 1))),
            "truth_label": (("scene", "object"), np.zeros((2, objects), int)),
            "truth_difficult": (("scene", "object"), np.array([[False] * objects, [True] * objects])),
            "box": (("scene", "detection", "side"), arrays[..., :4]),
            "score": (("scene", "detection"), arrays[..., 4]),
            "label": (("scene", "detection"), arrays[..., 5].astype(int)),
        },
        {"scene": [0, 1]},
        attrs,
    )


def masks(**said):
    truth = np.zeros((2, SIZE, SIZE), np.uint8)
    truth[:, :4], truth[:, 4:8] = 1, 255
    attrs = {"classes": ["background", "ball"], "split": "test", "sparsity": 0.2, "background": True} | said
    return xr.Dataset(
        {
            "image": (("scene", "row", "column", "channel"), np.full((2, SIZE, SIZE, 3), 100, np.uint8)),
            "truth_mask": (("scene", "row", "column"), truth),
            "predicted_mask": (("scene", "row", "column"), np.ones_like(truth)),
        },
        {"scene": [0, 1]},
        attrs,
    )


def by_class(values) -> xr.DataArray:
    return xr.DataArray(
        values,
        {"subnetwork": ["dense", "ticket"], "class": ["ball", "box", "cup"]},
        ("subnetwork", "class"),
        "AP50",
        {"split": "test", "test_share": 1.0},
    )


def sensitivity(layers: int = 8) -> xr.DataArray:
    levels = [0.2, 0.5, 0.8, 0.9, 0.97]
    names = [f"layer{1 + index // 4}.{index % 4}.conv1.weight" for index in range(layers)]
    values = 0.9 - np.outer(np.linspace(0.6, 0.1, layers), levels)
    labels = {"layer": names, "level": levels}
    return xr.DataArray(values, labels, ("layer", "level"), attrs={"metric": "accuracy", "dense": 0.91})


A, B = search(0), search(1, 5, name="self-supervised")
PAIR = overlap(A, B)
DEEP_A, DEEP_B = search(2, 12, DEEP, "imagenet supervised"), search(3, 12, DEEP, "simclr")
DEEP_PAIR = overlap(DEEP_A, DEEP_B)
# as wide as where they are shown in a batch
WIDE = {"width": 1000}
DRAWN: dict[str, Callable[[], go.Figure]] = {
    "sparsity_curve": lambda: plots.sparsity_curve(curve(0.93)),
    "sparsity_curve, before": lambda: plots.sparsity_curve(curve(0.93), before=curve(0.91)),
    "sparsity_curve, three": lambda: plots.sparsity_curve({"IMP": curve(0.93), "random": curve(0.9), "SNIP": curve(1)}),
    "sparsity_curve, chance": lambda: plots.sparsity_curve(curve(0.3).assign_attrs(chance=0.1)),
    "training_curves": lambda: plots.training_curves(scores()),
    "barriers": lambda: plots.barriers(unstable()),
    "barriers_between_rounds": lambda: plots.barriers_between_rounds(between()),
    "early_bird_map": lambda: plots.early_bird_map([early(), early()]),
    "block_densities": lambda: plots.block_densities(block_density(A)),
    "density_heat": lambda: plots.density_heat(layer_density(A)),
    "density_heat, 52 layers": lambda: plots.density_heat(layer_density(DEEP_A)),
    "layer_densities": lambda: plots.layer_densities(layer_density(A)),
    "layer_densities, 52 layers": lambda: plots.layer_densities(layer_density(DEEP_A)),
    "kernel_heatmap": lambda: plots.kernel_heatmap(kernels_left(A, CONV, 3)),
    "zero_kernels_map": lambda: plots.zero_kernels_map(zero_kernel_cells(A), 3),
    "zero_kernels_map, 52 layers": lambda: plots.zero_kernels_map(zero_kernel_cells(DEEP_A), 8),
    "weight_map": lambda: plots.weight_map(weight_cells(A), 3),
    "difference_map": lambda: plots.difference_map(difference_cells(A, B), 3, "only_b"),
    "kernel_grid": lambda: plots.kernel_grid(kernel_patterns(A, CONV), 3),
    "kernel_grid, one row": lambda: plots.kernel_grid(kernel_patterns(A, CONV, kernels=[(0, 1), (5, 5)])),
    "layer_sensitivity": lambda: plots.layer_sensitivity({"pruned": sensitivity(), "trained": sensitivity()}),
    "overlap_curve": lambda: plots.overlap_curve(
        {
            name: like_for_like(pooled(pair))
            for name, pair in overlaps({f"seed {n}": search(n) for n in range(3)}).items()
        }
    ),
    "overlap_matrix": lambda: plots.overlap_matrix(pooled(PAIR)),
    "overlap_matrix, 12 rounds": lambda: plots.overlap_matrix(pooled(DEEP_PAIR)),
    "overlap_matrix, narrow": lambda: plots.overlap_matrix(pooled(DEEP_PAIR)).update_layout(width=800),
    "overlap_by_layer": lambda: plots.overlap_by_layer(like_for_like(PAIR)),
    "overlap_by_layer, blocks": lambda: plots.overlap_by_layer(like_for_like(pooled(PAIR, "block"))),
    "overlap_by_layer, 52 layers": lambda: plots.overlap_by_layer(like_for_like(DEEP_PAIR)),
    "paper": lambda: plots.paper(plots.scores_against(by_size(), "left", lines="model"), "page"),
    "per_class": lambda: plots.per_class(by_class([[0.8, np.nan, 0.4], [0.5, np.nan, 0.1]])),
    "predictions": lambda: plots.predictions({"dense": boxes(sparsity=0.0), "ticket": boxes()}),
    "predictions, masks": lambda: plots.predictions({"ticket": masks()}),
    "results_curves": lambda: plots.results_curves(results(), target="cifar10"),
    "results_curves, published": lambda: plots.results_curves(
        results(4), target="cifar10", published=outcomes(target="cifar10", source="imagenet", found_on="source")
    ),
    "scores_against": lambda: plots.scores_against(by_temperature(), "temperature"),
    "scores_against, size": lambda: plots.scores_against(by_size(), "left", lines="model"),
    "score_panels": lambda: plots.score_panels(*paneled(["one"], [""])),
    "score_panels, twelve": lambda: plots.score_panels(
        *paneled(["cifar10", "cifar100", "svhn", "fashion-mnist"], ["supervised", "simclr", "moco"]),
        chance={("cifar10", "moco"): 0.1},
        published=[plots.Reference("svhn", "simclr", "paper: (mP, θP)", 0.9648)],
        notes=["demo scale"],
    ),
    "score_against_latency": lambda: plots.score_against_latency(timings()),
    "score_against_latency, one": lambda: plots.score_against_latency(timings(["a"], [1], ["dense", "masked", "cut"])),
    "sensitivity_curves": lambda: plots.sensitivity_curves(results(6), target="cifar10"),
    "sensitivity_curves, three starts": lambda: plots.sensitivity_curves(three_starts(), target="cifar10"),
    "sensitivity_bars": lambda: plots.sensitivity_bars(results(), round=4, target="cifar10"),
    "sensitivity_bars, six": lambda: plots.sensitivity_bars(results(6), round=8, target="cifar10"),
    "verdict_map": lambda: plots.verdict_map(verdict_table(results())),
    "verdict_map, universal": lambda: plots.verdict_map(universal(verdict_table(results(), details=True)), "universal"),
    "verdict_map, by round": lambda: plots.verdict_map(verdict_table(results(4)), by="round"),
    "zero_kernels_curve": lambda: plots.zero_kernels_curve(
        {"A": pooled(zero_kernels(A), "kind"), "B": pooled(zero_kernels(B), "kind")}
    ),
    "explore": lambda: explore(A).figure().update_layout(WIDE),
    "explore, layer": lambda: explore(A, B, view="both", scope=CONV, kernel=(2, 3)).figure().update_layout(WIDE),
    "explore, beside": lambda: explore(A, B, beside=True, scope=CONV).figure().update_layout(WIDE),
    "explore, three": lambda: (
        explore({"A": A, "B": B}, beside=True, controls=["complement"]).figure().update_layout(WIDE)
    ),
    "explore, overlap": lambda: explore(A, B, view="overlap").figure().update_layout(WIDE),
    "explore, densities of 52 layers": lambda: explore(DEEP_A, view="density").figure().update_layout(WIDE),
    "explore, 52 layers": lambda: explore(DEEP_A, DEEP_B, view="only_a").figure().update_layout(WIDE),
}
