"""From a spec and a catalog to splits that are ready to train on."""

from dataclasses import dataclass

import numpy as np
import torch

from lthkit.catalog import Catalog, DataSet, Normalisation, Samples, SceneSet
from lthkit.data import select
from lthkit.data.augment import for_channels
from lthkit.data.cache import cached
from lthkit.data.decode import Decoder
from lthkit.data.memory import check_memory
from lthkit.data.pixels import decode_into
from lthkit.data.scenes import SceneSplits, scene_splits
from lthkit.data.sources import Resident, Source, Streamed
from lthkit.data.spec import DataSpec


@dataclass(frozen=True, eq=False)
class Splits:
    """A data set as a spec asks for it."""

    train: Source
    validation: Source | None
    """Drawn from train; None where the spec asks for none."""
    test: Source
    classes: tuple[str, ...]
    """Names of the labels 0…k−1."""
    normalisation: Normalisation
    """As applied to the batches: one value per channel, images in [0, 1] before."""
    spec: DataSpec
    normalised_for: str | None = None
    """The checkpoint whose normalisation this is; None where it is the data set's own."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of every image."""
        return self.train.shape


def load(spec: DataSpec, catalog: Catalog, device: torch.device) -> Splits | SceneSplits:
    """The splits of a data set; which sample goes where depends on data and spec only.

    Labelled images lie on the device; scenes (images with boxes or masks) on the CPU, where they are augmented.

    Raises:
        LthkitError: unknown entry or class, data missing or damaged, too few samples for `count` or
            `validation`, images of different sizes without `size`, or too many for memory without `stream`; of scenes
            as ``scenes.scene_splits``.
    """
    entry = catalog.dataset(spec.name)
    data = entry.read(catalog.root)
    if isinstance(data, SceneSet):
        return scene_splits(data, entry, spec)
    parts, classes = _parts(data, spec)
    decoder = _decoder(parts["train"], spec)
    pads = {"train": spec.pad, "validation": 0, "test": 0}
    sources: dict[str, Source]
    if spec.stream:
        sources = {
            part: Streamed(samples, decoder, torch.from_numpy(samples.labels).to(device), pads[part])
            for part, samples in parts.items()
        }
    else:
        _fits(parts, pads, decoder, device)
        # whoever asks for a few images does not wait for all
        everything = spec.classes is None and spec.count is None and spec.test_share == 1
        parts, _ = _parts(cached(data, decoder, make=everything), spec)
        sources = {part: _resident(samples, decoder, pads[part], device) for part, samples in parts.items()}
    normalisation = for_channels(entry.normalisation if spec.normalise else None, spec.channels)
    return Splits(sources["train"], sources.get("validation"), sources["test"], classes, normalisation, spec)


def _parts(data: DataSet, spec: DataSpec) -> tuple[dict[str, Samples], tuple[str, ...]]:
    """Samples of train, validation (where asked for) and test, by the spec's classes and draws."""
    chosen = select.choose_classes(data.classes, spec.classes, spec.name)
    classes = tuple(data.classes[index] for index in chosen)
    train, test = (part.take(*select.of_classes(part.labels, chosen)) for part in (data.train, data.test))
    if spec.count is not None:
        train = _take(train, select.keep(train.labels, spec.count, classes, spec.split_seed, spec.name))
    if spec.test_share < 1:
        test = _take(test, select.share_of(test.labels, spec.test_share, classes, spec.split_seed, spec.name))
    if spec.validation == 0:
        return {"train": train, "test": test}, classes
    held = select.hold_out(train.labels, spec.validation, classes, spec.split_seed, spec.name)
    rest = np.setdiff1d(np.arange(len(train)), held)
    return {"train": _take(train, rest), "validation": _take(train, held), "test": test}, classes


def _take(samples: Samples, positions: np.ndarray) -> Samples:
    return samples.take(positions, samples.labels[positions])


def _decoder(samples: Samples, spec: DataSpec) -> Decoder:
    if spec.size is not None:
        shape = (spec.size, spec.size)
    else:
        first = samples.open(samples.items[0])
        shape = (first.height, first.width)
    return Decoder(spec.name, samples.open, spec.channels, spec.size, spec.resized_crop, shape)


def _resident(samples: Samples, decoder: Decoder, pad: int, device: torch.device) -> Resident:
    height, width = decoder.shape
    stock = np.zeros((len(samples), height + 2 * pad, width + 2 * pad, decoder.channels), dtype=np.uint8)
    decode_into(stock[:, pad : pad + height, pad : pad + width], samples, decoder)
    return Resident(torch.from_numpy(stock).to(device), torch.from_numpy(samples.labels).to(device), pad)


def _fits(parts: dict[str, Samples], pads: dict[str, int], decoder: Decoder, device: torch.device) -> None:
    height, width = decoder.shape
    need = sum(
        len(samples) * (height + 2 * pads[part]) * (width + 2 * pads[part]) * decoder.channels
        for part, samples in parts.items()
    )
    check_memory(decoder.name, need, device)
