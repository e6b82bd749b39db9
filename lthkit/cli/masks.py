"""Subcommands that carry masks out to other programs and in from them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lthkit.cli.handler import Handler
from lthkit.errors import LthkitError

if TYPE_CHECKING:
    from lthkit.models import ModelSpec


def export(command: argparse.ArgumentParser) -> Handler:
    """Write a round's network, masked or cut out, as a file that needs no lthkit."""
    command.add_argument("store", type=Path, metavar="STORE", help="a folder NAME.zarr")
    command.add_argument("--round", type=int, required=True, metavar="R", help="whose mask; 0 is the dense network")
    command.add_argument(
        "--format",
        choices=("torch", "safetensors", "prune", "csr", "onnx", "pt2"),
        required=True,
        help="a plain state dict (torch, safetensors), NAME_orig and NAME_mask pairs for torch.nn.utils.prune, "
        "compressed sparse rows (csr), or a program that needs no class (onnx, pt2 of torch.export)",
    )
    command.add_argument("--out", type=Path, required=True, metavar="FILE")
    command.add_argument(
        "--cut", action="store_true", help="the smaller dense network of the same function, without dead channels"
    )
    command.add_argument(
        "--borders",
        choices=("term", "keep"),
        default="term",
        help="of --cut: constants that differ at padded borders become values for each place (default; one size of "
        "images), or their channels stay",
    )
    command.add_argument(
        "--weights",
        choices=("start", "rewind", "best", "last"),
        help="the starting weights (the ticket; default of a masked state dict), those rewound to, or those trained in "
        "the round (default otherwise)",
    )
    command.add_argument("--force", action="store_true", help="write over an existing file")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.terminal import printable

        print(printable(_network(chosen) if chosen.cut or chosen.format in ("onnx", "pt2") else _ticket(chosen)))

    return handler


def _ticket(chosen: argparse.Namespace) -> str:
    from lthkit.atomic import refuse_existing
    from lthkit.exchange import gather, write
    from lthkit.store import open_store

    refuse_existing(chosen.out, chosen.force)
    ticket = gather(open_store(chosen.store), chosen.round, chosen.weights or "start")
    return f"{write(ticket, chosen.out, chosen.format, force=chosen.force)}: {ticket}"


def _network(chosen: argparse.Namespace) -> str:
    from lthkit.exchange import export_network

    written = export_network(
        chosen.store,
        chosen.round,
        chosen.out,
        chosen.format,
        chosen.weights,
        cut=chosen.cut,
        borders=chosen.borders,
        force=chosen.force,
    )
    return f"{written.path}: {written}"


def import_masks(command: argparse.ArgumentParser) -> Handler:
    """Make a store from others' masks, one file per round."""
    command.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="masks of torch.nn.utils.prune, mask dicts, or sparse checkpoints; in the order of the rounds",
    )
    command.add_argument(
        "--model",
        required=True,
        metavar="SPEC",
        help='a name, package.module:factory, or settings as JSON: \'{"name": …, "options": {…}}\'',
    )
    command.add_argument("--out", type=Path, required=True, metavar="STORE", help="the new store, NAME.zarr")
    command.add_argument("--classes", type=int, default=10, metavar="N", help="for networks shaped by it (default 10)")
    command.add_argument("--first", action="store_true", help="the first convolution is prunable too")
    command.add_argument("--linear", action="store_true", help="linear layers are prunable too")
    command.add_argument("--head", action="store_true", help="the head is prunable too")
    command.add_argument("--small-stem", action="store_true", help="3×3 stem without pooling (torchvision ResNets)")
    command.add_argument("--prefix", help="of the network's names in the files, if it must be stated")
    command.add_argument("--rate", type=float, help="fraction that a round removes; the counts are checked against it")
    command.add_argument(
        "--missing-dense", action="store_true", help="parameters that a file does not name are not pruned"
    )

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit import exchange

        model = _model_spec(chosen)
        options = {"classes": chosen.classes, "rate": chosen.rate, "missing_dense": chosen.missing_dense}
        print(exchange.import_masks(chosen.files, model, chosen.out, **options))

    return handler


def _model_spec(chosen: argparse.Namespace) -> "ModelSpec":
    import json

    from lthkit.models import ModelSpec

    values = {"name": chosen.model}
    if chosen.model.lstrip().startswith("{"):
        try:
            values = json.loads(chosen.model)
        except ValueError as error:
            raise LthkitError(f"--model is not valid JSON ({error}); correct it or give a name") from None
    switches = {
        "prune_first": chosen.first,
        "prune_linear": chosen.linear,
        "prune_head": chosen.head,
        "small_stem": chosen.small_stem,
        "prefix": chosen.prefix,
    }
    return ModelSpec.parse(values | {key: value for key, value in switches.items() if value}, "--model")
