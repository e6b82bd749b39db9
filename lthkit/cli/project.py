"""The subcommand that lays out a project."""

import argparse
from pathlib import Path

from lthkit.cli.handler import Handler


def init(command: argparse.ArgumentParser) -> Handler:
    """Lay out a project: notebooks, data_catalog.yaml and a short README."""
    command.add_argument("folder", type=Path, metavar="DIR", help="the project's folder; made if missing")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.project import init_project

        folder = init_project(chosen.folder)
        print(f"laid out {folder}; begin with: cd {folder} && lthkit run 00_tour --out runs/tour")

    return handler
