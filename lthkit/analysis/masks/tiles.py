"""How a network becomes cells: each layer a band of equal width, cut into tiles of about equally many kernels."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt

import numpy as np

from lthkit.analysis.masks.histograms import count, left

MOST_CELLS = 200_000
ROWS = 256
PIECE = 1 << 18


@dataclass(frozen=True)
class Tiles:
    """How one layer is cut: the tile row of each output channel, the tile column of each input channel."""

    row: np.ndarray
    column: np.ndarray


@dataclass(frozen=True)
class Grid:
    """Cells of a map: ``rows`` × ``columns`` for each layer of these (out, in) shapes."""

    shapes: Mapping[str, tuple[int, int]]
    rows: int
    columns: int

    def of(self, name: str) -> Tiles:
        """The tiles of a layer, at most one a channel."""
        tall, wide = self.tiles(name)
        out, inner = self.shapes[name]
        return Tiles(np.arange(out) * tall // out, np.arange(inner) * wide // inner)

    def tiles(self, name: str) -> tuple[int, int]:
        """Rows and columns of tiles of a layer."""
        out, inner = self.shapes[name]
        return min(out, self.rows), min(inner, self.columns)

    def drawn(self, tiles: Mapping[str, np.ndarray]) -> np.ndarray:
        """Values (round, tile) of each layer → all side by side (round, row, column); small layers repeat theirs."""
        bands = []
        for name, values in tiles.items():
            tall, wide = self.tiles(name)
            rows, columns = np.arange(self.rows) * tall // self.rows, np.arange(self.columns) * wide // self.columns
            bands.append(values.reshape(-1, tall, wide)[:, rows][:, :, columns])
        return np.concatenate(bands, axis=2)

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """First and last input channel that each column of the drawn map shows."""
        firsts, lasts = [], []
        for name, (_, inner) in self.shapes.items():
            wide = self.tiles(name)[1]
            tile = np.arange(self.columns) * wide // self.columns
            firsts.append(-(-tile * inner // wide))
            lasts.append(-(-(tile + 1) * inner // wide) - 1)
        return np.concatenate(firsts), np.concatenate(lasts)

    @property
    def words(self) -> str:
        """How many kernels (outputs × inputs) a cell has."""
        tall = max(-(-out // self.rows) for out, _ in self.shapes.values())
        wide = max(-(-inner // self.columns) for _, inner in self.shapes.values())
        return "a cell is one kernel" if tall == wide == 1 else f"a cell has up to {tall} × {wide} kernels"


def grid_of(shapes: Mapping[str, tuple[int, ...]]) -> Grid:
    """The finest grid of at most 200,000 cells."""
    pairs = {name: (shape[0], shape[1] if len(shape) > 1 else 1) for name, shape in shapes.items()}
    room = max(MOST_CELLS // len(pairs), 1)
    rows = min(max(out for out, _ in pairs.values()), max(ROWS, isqrt(room)), room)
    return Grid(pairs, rows, min(max(inner for _, inner in pairs.values()), room // rows))


def tile_counts(codes: np.ndarray, tiles: Tiles, rounds: int) -> np.ndarray:
    """Weights (or kernels) left in each tile: int64, shape (rounds + 1, tiles).

    Args:
        codes: (out, in, …) uint8.
        tiles: how they are cut.
        rounds: codes above it are survivors.
    """
    width = rounds + 2
    columns = int(tiles.column[-1]) + 1
    counts = np.zeros((int(tiles.row[-1]) + 1) * columns * width, np.int64)
    flat = codes.reshape(len(tiles.row), len(tiles.column), -1)
    step = max(1, PIECE // flat[0].size)
    for start in range(0, len(flat), step):
        row = tiles.row[start : start + step]
        tile = (((row - row[0])[:, None] * columns + tiles.column) * width).astype(np.int32)
        index = tile[:, :, None] + np.minimum(flat[start : start + step], rounds + 1)
        low, high = (int(edge) * columns * width for edge in (row[0], row[-1] + 1))
        counts[low:high] += count(index.reshape(-1), high - low)
    return left(counts.reshape(-1, width)).T


def tile_side(shape: tuple[int, ...]) -> int:
    """Side of the smallest square tile of kernels that leaves at most 200,000 cells of one layer (out, in)."""
    tile = 1
    while -(-shape[0] // tile) * -(-shape[1] // tile) > MOST_CELLS:
        tile += 1
    return tile


def tiled(counts: np.ndarray, tile: int) -> np.ndarray:
    """Means over square tiles of (out, in), smaller at the far edges where the sides do not divide."""
    rows, columns = (np.arange(0, length, tile) for length in counts.shape)
    sums = np.add.reduceat(np.add.reduceat(counts, rows, axis=0, dtype=np.uint32), columns, axis=1)
    sizes = [np.diff(np.append(starts, end)) for starts, end in zip((rows, columns), counts.shape, strict=True)]
    return np.asarray(sums / np.outer(*sizes))


def permille(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Whole ‰ as uint16; 0 and 1000 only for none and all."""
    inner = np.clip(np.rint(1000 * part / whole), 1, 999)
    return np.where(part == 0, 0, np.where(part == whole, 1000, inner)).astype(np.uint16)
