"""A round's network for others: a program that runs by itself, or the weights of the network that was cut out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from torch import Tensor, nn

from lthkit.atomic import refuse_existing, replacing
from lthkit.cutting import (
    FACTS,
    Borders,
    TicketNetwork,
    cut_network,
    masked_network,
    prove,
    random_images,
    ticket_network,
)
from lthkit.errors import LthkitError
from lthkit.exchange.export import write_state
from lthkit.exchange.program import must_have_onnx, read_onnx, read_pt2, write_onnx, write_pt2
from lthkit.search import Kept
from lthkit.store import StoreLike

NetworkFormat = Literal["pt2", "onnx", "safetensors", "torch"]
_ENDINGS = {"pt2": ".pt2", "onnx": ".onnx", "safetensors": ".safetensors", "torch": ".pt"}
_PROGRAMS: dict[str, tuple[Callable[..., None], Callable[[Path], Callable[[Tensor], Any]]]] = {
    "pt2": (write_pt2, read_pt2),
    "onnx": (write_onnx, read_onnx),
}


@dataclass(frozen=True)
class ExportedNetwork:
    """What was written.

    Attributes:
        path: of the file.
        facts: ``store``, ``round``, ``sparsity``, ``weights``; of a cut network what ``cutting.cut_network`` says; of a
            program ``written_difference``, the largest between its outputs and torch's, over the largest output.
    """

    path: Path
    facts: dict[str, Any]

    def __str__(self) -> str:
        facts = self.facts
        what = "cut network" if "channels" in facts else "masked network"
        said = (
            f"{what}, weights '{facts['weights']}' under the mask of round {facts['round']} of {facts['store']}, "
            f"sparsity {100 * facts['sparsity']:.2f} %"
        )
        if "channels" in facts:
            said += f", {facts['channels_cut']:,} of {facts['channels']:,} channels cut"
            said += f" ({facts['kept_whole']} keep theirs whole)" if facts["kept_whole"] else ""
        if facts.get("terms"):
            said += f", a value for each place added behind {facts['terms']} layers"
        if "written_difference" in facts:
            said += f"; read back, its outputs differ by {facts['written_difference']:.1e} of the largest at most"
        return said


def export_network(
    store: StoreLike,
    round: int,
    path: Path | str,
    format: NetworkFormat,
    weights: Kept | None = None,
    *,
    cut: bool = False,
    borders: Borders = "term",
    force: bool = False,
) -> ExportedNetwork:
    """Write one round's network as a program for batches of any size, or the weights of what is cut out of it.

    A program is read back and compared with the network on random and on real images.

    Args:
        store: of the search, or its path.
        round: whose mask, 0 (dense) … ``store.rounds``.
        path: the file; ends in the format's ending (``.pt2``, ``.onnx``, ``.safetensors``, ``.pt``).
        format: ``pt2`` (torch.export), ``onnx``: programs; ``safetensors`` or ``torch``: the state of a cut network.
        weights: ``start``, ``rewind``, ``best`` or ``last``; those trained in the round by default.
        cut: the network cut out, instead of the masked one.
        borders: of a cut, as ``cutting.cut_network``.
        force: write over an existing file.

    Raises:
        LthkitError: as ``cut``; a network that cannot be followed; a file that exists or cannot be written.
    """
    path = Path(path)
    _check_network_path(path, format, cut, force)
    found = ticket_network(store, round, weights)
    network, facts = _network(found, cut, borders)
    if format not in _PROGRAMS:
        write_state(network.state_dict(), path, format, facts)
        return ExportedNetwork(path, facts)
    with replacing(path) as temporary:
        facts |= {"written_difference": _write_program(network, found, format, temporary, facts)}
    return ExportedNetwork(path, facts)


def _check_network_path(path: Path, format: str, cut: bool, force: bool) -> None:
    """Refuse what cannot be written there.

    Raises:
        LthkitError: naming format or path.
    """
    if format not in get_args(NetworkFormat):
        raise LthkitError(f"there is no format '{format}' for a network; choose one of {', '.join(_ENDINGS)}")
    if format not in _PROGRAMS and not cut:
        raise LthkitError(f"the state of a masked network in the format '{format}' is a ticket's; use export_ticket")
    if path.suffix != _ENDINGS[format]:
        raise LthkitError(f"'{path}' is not named for the format '{format}'; end it in '{_ENDINGS[format]}'")
    refuse_existing(path, force)
    if format == "onnx":
        must_have_onnx()


def _network(found: TicketNetwork, cut: bool, borders: Borders) -> tuple[nn.Module, dict[str, Any]]:
    """The network to write, and what is said of it."""
    if not cut:
        return masked_network(found.network, found.masks)[0], {**found.said, "input_shape": found.image_shape}
    small = cut_network(found.network, found.masks, found.image_shape, images=found.images, borders=borders)
    return small, small.meta[FACTS] | found.said


def _write_program(
    network: nn.Module, found: TicketNetwork, format: str, path: Path, facts: Mapping[str, Any]
) -> float:
    """Written, read back; the largest difference of its outputs."""
    write, read = _PROGRAMS[format]
    like = next(network.parameters())
    write(network, random_images(2, found.image_shape, like), path, facts)
    return prove(
        network,
        read(path),
        found.image_shape,
        found.images,
        f"the program in the format '{format}' differs from the network",
        "write it in another format",
    )
