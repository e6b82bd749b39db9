"""One image through a network before it is trained, so that what does not fit is said before any work."""

import torch
from torch import Tensor, nn

from lthkit.errors import LthkitError
from lthkit.factories import brief


def try_out(model: nn.Module, name: str, image: Tensor, num_classes: int) -> None:
    """Refuse a classifier that does not take the images or does not give a score a class.

    The model is used in evaluation mode without gradients; its state and torch's random state are as before.

    Args:
        model: on the image's device.
        name: what the user calls it, for errors.
        image: (1, C, H, W).
        num_classes: scores expected an image.

    Raises:
        LthkitError: the forward pass fails, or gives anything but a tensor of shape (1, num_classes).
    """
    shape = "×".join(str(length) for length in image.shape[1:])
    training = [(module, module.training) for module in model.modules()]
    devices = [image.device] if image.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            scores = model.eval()(image)
    except LthkitError as error:
        raise LthkitError(f"model '{name}': {error}") from None
    except Exception as error:  # a user's network may raise anything
        raise LthkitError(
            f"model '{name}' fails on an image of {shape} ({brief(error)}); "
            "correct its options, or set data.channels and data.size"
        ) from error
    finally:
        for module, was in training:
            module.training = was
    if not isinstance(scores, Tensor) or scores.shape != (1, num_classes):
        found = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        raise LthkitError(
            f"model '{name}' gives {found} for one image; let its forward return scores of shape (1, {num_classes})"
        )
