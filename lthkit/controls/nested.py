"""Controls of every round at once: random masks of one seed are nested, so they have codes as a search has.

The mask of round r of these codes is, bit for bit, what the recipe of that kind, round and seed draws.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from lthkit.controls.draw import keys
from lthkit.controls.drawn import layer_shuffled
from lthkit.errors import LthkitError
from lthkit.masks import SURVIVOR, Codes
from lthkit.store.files import parallel


def nested_codes(kind: str, codes: Mapping[str, np.ndarray], rounds: int, seed: int = 0) -> Codes:
    """Codes of a random control of all rounds of a search.

    Args:
        kind: one of ``NESTED``.
        codes: of the search, uint8 arrays by parameter: first round in which a weight is absent.
        rounds: prunings made; codes above are survivors.
        seed: of the draw.

    Raises:
        LthkitError: if masks of that kind are not nested, or there is none.
    """
    if kind not in NESTED:
        raise LthkitError(f"masks of kind '{kind}' do not shrink round by round; choose from {', '.join(NESTED)}")
    return NESTED[kind](codes, rounds, seed)


def _layer_random(codes: Mapping[str, np.ndarray], rounds: int, seed: int) -> Codes:
    def drawn(name: str) -> np.ndarray:
        code = codes[name]
        return _by_rank(keys(code.size, seed, "layer_random", name), _left(code, rounds)).reshape(code.shape)

    return dict(zip(codes, parallel(drawn, codes), strict=True))


def _random(codes: Mapping[str, np.ndarray], rounds: int, seed: int) -> Codes:
    left = np.sum([_left(code, rounds) for code in codes.values()], axis=0)
    drawn = _by_rank(keys(sum(code.size for code in codes.values()), seed, "random"), left)
    ends = np.cumsum([code.size for code in codes.values()])
    parts = np.split(drawn, ends[:-1])
    return {name: part.reshape(code.shape) for (name, code), part in zip(codes.items(), parts, strict=True)}


def _layer_shuffled(codes: Mapping[str, np.ndarray], rounds: int, seed: int) -> Codes:
    moved = layer_shuffled({name: torch.from_numpy(code) for name, code in codes.items()}, seed)
    return {name: code.numpy() for name, code in moved.items()}


NESTED: Mapping[str, Callable[[Mapping[str, np.ndarray], int, int], Codes]] = {
    "layer_random": _layer_random,
    "random": _random,
    "layer_shuffled": _layer_shuffled,
}


def _left(code: np.ndarray, rounds: int) -> np.ndarray:
    """Weights left in rounds 0 … ``rounds``."""
    died = np.bincount(code.reshape(-1), minlength=256)
    return code.size - np.cumsum(died[: rounds + 1])


def _by_rank(drawn: np.ndarray, left: np.ndarray) -> np.ndarray:
    """By rank among the draws (of equal ones the earlier): the first round that has no place left."""
    code = np.empty(len(drawn), np.uint8)
    first = np.searchsorted(-left, -np.arange(len(drawn)))
    code[np.argsort(drawn, kind="stable")] = np.where(first < len(left), first, SURVIVOR)
    return code
