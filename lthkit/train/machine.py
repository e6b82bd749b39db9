"""The machine's part of a training: threads, precision and compilation, set for its duration and put back."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from lthkit import ranks
from lthkit.errors import LthkitError
from lthkit.train.optimizers import check_optimizer
from lthkit.train.plan import Plan


def check(plan: Plan) -> None:
    """Refuse a plan that cannot be carried out here, before any training.

    Raises:
        LthkitError: on a device that is absent or does not compute, ``compile`` without a compiler, other processes
            than planned, or an optimiser that cannot be made, stepped or kept.
    """
    if plan.processes not in (None, ranks.world_size()):
        raise LthkitError(
            f"the plan is for {plan.processes} processes and {ranks.world_size()} were started; "
            f"start it with torchrun --nproc-per-node {plan.processes}"
        )
    if plan.batch_size % ranks.world_size():
        raise LthkitError(
            f"a batch of {plan.batch_size} cannot be shared among {ranks.world_size()} processes; use a multiple"
        )
    device = check_device(plan.device)
    if plan.compile and device.type == "cpu" and not _has_compiler():
        raise LthkitError("compile needs a C++ compiler and none was found; install g++, set CXX, or turn compile off")
    if plan.compile and device.type == "cuda" and not _has_triton():
        raise LthkitError("compile on CUDA needs triton, which is not installed; install it or turn compile off")
    check_optimizer(plan)


def check_device(name: str) -> torch.device:
    """The device of a name.

    Raises:
        LthkitError: if it is absent or does not compute.
    """
    try:
        device = torch.device(name)
        torch.ones(1, device=device).add(1).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise LthkitError(f"device '{name}' cannot be used ({reason}); use 'cpu'") from None
    return device


@contextmanager
def settings(plan: Plan) -> Iterator[None]:
    """The plan's thread count and a private random state; the caller's are put back."""
    threads = torch.get_num_threads()
    devices = [torch.device(plan.device)] if plan.device.startswith("cuda") else []
    torch.set_num_threads(plan.threads or threads)
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        torch.set_num_threads(threads)


def autocast(plan: Plan) -> torch.autocast:
    """The plan's precision: autocast to bfloat16, or nothing."""
    kind = torch.device(plan.device).type
    return torch.autocast(kind, torch.bfloat16, enabled=plan.precision == "bfloat16")


def training_mode(modules: nn.Module) -> None:
    """Training mode, but for normalisation layers whose statistics are kept (see ``models.freeze``)."""
    modules.train()
    for module in modules.modules():
        if getattr(module, "statistics_kept", False):
            module.eval()


@contextmanager
def scoring(plan: Plan, modules: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients, always uncompiled, in the plan's precision; training mode afterwards."""
    modules.eval()
    try:
        with torch.no_grad(), autocast(plan), torch.compiler.set_stance("force_eager"):
            yield
    finally:
        training_mode(modules)


def compile_once(network: nn.Module) -> None:
    """Compile in place with static shapes: dynamic ones would recompile, and change bits, at another batch size."""
    if getattr(network, "_compiled_call_impl", None) is None:
        network.compile(dynamic=False)


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Hold back the first Ctrl-C so that the loop can stop between two steps; a second one stops at once.

    Yields a function that says whether one came. Outside the main thread signals are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    came = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: object) -> None:
        came.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _has_compiler() -> bool:
    return any(shutil.which(name) for name in (os.environ.get("CXX", ""), "g++", "clang++", "c++") if name)


def _has_triton() -> bool:
    import importlib.util

    return importlib.util.find_spec("triton") is not None
