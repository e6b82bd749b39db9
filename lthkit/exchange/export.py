"""A round's network for others: its weights with the mask applied, as a plain file that needs no lthkit.

The names are those of the plain network. In the format ``prune`` each prunable weight is a pair ``NAME_orig`` and
``NAME_mask``, as ``torch.nn.utils.prune`` keeps them; a plain network takes the file after

    for key in (key for key in state if key.endswith("_mask")):
        module, _, name = key.removesuffix("_mask").rpartition(".")
        torch.nn.utils.prune.identity(network.get_submodule(module), name)
    network.load_state_dict(state)

In the format ``csr`` weights are matrices (out, rest) in compressed sparse rows wherever that is smaller; a plain
network takes the file after

    for name, shape in state.lthkit["shapes"].items():
        state[name] = state[name].to_dense().view(shape)
    network.load_state_dict(state)
"""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from lthkit import masks as masking
from lthkit.atomic import refuse_existing, replacing
from lthkit.errors import LthkitError
from lthkit.exchange.quiet import quiet
from lthkit.masks import Masks
from lthkit.search import Kept, kept_state
from lthkit.store import StoreLike, as_store
from lthkit.train import sha256_by_name

Format = Literal["torch", "safetensors", "prune", "csr"]
FACTS = "lthkit"


@dataclass(frozen=True)
class Ticket:
    """A network's weights under a mask.

    Attributes:
        tensors: the network's whole state by plain name; removed weights are exactly zero.
        masks: what is left of each prunable weight; a weight that modules share is there under all its names.
        facts: store, round, config_sha256, sparsity, which weights, where the network lay in the stored state, and
            how many of the weights left are zero by themselves.
    """

    tensors: dict[str, Tensor]
    masks: Masks
    facts: dict[str, Any]

    def __str__(self) -> str:
        under = f" (stored under '{self.facts['network']}')" if self.facts["network"] else ""
        said = (
            f"{len(self.tensors)} tensors{under}, weights '{self.facts['weights']}' under the mask of round "
            f"{self.facts['round']} of {self.facts['store']}, sparsity {100 * self.facts['sparsity']:.2f} %"
        )
        zeros = self.facts["zero_but_left"]
        note = f"; {zeros:,} weights are zero though the mask keeps them, which only the format 'prune' can tell"
        return said + (note if zeros else "")


def export_ticket(
    store: StoreLike,
    round: int,
    path: Path | str,
    format: Format = "torch",
    weights: Kept = "start",
    *,
    force: bool = False,
) -> Path:
    """Write one round's network with the mask applied: ``gather`` and ``write``.

    Args:
        store: of the search, or its path.
        round: whose mask, 0 (dense) … ``store.rounds``.
        path: the file; ends in ``.safetensors`` exactly for that format.
        format: ``torch`` and ``safetensors``: the plain state; ``prune``: pairs for ``torch.nn.utils.prune``; ``csr``:
            weights in compressed sparse rows where that is smaller.
        weights: ``start``: the starting weights θp, which make the ticket; ``rewind``: the state rewound to;
            ``best`` and ``last``: trained in this round.
        force: write over an existing file.

    Raises:
        LthkitError: no such round, weights that are not kept, a file that exists or cannot be written.
    """
    _check_path(Path(path), format, force)
    return write(gather(store, round, weights), path, format, force=force)


def gather(store: StoreLike, round: int, weights: Kept = "start") -> Ticket:
    """The weights of a round's network with the mask applied. Arguments and errors as ``export_ticket``."""
    store = as_store(store)
    prunable = masking.as_tensors(store.masks(round))
    kept = kept_state(store, round, weights)
    tensors = kept.network
    masks = _under_all_names(prunable, tensors)
    facts = {
        "store": str(store.path),
        "round": round,
        "config_sha256": store.config_sha256,
        "sparsity": masking.sparsity(prunable),
        "weights": weights,
        "network": kept.address,
        "zero_but_left": sum(int(((tensors[name] == 0) & mask).sum()) for name, mask in prunable.items()),
    }
    masking.apply_(tensors, masks)
    return Ticket(tensors, masks, facts)


def write(ticket: Ticket, path: Path | str, format: Format = "torch", *, force: bool = False) -> Path:
    """Write a ticket as a file (``write_state``). The facts go along under the name ``lthkit``:

    as the metadata of a safetensors file (JSON), as an attribute of the mapping that ``torch.load`` gives.

    Raises:
        LthkitError: if the file exists or cannot be written, or its ending is another format's.
    """
    path = Path(path)
    _check_path(path, format, force)
    tensors, facts = ticket.tensors, ticket.facts
    if format == "prune":
        tensors = _pairs(ticket)
    elif format == "csr":
        with quiet():
            tensors = tensors | {name: compressed(tensors[name]) for name in ticket.masks}
        facts = facts | {"shapes": _shapes(ticket, tensors)}
    write_state(tensors, path, format, facts)
    return path


def write_state(tensors: Mapping[str, Tensor], path: Path, format: str, facts: Mapping[str, Any]) -> None:
    """Write a state beside ``path``, read it again, compare to the bit, rename.

    Raises:
        LthkitError: if it cannot be written, or what was read differs.
    """
    with replacing(path) as temporary, quiet():
        if format == "safetensors":
            temporary.write_bytes(save(dict(tensors), {FACTS: json.dumps(facts, sort_keys=True)}))
        else:
            _write_torch(tensors, temporary, facts)
        if sha256_by_name(_dense(_read(temporary, format))) != sha256_by_name(_dense(tensors)):
            raise LthkitError(f"'{path}' read back differs from what was written; write it to another disk")


def _check_path(path: Path, format: str, force: bool) -> None:
    if format not in get_args(Format):
        raise LthkitError(f"there is no format '{format}'; choose one of {', '.join(get_args(Format))}")
    if (path.suffix == ".safetensors") != (format == "safetensors"):
        ending = ".safetensors" if format == "safetensors" else ".pt"
        raise LthkitError(f"'{path}' is not named for the format '{format}'; end it in '{ending}'")
    refuse_existing(path, force)


def _under_all_names(masks: Masks, tensors: Mapping[str, Tensor]) -> Masks:
    """The masks, also under the other names of weights that modules share (a store lists only the first).

    Shared weights are stored once a name, so equal bits tell them: only they are left out of the manifest.
    """
    named = dict(masks)
    for other, tensor in tensors.items():
        if other not in masks and tensor.ndim > 1:
            first = next((name for name in masks if torch.equal(tensors[name], tensor)), None)
            if first is not None:
                named[other] = masks[first]
    return named


def _pairs(ticket: Ticket) -> dict[str, Tensor]:
    pairs: dict[str, Tensor] = {}
    for name, tensor in ticket.tensors.items():
        if name in ticket.masks:
            pairs |= {f"{name}_orig": tensor, f"{name}_mask": ticket.masks[name].to(tensor.dtype)}
        else:
            pairs[name] = tensor
    return pairs


def _write_torch(tensors: Mapping[str, Tensor], path: Path, facts: Mapping[str, Any]) -> None:
    state = OrderedDict(tensors)
    setattr(state, FACTS, dict(facts))
    try:
        with open(path, "wb") as file:  # a file, not a path, whose name torch would write into it
            torch.save(state, file)
    except RuntimeError as error:  # torch's word for a disk that is full
        raise OSError(str(error)) from error


def compressed(weight: Tensor) -> Tensor:
    """A weight as the matrix (out, rest) in compressed sparse rows, or itself where that takes no fewer bytes."""
    matrix = weight.flatten(1)
    rows = matrix.to_sparse_csr()
    places = rows.crow_indices().int(), rows.col_indices().int()
    if sum(each.nbytes for each in (*places, rows.values())) >= matrix.nbytes:
        return weight
    return torch.sparse_csr_tensor(*places, rows.values(), matrix.shape)


def _shapes(ticket: Ticket, compressed: Mapping[str, Tensor]) -> dict[str, list[int]]:
    """Of the weights that were compressed."""
    return {
        name: list(ticket.tensors[name].shape)
        for name, tensor in compressed.items()
        if tensor.layout == torch.sparse_csr
    }


def _dense(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: tensor.to_dense() if tensor.layout == torch.sparse_csr else tensor for name, tensor in tensors.items()
    }


def _read(path: Path, format: str) -> dict[str, Tensor]:
    return load_file(path) if format == "safetensors" else dict(torch.load(path, weights_only=True))
