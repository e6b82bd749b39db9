"""All samples of a split as one array of pixels."""

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm.auto import tqdm

from lthkit.catalog import Samples
from lthkit.data.decode import Decoder
from lthkit.progress import is_batch

CHUNK = 256


def decode_into(pixels: np.ndarray, samples: Samples, decoder: Decoder) -> None:
    """Decode all samples, by threads, into uint8 (N, H, W, C); samples that are such pixels already are copied.

    Raises:
        LthkitError: an image is unreadable or has another size than the others.
    """
    if _are_pixels(samples, decoder):
        pixels[...] = samples.items.reshape(*samples.items.shape[:3], -1)  # grey is repeated
        return

    def decode(chunk: range) -> int:
        for index in chunk:
            pixels[index] = decoder(samples.items[index], None)
        return len(chunk)

    starts = range(0, len(samples), CHUNK)
    chunks = [range(start, min(start + CHUNK, len(samples))) for start in starts]
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        try:
            _count_up(pool.map(decode, chunks), len(samples), decoder.name)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # do not decode the rest first
            raise


def _are_pixels(samples: Samples, decoder: Decoder) -> bool:
    """Whether decoding would change nothing but repeat a grey channel."""
    shape, kind = samples.items.shape, samples.items.dtype
    grey = len(shape) == 3
    return kind == np.uint8 and shape[1:3] == decoder.shape and (grey or shape[3:] == (decoder.channels,))


def _count_up(done: Iterable[int], total: int, name: str) -> None:
    watched = "ipykernel" in sys.modules or sys.stderr.isatty()
    hidden = is_batch() or not watched
    # loads below 2 s show nothing
    with tqdm(total=total, desc=f"reading {name}", unit="image", delay=2, leave=False, disable=hidden) as bar:
        for count in done:
            bar.update(count)
