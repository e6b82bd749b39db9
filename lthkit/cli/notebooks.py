"""The subcommand that runs notebooks."""

import argparse
from pathlib import Path
from typing import Any

from lthkit.cli.handler import Handler
from lthkit.cli.parameters import given, take_parameters


def run(command: argparse.ArgumentParser) -> Handler:
    """Execute a notebook with parameters and keep the executed notebook."""
    command.add_argument("-h", "--help", action=_Help, nargs=0, help="show this; after a NOTEBOOK its parameters too")
    command.add_argument("notebook", metavar="NOTEBOOK", help="a path, or a name in ./notebooks or of lthkit's own")
    take_parameters(command, "one of the notebook's parameters, or a setting by its dotted name, e.g. -p plan.epochs 4")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the executed notebook")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.batch import find_notebook, run_notebook
        from lthkit.terminal import printable

        done = run_notebook(find_notebook(chosen.notebook), given(chosen), chosen.out)
        print(printable(f"done in {done.seconds:.1f} s: {done.notebook}"))

    return handler


class _Help(argparse.Action):
    """The command's help, and the parameters of the notebook named before it."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: Any) -> None:
        parser.print_help()
        if namespace.notebook:
            from lthkit.batch import find_notebook, read_parameters
            from lthkit.report import parameters_report
            from lthkit.terminal import width

            notebook = find_notebook(namespace.notebook)
            print(f"\n{parameters_report(notebook.stem, read_parameters(notebook), width())}")
        parser.exit()
