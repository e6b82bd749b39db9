"""The tables and the figure of docs/why.md: ``python docs/stability.py FOLDER PICTURE``.

ResNet-20 on CIFAR-10 (`cifar10-images` of the catalog), 2,000 steps a training; an hour and a half on two cores. Run
again, it goes on.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
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
PAIR = {"orders": 2, "points": 5}


def main(folder: str, picture: str) -> None:
    """Print the tables as Markdown, draw the figure."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        late, start = pool.submit(from_step_500, Path(folder)), pool.submit(from_the_start, Path(folder))
    found = pd.concat([late.result()[0], start.result()], ignore_index=True)
    lthkit.save(lthkit.plots.barriers(found, "ResNet-20, CIFAR-10, 2,000 steps"), picture)
    print(markdown(lthkit.stability_table(found), ["mask", "round", "sparsity", "error", "barrier", "stable"]))
    print(markdown(late.result()[1], ["one", "other", "sparsity", "error", "barrier"]))


def from_step_500(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Barriers of what is rewound to step 500, and between the rounds of its search."""
    search, copies = searched(folder, "late", 500), folder / "late-copies"
    masked = lthkit.instability(search, copies, **PAIR)
    dense = lthkit.instability(search, copies, [1], masks=["dense"], **PAIR)
    return pd.concat([masked, dense]), lthkit.between_rounds(search, points=PAIR["points"])


def from_the_start(folder: Path) -> pd.DataFrame:
    """Barriers of the sparsest tickets of a search that rewinds to the start."""
    search = searched(folder, "start", 0)
    found = lthkit.instability(search, folder / "start-copies", [2, 3], masks=["ticket"], **PAIR)
    return found.assign(mask="ticket, rewound to the start")


def searched(folder: Path, name: str, step: int) -> lthkit.store.Store:
    """The search that rewinds to this step."""
    return lthkit.find_ticket(
        lthkit.configure("small", "source", SETTINGS | {"rewind.step": step}), folder / f"{name}.zarr"
    )


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
