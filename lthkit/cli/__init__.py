"""The command line: parses and calls. Adding a subcommand is adding one function to COMMANDS.

A subcommand is a function that declares its arguments on the parser it is given and returns their handler; its
docstring is its help. Heavy imports stand inside the handlers, so that ``lthkit --help`` answers at once.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

import lthkit
from lthkit.cli import carry, look, project, work
from lthkit.cli.handler import Handler
from lthkit.errors import LthkitError

COMMANDS: dict[str, Callable[[argparse.ArgumentParser], Handler]] = {
    "init": project.init,
    "list": look.list_entries,
    "show": look.show,
    "run": work.run,
    "search": work.search,
    "scores": look.scores,
    "collect": look.collect,
    "export": carry.export,
    "import": carry.import_masks,
    "clean": carry.clean,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's mistake is one sentence on stderr and exit code 2, an interruption 130."""
    parser = argparse.ArgumentParser(prog="lthkit", description="Lottery tickets in pre-trained vision models.")
    parser.add_argument("--version", action="version", version=f"lthkit {lthkit.__version__}")
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
