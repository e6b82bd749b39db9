"""The command line: parses and calls. Adding a subcommand is adding one function to COMMANDS."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lthkit.errors import LthkitError

Handler = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's mistake is one sentence on stderr and exit code 2, an interruption 130."""
    parser = argparse.ArgumentParser(prog="lthkit", description="Lottery tickets in pre-trained vision models.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, add in COMMANDS.items():
        summary = (add.__doc__ or "").strip()
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(handler=add(command))
    chosen = parser.parse_args(arguments)
    try:
        chosen.handler(chosen)
    except LthkitError as error:
        print(f"lthkit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lthkit: interrupted; what was committed is kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # the reader (head, less) has seen enough; closing stderr keeps Python from complaining at exit
        sys.stderr.close()
        return 0
    return 0


def _list(command: argparse.ArgumentParser) -> Handler:
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


def _show(command: argparse.ArgumentParser) -> Handler:
    """Show a store: rounds, sparsity, scores, layers, provenance, size."""
    command.add_argument("store", type=Path, metavar="STORE", help="a folder NAME.zarr")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.report import store_report
        from lthkit.store import open_store

        print(store_report(open_store(chosen.store)))

    return handler


def _run(command: argparse.ArgumentParser) -> Handler:
    """Execute a notebook with parameters and keep the executed notebook."""
    command.add_argument("notebook", metavar="NOTEBOOK", help="a path, or the name of one in ./notebooks")
    command.add_argument(
        "-p",
        "--parameter",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a value for one of the notebook's parameters; repeatable",
    )
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


COMMANDS: dict[str, Callable[[argparse.ArgumentParser], Handler]] = {"list": _list, "show": _show, "run": _run}


if __name__ == "__main__":
    sys.exit(main())
