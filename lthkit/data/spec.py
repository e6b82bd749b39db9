"""Which samples of a data set are used, and how they are shown to the network."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lthkit.config import Config


class DataSpec(Config):
    """A data set of the catalog and what is taken from it; with the data it determines every split exactly."""

    name: str
    """Entry of the catalog."""
    classes: tuple[int | str, ...] | None = Field(default=None, min_length=1)
    """Names or indices of the classes used, relabelled 0…k−1 in this order; None = all."""
    count: int | None = Field(default=None, ge=1)
    """Images kept of the training split (before validation is drawn from them), equally many per class."""
    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share of the kept training images held out for validation, stratified by class; 0 = none: the published
    evaluation split is then scored without selection, which a plan says by `selection: last`."""
    test_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the test split that is scored, stratified by class: for quick looks; every result says it."""
    split_seed: int = Field(default=0, ge=0)
    """Seed of all draws."""
    size: int | None = Field(default=None, ge=1)
    """Images are resized to size × size pixels; None = as they are (all must then have one size)."""
    channels: Literal[1, 3] = 3
    """3: grey is repeated; 1: colour becomes luma."""
    normalise: bool = True
    """Whether the entry's normalisation is applied; without it images are in [0, 1]."""
    stream: bool = False
    """Decode while training, for sets that do not fit in memory."""
    flip: bool = False
    """Training images are mirrored left-right with probability 1/2."""
    pad: int = Field(default=0, ge=0)
    """Training images get a black border of this many pixels and a crop of the old size from anywhere in it."""
    resized_crop: bool = False
    """Training crops of random area and aspect resized to `size`; evaluation takes the central 224/256."""

    @model_validator(mode="after")
    def _crops(self) -> Self:
        if self.resized_crop and not (self.stream and self.size):
            raise ValueError("resized_crop needs `stream: true` and a `size`")
        if self.resized_crop and self.pad:
            raise ValueError("resized_crop and pad are two ways to crop; set pad to 0")
        return self
