"""One line of progress that never wraps in a terminal of 80 columns."""

from collections.abc import Sequence

from tqdm import tqdm

WIDTH = 79


def line(title: str, details: Sequence[str], end: str = "", longest: int = WIDTH) -> str:
    """``title · details · end``; the last details are left out where the line were longer than ``longest``."""
    for count in range(len(details), -1, -1):
        text = " · ".join(part for part in (title, *details[:count], end) if part)
        if len(text) <= longest:
            return text
    return cut(text, longest)


def cut(text: str, longest: int = WIDTH) -> str:
    """The text, or its beginning and ``…`` where it is longer than ``longest`` characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def spent_and_left(spent: float, done: int, left: int) -> str:
    """``00:12<01:30``: the time spent on what is ``done`` and that for what is ``left`` at the same pace (tqdm's way).

    Args:
        spent: seconds.
        done: how many are done.
        left: how many of the same are left.
    """
    rest = tqdm.format_interval(spent / done * left) if done else "?"
    return f"{tqdm.format_interval(spent)}<{rest}"
