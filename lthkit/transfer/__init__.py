"""Transfer: one subnetwork (mask, weights) trained on one task, many of them at once, and their results."""

from lthkit.transfer.config import Head, TransferConfig, Weights
from lthkit.transfer.many import transfer_many
from lthkit.transfer.results import DIMENSIONS, collect, combine, read_results, summary, table
from lthkit.transfer.run import transfer
from lthkit.transfer.sensitivity import score_pruned, score_retrained

__all__ = [
    "DIMENSIONS",
    "Head",
    "TransferConfig",
    "Weights",
    "collect",
    "combine",
    "read_results",
    "score_pruned",
    "score_retrained",
    "summary",
    "table",
    "transfer",
    "transfer_many",
]
