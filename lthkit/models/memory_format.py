"""Which networks do not bear the memory format channels_last."""

from torch import nn

# oneDNN's widest block of channels
_BLOCK = 16


def strided_and_narrow(network: nn.Module) -> bool:
    """Whether a 1×1 convolution with a stride has fewer input channels than oneDNN computes at once.

    Its backward pass in channels_last then writes out of bounds in some builds of torch for CPUs (2.14 does): the
    process dies, or weights are silently wrong. Such small networks gain nothing from the format.
    """
    convolutions = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    return any(
        convolution.kernel_size == (1, 1) and max(convolution.stride) > 1 and convolution.in_channels < _BLOCK
        for convolution in convolutions
    )
