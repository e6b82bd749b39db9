"""How large the weights of a layer are that the next pruning removes, and those that it keeps."""

import json
from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError, safe_open

from lthkit.store import Store

BINS = 30


@dataclass(frozen=True)
class Magnitudes:
    """Weights of one layer at the end of a round's training, by the logarithm of their magnitude.

    Attributes:
        edges: of the bins, magnitudes.
        removed: how many the next pruning removes, by bin.
        kept: how many it keeps.
        threshold: the largest magnitude removed next; None where nothing is.
    """

    edges: np.ndarray
    removed: np.ndarray
    kept: np.ndarray
    threshold: float | None


def magnitudes(store: Store, codes: np.ndarray, layer: str, round: int) -> Magnitudes | None:
    """The histogram of a layer's weights that are left at a round; None where its weights are not kept.

    Args:
        store: the search's, beside which weights of some rounds are kept (``keep_weights``).
        codes: of the layer.
        layer: its parameter's name.
        round: whose training the weights are of; the pruning after it goes by them.
    """
    weights = _trained(store, layer, round)
    if weights is None or weights.shape != codes.shape:
        return None
    sizes = np.abs(weights[codes > round].astype(float))
    removed = codes[codes > round] == round + 1
    positive = sizes[sizes > 0]
    if not len(positive):
        return None
    edges = np.geomspace(positive.min(), positive.max() * (1 + 1e-6), BINS + 1)
    gone, kept = (np.histogram(np.maximum(part, edges[0]), edges)[0] for part in (sizes[removed], sizes[~removed]))
    return Magnitudes(edges, gone, kept, float(sizes[removed].max()) if removed.any() else None)


def _trained(store: Store, layer: str, round: int) -> np.ndarray | None:
    """One layer's weights at the end of a round's training, by which prunings go.

    Only that layer is read, so the file's hash over all of it is not checked; that it is this search's is.
    """
    path = store.path.with_suffix(".weights") / f"round-{round:03d}-last.safetensors"
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("lthkit", "{}"))
            ours = facts.get("search") == store.identity is not None and facts.get("round") == round
            return np.asarray(file.get_tensor(facts["network"] + layer).float().numpy()) if ours else None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
