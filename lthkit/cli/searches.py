"""The subcommand that searches."""

import argparse
from pathlib import Path

from lthkit.cli.handler import Handler
from lthkit.cli.parameters import STAGES, given, take_parameters


def search(command: argparse.ArgumentParser) -> Handler:
    """Search without a notebook; on several processes: torchrun --nproc-per-node N --no-python lthkit search …"""
    command.add_argument("store", type=Path, metavar="STORE", help="a folder NAME.zarr, new or to be resumed")
    command.add_argument("--scale", default="demo", help="settings to begin with: smoke, demo, small or paper")
    command.add_argument("--stage", default="target", choices=STAGES, help="pre-train, or find a ticket")
    take_parameters(command, "a setting by its dotted name, e.g. -p plan.epochs 4")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.batch import read_settings
        from lthkit.scales import configure
        from lthkit.search import find_ticket

        find_ticket(configure(chosen.scale, chosen.stage, read_settings(given(chosen))), chosen.store)

    return handler
