"""The command line: parses and calls. Adding a subcommand is adding one function to COMMANDS.

A subcommand is a function that declares its arguments on the parser it is given and returns their handler; its
docstring is its help. Heavy imports stand inside the handlers, so that ``lthkit --help`` answers at once.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

import lthkit
from lthkit.cli import (
    catalog,
    cleaning,
    evaluation,
    masks,
    notebooks,
    project,
    results,
    searches,
    stores,
    studies,
    timing,
)
from lthkit.cli.handler import Handler
from lthkit.errors import LthkitError, RunFailed, TimeIsUp
from lthkit.terminal import printable
from lthkit.unneeded import leave_out_iri_grammar

COMMANDS: dict[str, Callable[[argparse.ArgumentParser], Handler]] = {
    "init": project.init,
    "list": catalog.list_entries,
    "get": catalog.get,
    "show": stores.show,
    "run": notebooks.run,
    "batch": studies.batch,
    "status": studies.status,
    "report": studies.report,
    "search": searches.search,
    "evaluate": evaluation.evaluate,
    "scores": stores.scores,
    "collect": results.collect,
    "export": masks.export,
    "import": masks.import_masks,
    "time": timing.time,
    "clean": cleaning.clean,
}
WRONG_USAGE, REFUSED, FAILED, UNFINISHED, INTERRUPTED = 2, 3, 4, 5, 130
EXIT_CODES = f"""exit codes:
  0    done
  {WRONG_USAGE}    wrong usage: the command line cannot be read
  {REFUSED}    refused: one sentence on stderr names what cannot be used, and the mend
  {FAILED}    failed: a notebook or training began and did not reach its end
  {UNFINISHED}    unfinished: the time given by --for is up; the same command goes on
  {INTERRUPTED}  interrupted; the same command goes on from what is done"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (``EXIT_CODES``); a user's mistake is one sentence on stderr."""
    leave_out_iri_grammar()
    if any("\0" in argument for argument in arguments or ()):
        return _told("an argument holds a NUL character; remove it", REFUSED)
    try:
        chosen = _parser().parse_args(arguments)
        chosen.handler(chosen)
    except RunFailed as error:
        return _told(error, FAILED)
    except TimeIsUp as error:
        return _told(error, UNFINISHED)
    except LthkitError as error:
        return _told(error, REFUSED)
    except KeyboardInterrupt:
        return _told("interrupted; what was committed is kept, the same command goes on from there", INTERRUPTED)
    except BrokenPipeError:
        # the reader (head, less) has seen enough; closing stderr keeps Python from complaining at exit
        sys.stderr.close()
    except OSError as error:
        if error.filename is None:
            raise
        return _told(f"'{error.filename}' cannot be used ({error.strerror}); choose another path", REFUSED)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lthkit",
        description="Lottery tickets in pre-trained vision models.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lthkit {lthkit.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, add in COMMANDS.items():
        summary = (add.__doc__ or "").strip()
        # a command may have a -h of its own
        command = commands.add_parser(name, help=summary, description=summary, conflict_handler="resolve")
        command.set_defaults(handler=add(command))
    return parser


def _told(sentence: object, code: int) -> int:
    print(f"lthkit: {printable(sentence)}", file=sys.stderr)
    return code
