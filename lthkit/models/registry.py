"""Networks by name, drawn at random from a seed (θ0)."""

import difflib
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torchvision
from torch import nn

from lthkit.errors import LthkitError
from lthkit.factories import brief, find_callable
from lthkit.models.freezing import give_two_layers
from lthkit.models.perceptrons import Mlp, logistic
from lthkit.models.prunable import head_names, in_modules, plain_name
from lthkit.models.resnets import CifarResNet
from lthkit.models.spec import ModelSpec
from lthkit.models.today import TORCHVISION_TODAY, VIT, find_today
from lthkit.models.vggs import STAGES, Vgg
from lthkit.models.widths import make_resnet
from lthkit.seeds import derive, drawn_by

TORCHVISION = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
CIFAR = ("resnet8", "resnet14", "resnet20", "resnet32", "resnet44", "resnet56")
CONNECTED: dict[str, Callable[..., nn.Module]] = {"mlp": Mlp, "logistic": logistic}
NAMES = (*TORCHVISION, *CIFAR, *STAGES, *CONNECTED, *TORCHVISION_TODAY, VIT)

# Any number would do: the body is that of a network of this many classes, whatever the task's number.
_BODY_CLASSES = 10


def build(spec: ModelSpec, num_classes: int, seed: int) -> nn.Module:
    """A network with random starting weights θ0, on the CPU, in training mode.

    The body is drawn from ``derive(seed, "body")`` and the head from ``derive(seed, "head")``, so that the body is
    the same for every number of classes (to which end the factory is called twice: once for ``num_classes``, once
    for 10; a tensor outside the head whose shape depends on the number counts as head). Torch's global random
    state is as before.

    Raises:
        LthkitError: unknown name or option, a factory that cannot be imported, fails or gives no ``nn.Module``,
            a small stem asked of a network that has none, a head that is no module of it.
    """
    if type(num_classes) is not int or num_classes < 1:
        raise LthkitError(f"model '{spec.name}': num_classes is {num_classes!r}; give a whole number, at least 1")
    factory = find_factory(spec.name)
    body = _draw(spec, factory, _BODY_CLASSES, derive(seed, "body"))
    model = _draw(spec, factory, num_classes, derive(seed, "head"))
    _copy_body(body, model)
    return model


def find_factory(name: str) -> Callable[..., Any]:
    """The factory of a network: called as ``factory(num_classes=…, **options)``; ``timm:NAME`` is one of timm's.

    Raises:
        LthkitError: unknown name (with near ones), or a ``package.module:factory`` that cannot be imported.
    """
    today = find_today(name)
    if today is not None:
        return today
    if ":" in name:
        return find_callable(name, f"model '{name}'")
    if name in TORCHVISION:
        return partial(make_resnet, name)
    if name in STAGES:
        return partial(Vgg, STAGES[name])
    if name in CONNECTED:
        return CONNECTED[name]
    depth = re.fullmatch(r"resnet(\d{1,4})", name)
    if depth and int(depth[1]) >= 8 and int(depth[1]) % 6 == 2:
        return partial(CifarResNet, int(depth[1]))
    near = difflib.get_close_matches(name, NAMES, n=3, cutoff=0.4) or NAMES
    raise LthkitError(f"unknown model '{name}'; near names: {', '.join(near)}; your own: 'package.module:factory'")


def _draw(spec: ModelSpec, factory: Callable[..., Any], num_classes: int, seed: int) -> nn.Module:
    # Only the CPU's generator is touched: θ0 is drawn there and is the same whatever the device used later.
    with drawn_by(seed), torch.device("cpu"):
        model = _call(spec, factory, num_classes)
        if spec.small_stem:
            _make_stem_small(model, spec.name)
        if spec.heads is not None:
            _name_heads(model, spec.heads, spec.name)
        if spec.hidden is not None:
            give_two_layers(model, spec.hidden, num_classes)
    return model


def _call(spec: ModelSpec, factory: Callable[..., Any], num_classes: int) -> nn.Module:
    try:
        model = factory(**{"num_classes": num_classes, **_own_options(spec)})
    except LthkitError as error:
        raise LthkitError(f"model '{spec.name}': {error}") from None
    except Exception as error:  # a user's factory may raise anything
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if isinstance(error, TypeError) and unknown and unknown[1] in spec.options:
            raise LthkitError(
                f"model '{spec.name}' has no option '{unknown[1]}'; remove it or correct its name"
            ) from None
        raise LthkitError(
            f"model '{spec.name}': its factory failed for num_classes={num_classes} ({brief(error)}); "
            "correct its options or the factory"
        ) from error
    if not isinstance(model, nn.Module):
        raise LthkitError(
            f"model '{spec.name}': its factory gave a {type(model).__name__}; let it return a torch.nn.Module"
        )
    return model


def _own_options(spec: ModelSpec) -> dict[str, Any]:
    reserved = {"num_classes"} | ({"weights", "progress"} if spec.name in (*TORCHVISION, *TORCHVISION_TODAY) else set())
    for option in sorted(reserved & spec.options.keys()):
        mend = "use 'checkpoint' for weights" if option == "weights" else "remove it: it is set for you"
        raise LthkitError(f"model '{spec.name}' takes no option '{option}'; {mend}")
    return dict(spec.options)


def _make_stem_small(model: nn.Module, name: str) -> None:
    if not isinstance(model, torchvision.models.ResNet) or not isinstance(model.maxpool, nn.MaxPool2d):
        raise LthkitError(
            f"model '{name}' has no large stem that small_stem could replace; leave it out "
            "(it is for torchvision's ResNets)"
        )
    model.conv1 = nn.Conv2d(3, model.conv1.out_channels, 3, stride=1, padding=1, bias=False)
    nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
    model.maxpool = nn.Identity()


def _name_heads(model: nn.Module, heads: tuple[str, ...], name: str) -> None:
    known = [plain_name(module) for module, _ in model.named_modules() if module]
    for head in heads:
        if head not in known:
            near = difflib.get_close_matches(head, known, n=3, cutoff=0.4) or known[-3:]
            raise LthkitError(f"model '{name}' has no module '{head}' to be its head; near names: {', '.join(near)}")
    model.__dict__["head_names"] = heads  # where `head_names` looks first


def _copy_body(body: nn.Module, model: nn.Module) -> None:
    heads = head_names(model)
    drawn, own = body.state_dict(), model.state_dict()
    for name, tensor in own.items():
        if in_modules(name, heads) or not isinstance(tensor, torch.Tensor):
            continue
        if name in drawn and drawn[name].shape == tensor.shape:
            tensor.copy_(drawn[name])
