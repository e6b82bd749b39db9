"""Subcommands that work: notebooks and searches."""

import argparse
from pathlib import Path

from lthkit.cli.handler import Handler
from lthkit.errors import LthkitError


def run(command: argparse.ArgumentParser) -> Handler:
    """Execute a notebook with parameters and keep the executed notebook."""
    command.add_argument("notebook", metavar="NOTEBOOK", help="a path, or a name in ./notebooks or of lthkit's own")
    _take_parameters(command, "NAME", "a value for one of the notebook's parameters; repeatable")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the executed notebook")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.batch import find_notebook, run_notebook

        names = [name for name, _ in chosen.parameter]
        for name in names:
            if names.count(name) > 1:
                raise LthkitError(f"parameter '{name}' is given {names.count(name)} times; give it once")
        run = run_notebook(find_notebook(chosen.notebook), dict(chosen.parameter), chosen.out)
        print(f"done in {run.seconds:.1f} s: {run.notebook}")

    return handler


def search(command: argparse.ArgumentParser) -> Handler:
    """Search without a notebook; on several processes: torchrun --nproc-per-node N --no-python lthkit search …"""
    command.add_argument("store", type=Path, metavar="STORE", help="a folder NAME.zarr, new or to be resumed")
    command.add_argument("--scale", default="demo", help="settings to begin with: smoke, demo, small or paper")
    command.add_argument("--stage", default="target", choices=("source", "target"), help="pre-train, or find a ticket")
    _take_parameters(command, "KEY", "a setting by its dotted name, e.g. -p plan.epochs 4; repeatable")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.batch import read_value
        from lthkit.scales import settings
        from lthkit.search import find_ticket

        changes = {key: read_value(value) for key, value in chosen.parameter}
        find_ticket(settings(chosen.scale, chosen.stage, changes), chosen.store)

    return handler


def _take_parameters(command: argparse.ArgumentParser, name: str, help: str) -> None:
    metavar = (name, "VALUE")
    command.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=metavar, help=help)
