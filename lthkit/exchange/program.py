"""A network as a program that runs without lthkit and without the network's class: ``torch.export`` or ONNX."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lthkit.cutting import FACTS
from lthkit.errors import LthkitError
from lthkit.exchange.quiet import quiet

INPUT = "images"


def write_pt2(network: nn.Module, images: Tensor, path: Path, facts: Mapping[str, Any]) -> None:
    """As ``torch.export.save`` writes it; the facts lie within as ``lthkit.json``.

    Raises:
        LthkitError: if torch.export cannot follow the network.
    """
    with open(path, "wb") as file:  # a file, whose name needs no ending
        torch.export.save(_program(network, images), file, extra_files={f"{FACTS}.json": json.dumps(facts)})


def write_onnx(network: nn.Module, images: Tensor, path: Path, facts: Mapping[str, Any]) -> None:
    """One ONNX file with the input ``images``; the facts are its metadata ``lthkit``.

    Raises:
        LthkitError: if torch.export cannot follow the network, or the extra ``lthkit[onnx]`` is not installed.
    """
    must_have_onnx()
    program = _program(network, images)
    with quiet():
        written = torch.onnx.export(program, input_names=[INPUT], dynamo=True, verbose=False)
    if written is None:
        raise LthkitError("torch.onnx.export gave no program for this network; write it as pt2")
    written.model.metadata_props[FACTS] = json.dumps(facts)
    written.save(str(path), external_data=False)


def read_pt2(path: Path) -> Callable[[Tensor], Any]:
    """The program as a function of images."""
    with quiet(), open(path, "rb") as file:
        module = torch.export.load(file).module()
    return module  # type: ignore[no-any-return]


def read_onnx(path: Path) -> Callable[[Tensor], list[Tensor]]:
    """The program as a function of images, carried out by onnxruntime on the CPU with as many threads as torch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return partial(_run_onnx, session)


def must_have_onnx() -> None:
    """Refuse where the packages for ONNX are missing.

    Raises:
        LthkitError: with what to install.
    """
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise LthkitError(
            f"for ONNX the package '{error.name}' is missing; install it with pip install 'lthkit[onnx]'"
        ) from error


def _run_onnx(session: Any, images: Tensor) -> list[Tensor]:
    return [torch.from_numpy(output) for output in session.run(None, {INPUT: images.cpu().numpy()})]


def _program(network: nn.Module, images: Tensor) -> torch.export.ExportedProgram:
    """For batches of any size."""
    network = network.eval()
    try:
        with quiet(), torch.no_grad():
            return torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    except Exception as error:  # of many types, without a common parent
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise LthkitError(
            f"torch.export cannot follow {type(network).__name__} ({reason}); export its weights as safetensors instead"
        ) from error
