"""Subcommands that read stores."""

import argparse
from pathlib import Path

from lthkit.cli.handler import Handler


def show(command: argparse.ArgumentParser) -> Handler:
    """Show a store: rounds, sparsity, scores, layers, provenance, size; or the sizes of all stores in a folder."""
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("store", type=Path, nargs="?", metavar="STORE", help="a folder NAME.zarr")
    what.add_argument("--sizes", type=Path, metavar="DIR", help="every store, weights folder and state file below DIR")
    command.add_argument("--json", action="store_true", help="as JSON; what was not measured is null")

    def handler(chosen: argparse.Namespace) -> None:
        print(_sizes(chosen) if chosen.sizes else _store(chosen))

    return handler


def _store(chosen: argparse.Namespace) -> str:
    from lthkit.report import store_facts, store_report
    from lthkit.store import open_store
    from lthkit.strict_json import strict_json

    store = open_store(chosen.store)
    return strict_json(store_facts(store)) if chosen.json else store_report(store)


def _sizes(chosen: argparse.Namespace) -> str:
    from lthkit.housekeeping import sizes
    from lthkit.report import sizes_report
    from lthkit.strict_json import strict_json
    from lthkit.terminal import width

    items = sizes(chosen.sizes)
    return strict_json([vars(item) for item in items]) if chosen.json else sizes_report(items, chosen.sizes, width())


def scores(command: argparse.ArgumentParser) -> Handler:
    """Write a store's scores as CSV or parquet: a row for each evaluation of each round."""
    command.add_argument("store", type=Path, metavar="STORE", help="a folder NAME.zarr")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="NAME.csv or NAME.parquet")
    command.add_argument("--force", action="store_true", help="write over an existing file")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.exchange import write_scores
        from lthkit.store import open_store
        from lthkit.terminal import printable

        print(printable(write_scores(open_store(chosen.store), chosen.out, force=chosen.force)))

    return handler
