"""What a network is, as settings."""

from typing import Literal

from pydantic import Field, JsonValue

from lthkit.config import Config


class ModelSpec(Config):
    """A network, where its weights start and what of it may be pruned.

    Attributes:
        name: a name of ``registry.NAMES``, a CIFAR ``resnet<6n+2>``, or the user's ``package.module:factory``.
        options: keyword arguments of the factory.
        small_stem: torchvision ResNets only: first convolution 3×3 at stride 1 and no max-pool
            (Chen et al. 2021, released code for images of 32 pixels).
        checkpoint: name in the catalog, or path of a ``.pt``, ``.pth``, ``.tar`` or ``.safetensors`` file.
        prefix: what stands before the parameter names in the checkpoint; found by itself where left out.
        head: "keep" takes the checkpoint's head where its shape fits, "new" always draws a fresh one.
        prune_first: the first convolution may be pruned as well (Mehta 2019 does, Chen et al. 2021 do not).
        prune_linear: linear layers may be pruned as well.
    """

    name: str
    options: dict[str, JsonValue] = Field(default_factory=dict)
    small_stem: bool = False
    checkpoint: str | None = None
    prefix: str | None = None
    head: Literal["keep", "new"] = "keep"
    prune_first: bool = False
    prune_linear: bool = False
