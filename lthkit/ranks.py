"""Several processes as one: what torchrun starts trains as one process with the same global batch would.

Each rank takes its share of every batch; gradients, the loss and the running statistics of normalisation layers are
averaged after each step, so parameters and masks are the same on all ranks. Rank 0 alone scores, writes and reports.
Normalisation uses the batch statistics of the rank's own share, so networks with BatchNorm come near, not equal, to
one process; without it the results differ by rounding alone.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lthkit.errors import LthkitError

T = TypeVar("T")
# rank 0 may score a large split while the others wait
_PATIENCE = timedelta(hours=6)


def world_size() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def local_size() -> int:
    """How many of them run on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def rank() -> int:
    """This process's number, 0 without torchrun."""
    return dist.get_rank() if dist.is_initialized() else 0


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Join the processes that torchrun started, for the duration; alone nothing happens.

    Args:
        device: of the plan; on CUDA each rank takes the card of its local number.
    """
    if world_size() == 1 or dist.is_initialized():
        yield
        return
    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def share(value: T) -> T:
    """Rank 0's value on every rank."""
    if not dist.is_initialized():
        return value
    box: list[Any] = [value]
    dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    return box[0]


def first(work: Callable[[], T]) -> T:
    """Rank 0 does the work; every rank gets the result, or raises the same ``LthkitError``."""
    if not dist.is_initialized():
        return work()
    result: T | None = None
    error: LthkitError | None = None
    if rank() == 0:
        try:
            result = work()
        except LthkitError as raised:
            error = raised
    result, error = share((result, error))
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def must_agree(digest: str, what: str) -> None:
    """Stop if the ranks do not hold the same.

    Raises:
        RuntimeError: naming what differs.
    """
    if share(digest) != digest:
        raise RuntimeError(f"rank {rank()} has other {what} than rank 0")


def gather(tensor: Tensor) -> Tensor:
    """All ranks' tensors one after the other, rank 0's first; gradients flow into this rank's own part alone.

    Args:
        tensor: (b, …), of the same shape on all ranks.

    Returns:
        (ranks · b, …).
    """
    if not dist.is_initialized():
        return tensor
    own = tensor.detach().contiguous()
    parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, own)
    parts[rank()] = tensor
    return torch.cat(parts)


def own_part(tensor: Tensor) -> Tensor:
    """This rank's part of what ``gather`` gives; inverse of it."""
    return tensor.chunk(dist.get_world_size())[rank()] if dist.is_initialized() else tensor


def whole(loss: Tensor) -> Tensor:
    """A loss that each rank has computed whole, from what ``gather`` gave: its gradients become sums over the ranks.

    Each rank's gradient is that of its own part, and ``average`` divides their sum by the number of ranks. The value
    stays as it is.
    """
    if not dist.is_initialized():
        return loss
    others = dist.get_world_size() - 1
    return loss + others * (loss - loss.detach())


def average(parameters: Iterable[nn.Parameter], modules: nn.Module, loss: Tensor, stop: bool) -> tuple[Tensor, bool]:
    """Average gradients and running statistics over the ranks, in place, in one message.

    Args:
        parameters: the trained ones; those without a gradient on any rank are left out on all.
        modules: whose normalisation layers' running statistics are averaged.
        loss: this rank's mean loss over its share.
        stop: whether this rank was interrupted.

    Returns:
        The loss averaged over the ranks, and whether any rank was interrupted, so that all stop at one step.
    """
    if not dist.is_initialized():
        return loss.detach(), stop
    tensors = [parameter.grad for parameter in parameters if parameter.grad is not None]
    tensors += list(_running_statistics(modules))
    extra = torch.stack([loss.detach().float(), torch.tensor(float(stop), device=loss.device)])
    message = torch.cat([*(tensor.reshape(-1).float() for tensor in tensors), extra])
    dist.all_reduce(message)
    message /= dist.get_world_size()
    start = 0
    for tensor in tensors:
        tensor.copy_(message[start : start + tensor.numel()].view(tensor.shape))
        start += tensor.numel()
    return message[-2], bool(message[-1] > 0)


def _running_statistics(modules: nn.Module) -> Iterator[Tensor]:
    for module in modules.modules():
        for name in ("running_mean", "running_var"):
            statistic = getattr(module, name, None)
            if isinstance(statistic, Tensor):
                yield statistic
