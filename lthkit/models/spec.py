"""What a network is, as settings."""

from typing import Literal

from pydantic import Field, JsonValue

from lthkit.config import Config


class ModelSpec(Config):
    """A network, where its weights start and what of it may be pruned.

    Attributes:
        name: a name of ``models.NAMES``, a CIFAR ``resnet<6n+2>``, ``timm:NAME`` (with the extra ``lthkit[timm]``), or
            the user's ``package.module:factory``.
        options: keyword arguments of the factory (``mlp``: ``inputs``, ``widths``; ``logistic``: ``inputs``; CIFAR
            ResNets and VGGs: ``width``; ``vit``: ``models.today.make_vit``'s).
        small_stem: torchvision ResNets only: first convolution 3×3 at stride 1 and no max-pool
            (Chen et al. 2021, released code for images of 32 pixels).
        checkpoint: name in the catalog, or path of a ``.pt``, ``.pth``, ``.tar`` or ``.safetensors`` file.
        prefix: what stands before the parameter names in the checkpoint; found by itself where left out.
        head: "keep" takes the checkpoint's head where its shape fits, "new" always draws a fresh one.
        prune_first: the first convolution may be pruned as well (Mehta 2019 does, Chen et al. 2021 do not).
        prune_linear: linear layers may be pruned as well, the head's excepted.
        prune_head: the head may be pruned as well (Frankle and Carbin 2019 do in 784-300-100-10; the head of
            ``logistic`` is all it has).
        heads: names of the modules that are the head, e.g. ``["head"]``; by default those that the model lists in its
            attribute ``head_names``, else its last linear layer. An empty list: it has none.
        hidden: a two-layer head with this many hidden units in place of the linear one (Mehta 2019, §3.1: 100).
        freeze: ``body`` trains the head alone (Mehta 2019, §3), ``none`` everything.
        frozen_statistics: running statistics of a frozen body's normalisation layers: ``kept``, or ``updated``.
    """

    name: str
    options: dict[str, JsonValue] = Field(default_factory=dict)
    small_stem: bool = False
    checkpoint: str | None = None
    prefix: str | None = None
    head: Literal["keep", "new"] = "keep"
    prune_first: bool = False
    prune_linear: bool = False
    prune_head: bool = False
    heads: tuple[str, ...] | None = None
    hidden: int | None = Field(default=None, ge=1)
    freeze: Literal["none", "body"] = "none"
    frozen_statistics: Literal["kept", "updated"] = "kept"
