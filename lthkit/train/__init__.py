"""Training: one loop for every subnetwork, its plan, its state and the machine's part."""

from lthkit.train import ranks
from lthkit.train.loop import Keeping, columns, train
from lthkit.train.machine import check as check_machine
from lthkit.train.plan import Plan, learning_rate
from lthkit.train.state import (
    Point,
    Snapshot,
    copy_state,
    digest,
    digests,
    make_point,
    read_snapshot,
    read_tensors,
    write_snapshot,
    write_tensors,
)

__all__ = [
    "Keeping",
    "Plan",
    "Point",
    "Snapshot",
    "check_machine",
    "columns",
    "copy_state",
    "digest",
    "digests",
    "learning_rate",
    "make_point",
    "ranks",
    "read_snapshot",
    "read_tensors",
    "train",
    "write_snapshot",
    "write_tensors",
]
