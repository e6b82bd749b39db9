"""Batches in an order that seed and epoch decide; any one of them can be made again alone."""

from collections.abc import Iterator, Sequence, Sized

import torch

from lthkit.data.augment import cut, draw, scale_and_shift, to_input
from lthkit.data.sources import Source
from lthkit.data.splits import Splits
from lthkit.errors import LthkitError
from lthkit.seeds import torch_generator

Batch = tuple[torch.Tensor, torch.Tensor]


def steps_per_epoch(source: Sized, batch_size: int) -> int:
    """Training batches in an epoch: whole ones, or one of everything where the set is smaller than a batch."""
    return max(1, len(source) // batch_size)


def training_batches(
    splits: Splits,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    start: int = 0,
    part: tuple[int, int] = (0, 1),
    channels_last: bool = False,
    workers: int = 0,
) -> Iterator[Batch]:
    """The batches of one epoch over `splits.train`, augmented as the spec says.

    The order is a permutation drawn from (seed, "order", epoch), flips and crops from (seed, "augment", epoch,
    number of the batch), random resized crops from (seed, "sample", epoch, index); what is incomplete at the
    end is dropped.

    Args:
        splits: what `load` returned.
        batch_size: images a batch.
        seed: training seed.
        epoch: number of the epoch.
        start: batches to leave out at the beginning; the others are what they would have been.
        part: (i, n): of each batch only the images i, i + n, i + 2n, …, cropped and flipped as in the whole batch.
        channels_last: memory format of the images.
        workers: decoding processes of a streamed set.

    Returns:
        Iterator of float32 images (B, C, H, W), normalised, and int64 labels (B,), on the device.

    Raises:
        LthkitError: batch_size, start or workers out of range.
    """
    _check(batch_size, workers)
    steps = steps_per_epoch(splits.train, batch_size)
    if not 0 <= start <= steps:
        raise LthkitError(f"start {start} is outside the epoch's {steps} batches; give 0…{steps}")
    check_part(batch_size, len(splits.train), part)
    order = torch.randperm(len(splits.train), generator=torch_generator(seed, "order", epoch))
    batches = order.split(batch_size)[start:steps]
    return _training(splits, batches, seed, epoch, start, part, channels_last, workers)


def _training(
    splits: Splits,
    batches: tuple[torch.Tensor, ...],
    seed: int,
    epoch: int,
    start: int,
    part: tuple[int, int],
    channels_last: bool,
    workers: int,
) -> Iterator[Batch]:
    spec, source = splits.spec, splits.train
    scaling = scale_and_shift(splits.normalisation, source.labels.device)
    own = slice(part[0], None, part[1])
    blocks = source.blocks([batch[own] for batch in batches], (seed, epoch), workers)
    for number, (stock, index, labels) in enumerate(blocks, start):
        draws = None
        if spec.flip or spec.pad:
            generator = torch_generator(seed, "augment", epoch, number)
            draws = draw(len(batches[number - start]), spec.pad, spec.flip, generator)[:, own]
        yield to_input(cut(stock, index, source.pad, draws), scaling, channels_last), labels


def evaluation_batches(
    source: Source,
    splits: Splits,
    *,
    batch_size: int,
    channels_last: bool = False,
    workers: int = 0,
    order: torch.Tensor | None = None,
) -> Iterator[Batch]:
    """Samples of one of the splits' sources without augmentation; the last batch may be short.

    Args:
        source: a part of ``splits``.
        splits: what `load` returned.
        batch_size: images a batch.
        channels_last: memory format of the images.
        workers: decoding processes of a streamed set.
        order: int64 indices of the samples, on the CPU; all of them in order where left out.

    Returns:
        Iterator of float32 images (B, C, H, W), normalised, and int64 labels (B,), on the device.

    Raises:
        LthkitError: batch_size or workers out of range.
    """
    _check(batch_size, workers)
    chosen = torch.arange(len(source)) if order is None else order
    return _evaluation(source, splits, chosen.split(batch_size), channels_last, workers)


def _evaluation(
    source: Source, splits: Splits, batches: Sequence[torch.Tensor], channels_last: bool, workers: int
) -> Iterator[Batch]:
    scaling = scale_and_shift(splits.normalisation, source.labels.device)
    for stock, index, labels in source.blocks(batches, None, workers):
        yield to_input(cut(stock, index, source.pad, None), scaling, channels_last), labels


def check_part(batch_size: int, samples: int, part: tuple[int, int]) -> None:
    """Raise unless the processes' parts of a batch are equally large."""
    size = min(batch_size, samples)
    if size % part[1]:
        raise LthkitError(
            f"batches of {size} images cannot be shared equally among {part[1]} processes; choose a batch_size that can"
        )


def _check(batch_size: int, workers: int) -> None:
    if batch_size < 1 or workers < 0:
        raise LthkitError(
            f"batch_size is {batch_size} and workers {workers}; give at least 1 image a batch and no fewer than "
            "0 workers"
        )
