"""The subcommand that removes what finished searches need no more."""

import argparse
import sys
from pathlib import Path

from lthkit.cli.handler import Handler
from lthkit.errors import LthkitError


def clean(command: argparse.ArgumentParser) -> Handler:
    """Remove what finished searches need no more: training state, left-overs, locks; never stores or weights."""
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument("-y", "--yes", action="store_true", help="do not ask")
    command.add_argument("-n", "--dry-run", action="store_true", help="only say what would be removed")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.housekeeping import plan_removal, remove
        from lthkit.report import cleaning_report
        from lthkit.terminal import printable, width

        going, staying = plan_removal(chosen.folder)
        print(cleaning_report(going, staying, chosen.folder, width()))
        if going and not chosen.dry_run and (chosen.yes or _agreed(len(going))):
            left = remove(going)
            for item in left:
                print(printable(f"left after all: {item.path} ({item.note})"))
            print(f"removed {len(going) - len(left)}")

    return handler


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise LthkitError("nothing is removed without being asked, and there is no terminal to ask; add --yes")
    try:
        return input(f"remove these {count}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
