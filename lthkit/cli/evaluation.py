"""The subcommand that scores without training."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lthkit.cli.handler import Handler
from lthkit.cli.parameters import STAGES, given, take_parameters
from lthkit.errors import LthkitError

if TYPE_CHECKING:
    from lthkit.search import SearchConfig


def evaluate(command: argparse.ArgumentParser) -> Handler:
    """Score a network on validation and test without training: as configured, or as a search kept it."""
    command.add_argument("store", type=Path, nargs="?", metavar="STORE", help="a folder NAME.zarr; else as configured")
    command.add_argument("--round", type=int, metavar="R", help="of STORE, whose mask is applied; its first by default")
    command.add_argument(
        "--weights",
        choices=("start", "rewind", "best", "last"),
        help="of STORE: the starting weights (default), those rewound to, or those trained in the round",
    )
    command.add_argument("--scale", help="settings to begin with: smoke, demo (default), small or paper")
    command.add_argument("--stage", choices=STAGES, help="of the scale; target by default")
    take_parameters(command, "a setting by its dotted name, e.g. -p model.checkpoint resnet50-imagenet-v1")
    command.add_argument("--json", action="store_true", help="as JSON; what is unknown is null")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.report import evaluation_report
        from lthkit.search import evaluate
        from lthkit.strict_json import strict_json

        what = _configured(chosen) if chosen.store is None else _stored(chosen)
        found = evaluate(what, round=chosen.round, weights=chosen.weights or "start")
        print(strict_json(found) if chosen.json else evaluation_report(found))

    return handler


def _stored(chosen: argparse.Namespace) -> Path:
    if chosen.scale or chosen.stage or chosen.parameter or chosen.file:
        raise LthkitError("a store has its own settings; drop --scale, --stage, -p and -f, or the store")
    return chosen.store


def _configured(chosen: argparse.Namespace) -> "SearchConfig":
    from lthkit.batch import read_settings
    from lthkit.scales import configure

    return configure(chosen.scale or "demo", chosen.stage or "target", read_settings(given(chosen), "an evaluation"))
