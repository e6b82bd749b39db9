"""Searches: iterative magnitude pruning with every rewinding of both papers, resumable to the bit.

A single training (dense reference, ticket, control) is a search of zero rounds and goes through the same runner.
"""

from lthkit.search.config import Pruning, Rewind, SearchConfig, Weights
from lthkit.search.evaluate import evaluate, evaluate_before_training, scores_as_is
from lthkit.search.kept import Kept, KeptState, config_of, kept_state
from lthkit.search.predict import predict, score_per_class
from lthkit.search.prepare import make_task, origin_checkpoint, prepare
from lthkit.search.result import ENDING, LABELS, read_result, summary
from lthkit.search.run import find_ticket, train_once
from lthkit.search.start import ranked_weights, starting_point
from lthkit.search.trained import Trained, find_trained, loaded_task

__all__ = [
    "ENDING",
    "LABELS",
    "Kept",
    "KeptState",
    "Pruning",
    "Rewind",
    "SearchConfig",
    "Trained",
    "Weights",
    "config_of",
    "evaluate",
    "evaluate_before_training",
    "find_ticket",
    "find_trained",
    "kept_state",
    "loaded_task",
    "make_task",
    "origin_checkpoint",
    "predict",
    "prepare",
    "ranked_weights",
    "read_result",
    "score_per_class",
    "scores_as_is",
    "starting_point",
    "summary",
    "train_once",
]
