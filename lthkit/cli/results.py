"""The subcommand that collects results."""

import argparse
from pathlib import Path

from lthkit.cli.handler import Handler


def collect(command: argparse.ArgumentParser) -> Handler:
    """Combine all results of transfers below a folder into one table, CSV or parquet."""
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument("--out", type=Path, metavar="FILE", help="NAME.csv or NAME.parquet; printed if left out")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.exchange import write_table
        from lthkit.terminal import printable
        from lthkit.transfer import collect as combined

        found = combined(chosen.folder)
        if chosen.out is None:
            print(found.drop(columns=["mask_sha256", "config_sha256", "file"]).to_string(index=False, na_rep="–"))
        else:
            print(f"{len(found)} results: {printable(write_table(found, chosen.out))}")

    return handler
