"""How the process of a run ends."""

import signal

DONE, FAILED, BUSY, INTERRUPTED = 0, 4, 75, 130
# interrupted before it could answer, while it was being started
ALL_INTERRUPTED = (INTERRUPTED, -signal.SIGINT)
