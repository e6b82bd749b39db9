"""Training: one loop for every subnetwork, its plan, its state and the machine's part."""

from lthkit.train.loop import Keeping, check_task, columns, train
from lthkit.train.machine import check as check_machine
from lthkit.train.optimizer_state import OptimizerState
from lthkit.train.plan import Plan, learning_rate
from lthkit.train.snapshots import read_modules, read_snapshot, write_snapshot
from lthkit.train.state import Point, Snapshot, copy_state, make_point
from lthkit.train.tensors import load_tensors, save_tensors, sha256_by_name, tensors_sha256

__all__ = [
    "Keeping",
    "OptimizerState",
    "Plan",
    "Point",
    "Snapshot",
    "check_machine",
    "check_task",
    "columns",
    "copy_state",
    "learning_rate",
    "load_tensors",
    "make_point",
    "read_modules",
    "read_snapshot",
    "save_tensors",
    "sha256_by_name",
    "tensors_sha256",
    "train",
    "write_snapshot",
]
