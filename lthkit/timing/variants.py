"""One network in all the ways in which it can be carried out under its mask."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from lthkit.analysis import removable_channels
from lthkit.cutting import TicketNetwork, cut_network, masked_network, prove, random_images
from lthkit.errors import LthkitError
from lthkit.exchange.export import compressed
from lthkit.exchange.program import must_have_onnx, read_onnx, write_onnx
from lthkit.exchange.quiet import quiet
from lthkit.timing.sparse import with_2_of_4, with_sparse_rows

VARIANTS = ("dense", "masked", "cut", "sparse rows", "2:4", "masked, onnxruntime", "cut, onnxruntime")
"""All variants by name. ``sparse rows`` are torch's kernels for compressed sparse rows (CSR), ``2:4`` its kernels of
GPUs for 2 of every 4, in float16; onnxruntime works on the CPU, and its kernels know no zeros either."""


@dataclass(frozen=True, eq=False)
class Variant:
    """One way to carry a network out.

    Attributes:
        run: images → outputs.
        parameters: numbers that are kept: weights, biases, constants; of sparse rows those that are left.
        bytes: on the disk: the state as safetensors (as torch saves it where there are sparse rows), or the ONNX file.
        multiply_adds: for one image, in convolutions and linear layers; of sparse rows those of the weights left.
    """

    run: Callable[[Tensor], Any]
    parameters: int
    bytes: int
    multiply_adds: int


def make_variants(found: TicketNetwork, device: str = "cpu", names: tuple[str, ...] = VARIANTS) -> dict[str, Variant]:
    """The network in all ways that are asked for and that this machine has, each the same function as the masked one.

    ``2:4`` needs a GPU and the pattern; onnxruntime the extra ``lthkit[onnx]`` and no GPU.

    Args:
        found: the network and its mask; not changed.
        device: where torch works.
        names: of ``VARIANTS``.

    Raises:
        LthkitError: if the network cannot be followed.
    """
    network = masked_network(found.network, {})[0].to(device)
    masked, masks = masked_network(network, found.masks)
    counts = removable_channels(network, masks, found.image_shape)
    removed = counts.attrs["multiply_adds_removed"]
    whole = int(counts.attrs["multiply_adds"])
    small = cut_network(network, masks, found.image_shape, images=found.images)
    made = {
        "dense": _plain(network, whole),
        "masked": _plain(masked, whole),
        "cut": _plain(small, whole - removed),
    }
    if "sparse rows" in names:
        made["sparse rows"] = _sparse(with_sparse_rows(masked, masks), masked, masks, found, counts)
    if "2:4" in names and device != "cpu" and (halved := with_2_of_4(masked, masks)):
        made["2:4"] = Variant(halved, _numbers(masked), _bytes(masked.state_dict()), whole)
    if device == "cpu" and _has_onnx():
        for name, each, operations in (("masked", masked, whole), ("cut", small, whole - removed)):
            if f"{name}, onnxruntime" in names:
                made[f"{name}, onnxruntime"] = _by_onnx(each, found, operations)
    return {name: made[name] for name in names if name in made}


def _plain(network: nn.Module, operations: int) -> Variant:
    return Variant(network, _numbers(network), _bytes(network.state_dict()), operations)


def _sparse(
    rows: nn.Module, masked: nn.Module, masks: Mapping[str, Tensor], found: TicketNetwork, counts: Any
) -> Variant:
    prove(masked, rows, found.image_shape, found.images, "the network of sparse rows differs from the masked one")
    removed = sum(int((~mask).sum()) for mask in masks.values())
    shares = {name: float(mask.float().mean()) for name, mask in masks.items()}
    layers = zip(counts["layer"].values, counts["multiply_adds"].values, strict=True)
    operations = sum(round(int(each) * shares.get(str(name), 1.0)) for name, each in layers)
    saved = io.BytesIO()
    with quiet():
        state = masked.state_dict()
        torch.save(state | {name: compressed(state[name]) for name in masks}, saved)
    return Variant(rows, _numbers(masked) - removed, saved.getbuffer().nbytes, operations)


def _by_onnx(network: nn.Module, found: TicketNetwork, operations: int) -> Variant:
    images = random_images(2, found.image_shape, next(network.parameters()))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        write_onnx(network, images, path, {})
        size, run = path.stat().st_size, read_onnx(path)
    prove(network, run, found.image_shape, found.images, "the network in onnxruntime differs from torch's")
    return Variant(run, _numbers(network), size, operations)


def _has_onnx() -> bool:
    try:
        must_have_onnx()
    except LthkitError:
        return False
    return True


def _numbers(network: nn.Module) -> int:
    """Of all that is kept, shared ones once."""
    return sum(each.numel() for each in (*network.parameters(), *network.buffers()))


def _bytes(state: Mapping[str, Tensor]) -> int:
    return len(save({name: tensor.contiguous().clone() for name, tensor in state.items()}))
