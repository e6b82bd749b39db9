"""The files of published data sets, by the names that their makers gave them, relative to the entry's root.

Each file is a tuple of names of which one must be there: as unpacked, or as published.
"""

from itertools import product

Names = tuple[tuple[str, ...], ...]


def _cifar(folder: str, *names: str) -> Names:
    return tuple((f"{folder}/{name}",) for name in names)


def _idx(folder: str) -> Names:
    names = [f"{part}-{kind}-ubyte" for part, kind in product(("train", "t10k"), ("images-idx3", "labels-idx1"))]
    return tuple((f"{folder}/raw/{name}", f"{folder}/raw/{name}.gz") for name in names)


TORCHVISION_SETS: dict[str, Names] = {
    "CIFAR10": _cifar(
        "cifar-10-batches-py", *(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"
    ),
    "CIFAR100": _cifar("cifar-100-python", "train", "test", "meta"),
    "SVHN": (("train_32x32.mat",), ("test_32x32.mat",)),
    "FashionMNIST": _idx("FashionMNIST"),
    "MNIST": _idx("MNIST"),
}
"""Where torchvision's classes look for them."""

SMALLNORB: Names = tuple(
    (f"smallnorb-{part}-{kind}.mat", f"smallnorb-{part}-{kind}.mat.gz")
    for part, kind in product(("5x46789x9x18x6x2x96x96-training", "5x01235x9x18x6x2x96x96-testing"), ("dat", "cat"))
)
"""Images and classes of the training pairs, then of the testing ones; the `-info` files are not needed."""
