"""The subcommands on the catalog: what it names, and getting it."""

import argparse
import sys
from pathlib import Path

from lthkit.cli.handler import Handler
from lthkit.errors import LthkitError


def list_entries(command: argparse.ArgumentParser) -> Handler:
    """List the catalog's data sets and checkpoints, present or not."""
    command.add_argument("--catalog", type=Path, help="instead of the nearest data_catalog.yaml")
    command.add_argument("--json", action="store_true", help="as JSON, a list of entries")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.catalog import load_catalog
        from lthkit.report import catalog_report
        from lthkit.strict_json import strict_json
        from lthkit.terminal import width

        rows = load_catalog(chosen.catalog).listing()
        print(strict_json([vars(row) for row in rows]) if chosen.json else catalog_report(rows, width()))

    return handler


def get(command: argparse.ArgumentParser) -> Handler:
    """Download a data set or checkpoint of the catalog, after asking; a download that was cut off goes on."""
    command.add_argument("name", metavar="NAME", help="of an entry that `lthkit list` shows")
    command.add_argument("-y", "--yes", action="store_true", help="do not ask")
    command.add_argument("--catalog", type=Path, help="instead of the nearest data_catalog.yaml")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.catalog import load_catalog
        from lthkit.report import download_report
        from lthkit.terminal import printable, width

        catalog = load_catalog(chosen.catalog)
        entry = catalog.entry(chosen.name)
        try:
            print(printable(f"'{entry.name}' is there: {entry.locate(catalog.root)}"))
            return
        except LthkitError:
            print(download_report(entry, catalog.root, width()))
        if chosen.yes or _agreed(entry.name):
            print(printable(f"'{entry.name}' is there: {entry.obtain(catalog.root)}"))

    return handler


def _agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise LthkitError(f"'{name}' is not downloaded without being asked, and there is no terminal to ask; add --yes")
    try:
        return input("download? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
