"""Where the samples of a split are: all on the device, or on disk and decoded while training.

Both hand out blocks: (stock, index, labels) where `stock[index]` are the images of a batch, uint8
(…, H + 2·pad, W + 2·pad, C) with a black border of `pad` pixels, and everything lies on the device.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad as with_border
from torch.utils.data import DataLoader

from lthkit.catalog import Samples
from lthkit.data.decode import Decoder
from lthkit.errors import LthkitError
from lthkit.seeds import derive

Block = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Resident:
    """A split on the device."""

    stock: torch.Tensor
    """uint8 (N, H + 2·pad, W + 2·pad, C)."""
    labels: torch.Tensor
    """int64 (N,)."""
    pad: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def images(self) -> torch.Tensor:
        """uint8 (N, H, W, C): a view without the border."""
        inner = slice(self.pad, -self.pad or None)
        return self.stock[:, inner, inner]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        _, height, width, channels = self.images.shape
        return channels, height, width

    def blocks(
        self, batches: Sequence[torch.Tensor], crop_stream: tuple[int, int] | None, workers: int
    ) -> Iterator[Block]:
        """One block for each batch of indices (int64, on the CPU); nothing here is random or needs workers."""
        for batch in batches:
            index = batch.to(self.labels.device, non_blocking=True)
            yield self.stock, index, self.labels[index]


@dataclass(frozen=True, eq=False)
class Streamed:
    """A split on disk, decoded in the background by as many processes as `workers` says."""

    samples: Samples
    decoder: Decoder
    labels: torch.Tensor
    """int64 (N,), on the device."""
    pad: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.decoder.channels, *self.decoder.shape

    def blocks(
        self, batches: Sequence[torch.Tensor], crop_stream: tuple[int, int] | None, workers: int
    ) -> Iterator[Block]:
        """One block for each batch of indices (int64, on the CPU).

        Args:
            batches: indices of each batch.
            crop_stream: seed and epoch of the random resized crops, None in evaluation.
            workers: loader processes; 0 decodes in this one. The result does not depend on it.

        Raises:
            LthkitError: an image cannot be read or has another size (named).
        """
        device = self.labels.device
        loader = DataLoader(
            _Decoded(self.samples, self.decoder, crop_stream),
            batch_sampler=[batch.tolist() for batch in batches],
            num_workers=workers,
            collate_fn=_as_it_is,
            pin_memory=device.type == "cuda",
            generator=torch.Generator(),  # else the loader draws a number from torch's global one
        )
        for batch, pixels in zip(batches, loader, strict=True):
            if isinstance(pixels, LthkitError):
                raise pixels
            stock = pixels.to(device, non_blocking=True)
            if self.pad:
                stock = with_border(stock, (0, 0, *[self.pad] * 4))
            yield stock, torch.arange(len(batch), device=device), self.labels[batch.to(device)]


@dataclass(frozen=True)
class _Decoded(torch.utils.data.Dataset):
    """What loader processes run: indices of a batch → its pixels, uint8 (B, H, W, C), or the user's mistake."""

    samples: Samples
    decoder: Decoder
    crop_stream: tuple[int, int] | None

    def __getitems__(self, indices: list[int]) -> torch.Tensor | LthkitError:
        try:
            return torch.from_numpy(np.stack([self._pixels(index) for index in indices]))
        except LthkitError as error:
            return error  # raised there, it would come back wrapped in the worker's traceback

    def _pixels(self, index: int) -> np.ndarray:
        seed = None
        if self.crop_stream is not None and self.decoder.crop:
            seed = derive(self.crop_stream[0], "sample", self.crop_stream[1], index)
        return self.decoder(self.samples.items[index], seed)


def _as_it_is(batch: Any) -> Any:
    return batch


Source = Resident | Streamed
