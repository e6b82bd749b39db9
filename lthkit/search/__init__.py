"""Searches: iterative magnitude pruning with every rewinding of both papers, resumable to the bit."""

from lthkit.search.config import Pruning, Rewind, SearchConfig
from lthkit.search.files import rewind_file, start_file, state_file, trained_file
from lthkit.search.find import find_ticket
from lthkit.search.setting import setting

__all__ = [
    "Pruning",
    "Rewind",
    "SearchConfig",
    "find_ticket",
    "rewind_file",
    "setting",
    "start_file",
    "state_file",
    "trained_file",
]
