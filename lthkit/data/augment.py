"""Crop, flip and normalise whole batches on the device."""

import torch

from lthkit.catalog import Normalisation

LUMA = (0.299, 0.587, 0.114)


def draw(batch: int, pad: int, flip: bool, generator: torch.Generator) -> torch.Tensor:
    """Random crops and flips, on the CPU: int64 (3, batch) of top 0…2·pad, left 0…2·pad, flipped 0…1."""
    top, left = torch.randint(0, 2 * pad + 1, (2, batch), generator=generator)
    flipped = torch.randint(0, 2, (batch,), generator=generator)
    return torch.stack([top, left, flipped if flip else torch.zeros_like(flipped)])


def cut(stock: torch.Tensor, index: torch.Tensor, pad: int, draws: torch.Tensor | None) -> torch.Tensor:
    """Select images, each with its own crop and flip, in one indexing operation.

    Args:
        stock: uint8 (N, H + 2·pad, W + 2·pad, C), images with a black border.
        index: int64 (B,), which images, on the stock's device.
        pad: width of the border.
        draws: (3, B) as `draw` makes them, or None for the images as they are.

    Returns:
        uint8 (B, H, W, C).
    """
    height, width = stock.shape[1] - 2 * pad, stock.shape[2] - 2 * pad
    if draws is None:
        return stock[:, pad : pad + height, pad : pad + width].index_select(0, index)
    top, left, flipped = draws.to(stock.device, non_blocking=True)[:, :, None]
    across = torch.arange(width, device=stock.device)
    rows = top + torch.arange(height, device=stock.device)
    columns = left + torch.where(flipped == 1, width - 1 - across, across)
    return stock[index[:, None, None], rows[:, :, None], columns[:, None, :]]


def to_input(images: torch.Tensor, scaling: tuple[torch.Tensor, torch.Tensor], channels_last: bool) -> torch.Tensor:
    """float32 (B, C, H, W) from uint8 (B, H, W, C): image · scale + shift, in the memory format asked for."""
    scale, shift = scaling
    batch, height, width, channels = images.shape
    # whole rows at a time: broadcasting over the 1 or 3 channels alone is five times slower on a CPU
    rows = images.reshape(batch, height, width * channels).to(torch.float32)
    rows.mul_(scale.repeat(width)).add_(shift.repeat(width))
    result = rows.view(batch, height, width, channels).permute(0, 3, 1, 2)
    return result if channels_last else result.contiguous()


def scale_and_shift(normalisation: Normalisation, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """float32 (C,) each, with (v / 255 − mean) / std = v · scale + shift."""
    mean = torch.tensor(normalisation.mean, dtype=torch.float64)
    std = torch.tensor(normalisation.std, dtype=torch.float64)
    return (1 / (255 * std)).float().to(device), (-mean / std).float().to(device)


def for_channels(normalisation: Normalisation | None, channels: int) -> Normalisation:
    """The normalisation for images of 1 or 3 channels; None leaves them in [0, 1].

    One value serves all channels. Three become one by the weights of luma, exact for the mean, and for the
    standard deviation of fully correlated channels.
    """
    if normalisation is None:
        return Normalisation(mean=(0.0,) * channels, std=(1.0,) * channels)
    mean, std = normalisation.mean, normalisation.std
    if len(mean) == channels:
        return normalisation
    if channels == 3:
        return Normalisation(mean=mean * 3, std=std * 3)
    return Normalisation(mean=(_luma(mean),), std=(_luma(std),))


def _luma(values: tuple[float, ...]) -> float:
    return sum(weight * value for weight, value in zip(LUMA, values, strict=True))
