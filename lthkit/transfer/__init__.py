"""Transfer: many single trainings (masks, weights, tasks, seeds) at once, and their results as one tidy table."""

from lthkit.transfer.many import transfer, transfer_many
from lthkit.transfer.results import brief, by_metric, collect, read_results, results_table, with_kept_weights
from lthkit.transfer.sensitivity import score_pruned, score_retrained

__all__ = [
    "brief",
    "by_metric",
    "collect",
    "read_results",
    "results_table",
    "score_pruned",
    "score_retrained",
    "transfer",
    "transfer_many",
    "with_kept_weights",
]
