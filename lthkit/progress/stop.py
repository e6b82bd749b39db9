"""An interruption in one sentence, where a notebook would show the whole stack."""

from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(KeyboardInterrupt):
    """Long work was interrupted by its user; what it committed is kept."""

    def __init__(self, sentence: str = "stopped; what is done is kept, run the same again to go on") -> None:
        super().__init__(sentence)

    def _render_traceback_(self) -> list[str]:  # IPython asks exceptions for it
        return [str(self)]


@contextmanager
def stoppable() -> Iterator[None]:
    """Around long work that can be gone on with: an interruption within is raised as ``Stopped``.

    Raises:
        Stopped: instead of KeyboardInterrupt.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped from None
