"""Ctrl-C while a notebook runs: the cell is interrupted as ■ interrupts it live, and says how far it came.

Raised in the middle of papermill instead, the interruption would leave the kernel's last words unread, and asyncio
would tell of every task that nobody waits for any more.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lthkit.batch.kernel import OwnKernel


class Interruption:
    """Whether this process was interrupted, and the kernel that is told of it."""

    def __init__(self) -> None:
        self._asked = False
        self._manager: OwnKernel | None = None

    def kernel(self, kept_open: tuple[int, ...] = ()) -> type[OwnKernel]:
        """The class of the kernel that is told; it inherits the descriptors ``kept_open``."""
        interruption, inherited = self, kept_open

        class Told(OwnKernel):
            kept_open = inherited

            def __init__(self, **options: Any) -> None:
                super().__init__(**options)
                interruption._manager = self

        return Told

    @contextmanager
    def passed_on(self) -> Iterator[None]:
        """Within, the first interruption goes to the kernel; the next is raised at once, as all are without a kernel.

        Raises:
            KeyboardInterrupt: where what runs within failed after an interruption.
        """
        if threading.current_thread() is not threading.main_thread():  # others get no signals
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def pass_on(number: int, frame: Any) -> None:
            signal.signal(signal.SIGINT, before)
            self._asked = True
            group = getattr(self._manager and self._manager.provisioner, "pgid", None)
            if group is None:
                raise KeyboardInterrupt
            os.killpg(group, signal.SIGINT)

        signal.signal(signal.SIGINT, pass_on)
        try:
            yield
        except Exception:
            self.check()
            raise
        finally:
            signal.signal(signal.SIGINT, before)

    def check(self) -> None:
        """Between two cells: go no further after an interruption.

        Raises:
            KeyboardInterrupt: if there was one.
        """
        if self._asked:
            raise KeyboardInterrupt from None
