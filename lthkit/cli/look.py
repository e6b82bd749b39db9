"""Subcommands that look: catalog, stores, results."""

import argparse
from pathlib import Path

from lthkit.cli.handler import Handler


def list_entries(command: argparse.ArgumentParser) -> Handler:
    """List the catalog's data sets and checkpoints, present or not."""
    command.add_argument("--catalog", type=Path, help="instead of the nearest data_catalog.yaml")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.catalog import load_catalog
        from lthkit.report import table

        rows = load_catalog(chosen.catalog).listing()
        header = ("name", "kind", "type", "present", "licence", "where")
        lines = [(r.name, r.kind, r.type, "yes" if r.present else "no", r.licence, r.where) for r in rows]
        print(table(header, lines))

    return handler


def show(command: argparse.ArgumentParser) -> Handler:
    """Show a store: rounds, sparsity, scores, layers, provenance, size; or the sizes of all stores in a folder."""
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("store", type=Path, nargs="?", metavar="STORE", help="a folder NAME.zarr")
    what.add_argument("--sizes", type=Path, metavar="DIR", help="every store, weights folder and state file below DIR")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.report import sizes_report, store_report
        from lthkit.store import open_store

        if chosen.sizes is None:
            print(store_report(open_store(chosen.store)))
            return
        from lthkit.housekeeping import sizes

        print(sizes_report(sizes(chosen.sizes), chosen.sizes))

    return handler


def scores(command: argparse.ArgumentParser) -> Handler:
    """Write a store's scores as CSV or parquet: a row for each evaluation of each round."""
    command.add_argument("store", type=Path, metavar="STORE", help="a folder NAME.zarr")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="NAME.csv or NAME.parquet")
    command.add_argument("--force", action="store_true", help="write over an existing file")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.exchange import write_scores
        from lthkit.store import open_store

        print(write_scores(open_store(chosen.store), chosen.out, force=chosen.force))

    return handler


def collect(command: argparse.ArgumentParser) -> Handler:
    """Combine all results of transfers below a folder into one table, CSV or parquet."""
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument("--out", type=Path, metavar="FILE", help="NAME.csv or NAME.parquet; printed if left out")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.exchange import write_table
        from lthkit.transfer import collect as combined
        from lthkit.transfer import table

        found = table(combined(chosen.folder))
        if chosen.out is None:
            print(found.drop(columns=["config_sha256"]).to_string(index=False))
        else:
            print(f"{len(found)} results: {write_table(found, chosen.out)}")

    return handler
