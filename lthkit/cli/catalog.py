"""The subcommand that lists the catalog."""

import argparse
from pathlib import Path

from lthkit.cli.handler import Handler


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
