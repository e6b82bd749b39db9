"""Layers as products with a sparse matrix: torch's kernels for single weights (CSR) and, on GPUs, for 2 of every 4."""

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from lthkit.exchange.quiet import quiet

_AMPERE = (8, 0)


class SparseLinear(nn.Module):
    """A linear layer whose weight is a sparse matrix (out, in).

    Args:
        layer: which ``fits``.
        sparse: makes the matrix sparse.
    """

    def __init__(self, layer: nn.Linear, sparse: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.bias = layer.bias
        self._matrix = sparse(layer.weight.detach())

    def forward(self, x: Tensor) -> Tensor:
        """As the layer's."""
        product = _product(self._matrix, x.reshape(-1, x.shape[-1]).t()).t()
        product = product if self.bias is None else product + self.bias
        return product.reshape(*x.shape[:-1], -1)


class SparseConv2d(nn.Module):
    """A convolution as the product of a sparse matrix (out, kernel · in) with the places that it looks at.

    Args:
        layer: which ``fits``.
        sparse: makes the matrix sparse.
    """

    def __init__(self, layer: nn.Conv2d, sparse: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.bias = layer.bias
        self._kernel, self._dilation = layer.kernel_size, layer.dilation
        self._padding, self._stride = layer.padding, layer.stride
        # the channels of a place stand next to each other, where patterns of 2:4 lie
        self._matrix = sparse(layer.weight.detach().movedim(1, -1).flatten(1).contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """As the layer's."""
        size = [self._length(x.shape[2 + axis], axis) for axis in range(2)]
        product = _product(self._matrix, self._places(x))
        product = product if self.bias is None else product + self.bias[:, None]
        return product.view(-1, len(x), *size).movedim(1, 0)

    def _places(self, x: Tensor) -> Tensor:
        """(kernel · in, images · places)."""
        if self._kernel == self._stride == (1, 1) and self._padding == (0, 0):
            return x.movedim(1, 0).flatten(1)
        places = nn.functional.unfold(x, self._kernel, self._dilation, self._padding, self._stride)  # type: ignore[arg-type]
        by_channel = places.view(len(x), x.shape[1], -1, places.shape[-1])
        return by_channel.permute(2, 1, 0, 3).reshape(-1, len(x) * places.shape[-1])

    def _length(self, length: int, axis: int) -> int:
        reach = self._dilation[axis] * (self._kernel[axis] - 1) + 1
        return (length + 2 * int(self._padding[axis]) - reach) // self._stride[axis] + 1


def _product(matrix: Tensor, dense: Tensor) -> Tensor:
    return (matrix @ dense.to(matrix.dtype)).to(dense.dtype)


def fits(layer: nn.Module) -> bool:
    """Whether a layer can be a product: linear, or a plain convolution that pads with zeros."""
    if isinstance(layer, nn.Linear):
        return True
    return (
        isinstance(layer, nn.Conv2d)
        and layer.groups == 1
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
    )


def with_sparse_rows(network: nn.Module, masks: Mapping[str, Tensor]) -> nn.Module:
    """A copy whose masked layers multiply by compressed sparse rows, as far as they ``fit`` and have zeros."""
    chosen = [name for name, mask in masks.items() if not mask.all()]
    with quiet():
        return _replaced(network, chosen, lambda matrix: matrix.to_sparse_csr())


def with_2_of_4(network: nn.Module, masks: Mapping[str, Tensor]) -> nn.Module | None:
    """A copy whose layers of the pattern 2:4 multiply by torch's semi-structured kernels in float16.

    None where the machine has none (they need a GPU of compute capability 8.0), or no layer has the pattern.
    """
    if not torch.cuda.is_available() or torch.cuda.get_device_capability() < _AMPERE:
        return None
    chosen = [name for name, mask in masks.items() if has_2_of_4(mask)]
    if not chosen:
        return None
    return _replaced(network, chosen, lambda matrix: torch.sparse.to_sparse_semi_structured(matrix.half()))


def has_2_of_4(mask: Tensor) -> bool:
    """Whether at most 2 of every 4 neighbouring input channels are left."""
    if mask.ndim < 2 or mask.shape[1] % 4:
        return False
    groups = mask.movedim(1, -1).reshape(-1, 4)
    return bool((groups.sum(1) <= 2).all())


def _replaced(network: nn.Module, weights: list[str], sparse: Callable[[Tensor], Tensor]) -> nn.Module:
    made = copy.deepcopy(network)
    for name in weights:
        place, _, own = name.rpartition(".")
        layer = made.get_submodule(place)
        if own == "weight" and place and fits(layer):
            owner, _, attribute = place.rpartition(".")
            kind = SparseLinear if isinstance(layer, nn.Linear) else SparseConv2d
            setattr(made.get_submodule(owner), attribute, kind(layer, sparse))  # type: ignore[arg-type]
    return made
