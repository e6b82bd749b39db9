"""A process that executes one run: ``python -m lthkit.studies.child`` with the run as JSON on its standard input.

It is not part of the process that started it: that one may be killed, and the run goes on, holding its folder.
"""

import json
import signal
import sys

from lthkit.errors import LthkitError
from lthkit.studies.codes import BUSY, DONE, FAILED, INTERRUPTED
from lthkit.unneeded import leave_out_iri_grammar


def main() -> int:
    """Execute the run unless it is done; a failure is told in one sentence, the last line of standard error."""
    # a batch that a script began in the background ignores interruptions, and what it starts would, too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leave_out_iri_grammar()
    from lthkit.batch import Busy, run_checked
    from lthkit.studies.run import Run

    run = Run.of(json.load(sys.stdin))
    try:
        run_checked(run.notebook, run.values, run.out, again=False)  # its plan was checked
    except Busy:
        return BUSY
    except LthkitError as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


if __name__ == "__main__":
    sys.exit(main())
