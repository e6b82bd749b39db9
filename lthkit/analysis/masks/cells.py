"""Maps of whole networks, all layers side by side from input to output, every round in one pass."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from lthkit.analysis.labels import labelled
from lthkit.analysis.masks.density import checked, sparsity
from lthkit.analysis.masks.histograms import each, kernel_codes
from lthkit.analysis.masks.searches import Search, Searched, common_layers, layer_labels, read
from lthkit.analysis.masks.tiles import Grid, grid_of, permille, tile_counts
from lthkit.codes import SURVIVOR
from lthkit.errors import LthkitError

CELLS = ("round", "row", "column")
PARTS = ("both", "only_a", "only_b")
PERMILLE = "‰"


def zero_kernel_cells(searched: Searched, layers: Sequence[str] | None = None) -> xr.Dataset:
    """Where kernels are completely zero: all layers side by side, as Chen et al. 2021, Fig. 7, at every round.

    Each layer is a band of equal width, output channels downwards, input channels to the right, cut into cells of
    about equally many kernels; small layers repeat their kernels over several cells.

    Args:
        searched: the search.
        layers: which ones, in this order; all when left out.

    Returns:
        ``zero_kernels``: share of zero kernels in each cell, in whole ‰ (0 and 1000 only where none and all are),
        uint16, dimensions (round, row, column), at most 200,000 cells a round. Labels of the columns: ``layer``,
        ``block``, ``kernel``, ``first_input`` and ``last_input``; of the rounds: ``sparsity`` (of the whole search).
        ``counted`` (kind, round) and ``units`` (kind): zero kernels and all kernels of the layers shown, 1×1 and
        larger apart. Attributes: ``name``, ``cell`` (how many kernels a cell has, in words).

    Raises:
        StoreError: naming a layer that there is not.
    """
    whole = read(searched)
    search = _chosen(whole, layers)
    grid = grid_of(search.shapes)
    kernels = dict(zip(search.codes, each(kernel_codes, search.codes.values()), strict=True))
    cells, left = _shares(grid, kernels, search.rounds)
    variables = {"zero_kernels": (CELLS, 1000 - cells)} | _by_kind(search, left)
    attrs = {"name": search.name, "cell": grid.words}
    made = xr.Dataset(variables, _labels(search, grid, _sparsity(whole)), attrs)
    return labelled(made, zero_kernels=("completely zero kernels", PERMILLE))


def weight_cells(searched: Searched, layers: Sequence[str] | None = None) -> xr.Dataset:
    """Share of weights left in cells as ``zero_kernel_cells``'s: ``weights_left`` (round, row, column), ‰, uint16.

    ``counted`` (round) is the number of weights left in the layers shown, the attribute ``weights`` how many they
    have.

    Raises:
        StoreError: naming a layer that there is not.
    """
    whole = read(searched)
    search = _chosen(whole, layers)
    grid = grid_of(search.shapes)
    cells, left = _shares(grid, search.codes, search.rounds)
    counted = left.sum(axis=0)
    variables = {"weights_left": (CELLS, cells), "counted": ("round", counted)}
    attrs = {"name": search.name, "cell": grid.words, "weights": int(counted[0])}
    made = xr.Dataset(variables, _labels(search, grid, _sparsity(whole)), attrs)
    return labelled(made, weights_left=("weights left", PERMILLE))


def difference_cells(
    a: Searched, b: Searched, layers: Sequence[str] | None = None, rounds_b: Sequence[int] | None = None
) -> xr.Dataset:
    """Which weights two searches keep, in cells as ``zero_kernel_cells``'s.

    Args:
        a: one search.
        b: the other; compared are layers of equal name and shape.
        layers: which of these; all when left out.
        rounds_b: the round of b that stands beside each round 0, 1, … of a, never falling (``like_for_like`` finds
            such pairs); the same round where left out, as far as both go.

    Returns:
        ``both``, ``only_a``, ``only_b``: share of a cell's weights left in both, in a alone, in b alone; whole ‰,
        uint16, dimensions (round, row, column), round that of a, label ``round_b``. ``counted`` (part, round)
        counts the same weights in all the layers shown. Attributes: ``a``, ``b``, ``cell``, ``weights``.

    Raises:
        LthkitError: if no layer is common to both, a layer is not, or the rounds of b are not there or fall.
    """
    one, other = read(a), read(b)
    names = _shared(one, other, layers)
    partner = _partners(one, other, rounds_b)
    rounds = len(partner) - 1
    grid = grid_of({name: one.codes[name].shape for name in names})
    recode = _in_rounds_of_a(partner, other.rounds)

    def parted(name: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
        ours, theirs = one.codes[name], recode[other.codes[name]]
        codes = (np.minimum(ours, theirs), ours, theirs)
        both, left_a, left_b = (tile_counts(code, grid.of(name), rounds) for code in codes)
        counts = (both, left_a - both, left_b - both)
        return [permille(part, left_a[0]) for part in counts], [part.sum(axis=1) for part in counts]

    found = each(parted, names)
    shares = {name: np.stack(cells) for name, (cells, _) in zip(names, found, strict=True)}
    variables: dict[str, Any] = {
        part: (CELLS, grid.drawn({name: cells[place] for name, cells in shares.items()}))
        for place, part in enumerate(PARTS)
    }
    variables["counted"] = (("part", "round"), np.sum([counts for _, counts in found], axis=0))
    compared = Search({name: one.codes[name] for name in names}, rounds, one.name)
    coords = _labels(compared, grid, _sparsity(one)[: rounds + 1])
    coords |= {"part": list(PARTS), "round_b": ("round", partner)}
    weights = sum(code.size for code in compared.codes.values())
    made = xr.Dataset(variables, coords, {"a": one.name, "b": other.name, "cell": grid.words, "weights": weights})
    return labelled(made, **{part: (words, PERMILLE) for part, words in part_names(one.name, other.name).items()})


def part_names(a: str, b: str) -> dict[str, str]:
    """What the parts of a comparison are called."""
    words = ("weights left in both", f"weights left only in {a}", f"weights left only in {b}")
    return dict(zip(PARTS, words, strict=True))


def _shares(grid: Grid, codes: dict[str, np.ndarray], rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """Share left of each cell, in ‰ (round, row, column), and how many are left of each layer (layer, round)."""

    def shares(name: str) -> tuple[np.ndarray, np.ndarray]:
        counts = tile_counts(codes[name], grid.of(name), rounds)
        return permille(counts, counts[0]), counts.sum(axis=1)

    found = each(shares, codes)
    cells = grid.drawn({name: cells for name, (cells, _) in zip(codes, found, strict=True)})
    return cells, np.stack([left for _, left in found])


def _by_kind(search: Search, left: np.ndarray) -> dict[str, xr.DataArray]:
    """Kernels that are zero and that there are, 1×1 and larger apart."""
    kinds = layer_labels(search.shapes)["kind"][1]
    names = list(dict.fromkeys(kinds))
    sums = np.stack([left[np.equal(kinds, name)].sum(axis=0) for name in names])
    counted = xr.DataArray(sums[:, :1] - sums, {"kind": names}, ("kind", "round"))
    return {"counted": counted, "units": xr.DataArray(sums[:, 0], {"kind": names}, ("kind",))}


def _sparsity(search: Search) -> np.ndarray:
    return np.asarray(sparsity(search).values)


def _labels(search: Search, grid: Grid, whole: np.ndarray) -> dict[str, Any]:
    labels = layer_labels(search.shapes)
    first, last = grid.inputs()
    coords: dict[str, Any] = {"round": np.arange(search.rounds + 1), "sparsity": ("round", whole)}
    columns = {"layer": labels["layer"], "block": labels["block"][1], "kernel": labels["kernel"][1]}
    coords |= {key: ("column", np.repeat(np.array(values), grid.columns)) for key, values in columns.items()}
    return coords | {"first_input": ("column", first), "last_input": ("column", last)}


def _chosen(search: Search, layers: Sequence[str] | None) -> Search:
    if layers is None:
        return search
    for name in layers:
        checked(search, name)
    return Search({name: search.codes[name] for name in layers}, search.rounds, search.name)


def _shared(a: Search, b: Search, layers: Sequence[str] | None) -> list[str]:
    names, _ = common_layers([a, b])
    for name in layers or ():
        if name not in names:
            raise LthkitError(f"'{name}' is no layer of both '{a.name}' and '{b.name}'; they share {', '.join(names)}")
    return names if layers is None else list(layers)


def _partners(a: Search, b: Search, rounds_b: Sequence[int] | None) -> np.ndarray:
    if rounds_b is None:
        return np.arange(min(a.rounds, b.rounds) + 1)
    partner = np.asarray(rounds_b, int)
    fits = 0 < len(partner) <= a.rounds + 1 and partner.min() >= 0 and partner.max() <= b.rounds
    if not fits or (np.diff(partner) < 0).any():
        raise LthkitError(
            f"rounds {partner.tolist()} of '{b.name}' cannot stand beside rounds 0 to {a.rounds} of '{a.name}'; "
            f"give rounds from 0 to {b.rounds} that never fall, at most one for each round"
        )
    return partner


def _in_rounds_of_a(partner: np.ndarray, rounds_b: int) -> np.ndarray:
    """By code of b: the first round of a whose partner round finds the weight dead (it may be 0), 255 if none."""
    first = np.searchsorted(partner, np.arange(256))
    known = (np.arange(256) <= rounds_b) & (first < len(partner))
    return np.where(known, first, SURVIVOR).astype(np.uint8)
