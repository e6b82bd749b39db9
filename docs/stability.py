"""The tables and the figure of docs/why.md: ``python docs/stability.py FOLDER PICTURE``.

ResNet-20 on CIFAR-10 (`cifar10-images` of the catalog), 2,000 steps a training; an hour and a half on two cores. Run
again, it goes on.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

import lthkit

SETTINGS = {
    "plan.steps": 2000,
    "plan.batch_size": 64,
    "plan.learning_rate": 0.05,
    "plan.evaluate_every": 1000,
    "plan.selection": "last",
    "plan.precision": "float32",
    "plan.threads": 1,
    "data.validation": 0,
    "pruning.rate": 0.7,
    "pruning.rounds": 3,
    "rewind.to": "step",
    "keep_weights": "all",
}
STEPS = {"late": 500, "start": 0}
PAIR = {"orders": 2, "points": 5}


def main(folder: str, picture: str) -> None:
    """Print the tables as Markdown, draw the figure."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        (late, between), (start, _) = pool.map(measured, repeat(folder), STEPS)
    start = start[start["round"] > 0].assign(mask="ticket, rewound to the start")
    found = pd.concat([late, start], ignore_index=True)
    lthkit.save(lthkit.plots.barriers(found, "ResNet-20, CIFAR-10, 2,000 steps"), picture)
    table = lthkit.stability_table(found)
    print(markdown(table, ["mask", "round", "sparsity", "error", "barrier", "stable"]))
    print(markdown(between, ["one", "other", "sparsity", "error", "barrier"]))


def measured(folder: str, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Barriers of tickets that are rewound to one step, and between the rounds of their search."""
    config = lthkit.configure("small", "source", SETTINGS | {"rewind.step": STEPS[name]})
    search = lthkit.find_ticket(config, Path(folder) / f"{name}.zarr")
    copies = Path(folder) / f"{name}-copies"
    if name == "start":
        asked = [([0, 2, 3], ["ticket"])]
    else:
        asked = [([0, 1, 2, 3], ["ticket", "layer_random"]), ([1], ["dense"])]
    found = [lthkit.instability(search, copies, rounds, masks=masks, **PAIR) for rounds, masks in asked]
    return pd.concat(found, ignore_index=True), lthkit.between_rounds(search, points=PAIR["points"])


def markdown(table: pd.DataFrame, columns: list[str]) -> str:
    """A table with shares as per cent."""
    shares = {"sparsity", "error", "barrier"}
    rows = [
        [f"{row[name]:.1%}" if name in shares else str(row[name]) for name in columns] for _, row in table.iterrows()
    ]
    lines = [columns, ["---:" if name in shares else "---" for name in columns], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


if __name__ == "__main__":
    main(*sys.argv[1:])
