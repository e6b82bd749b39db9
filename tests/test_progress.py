import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import redirect_stderr, redirect_stdout

import pytest
from IPython.core.interactiveshell import InteractiveShell

from lthkit import progress
from lthkit.progress import Bar, Lines, ManyBar, ManyLines, Stopped, line, place, rounds, stoppable


@pytest.fixture
def now(monkeypatch):
    """The time in seconds, as ``now[0]``."""
    seconds = [0.0]
    monkeypatch.setattr(rounds.time, "monotonic", lambda: seconds[0])
    return seconds


def search_of_two_rounds(shown):
    for round in range(2):
        shown.begin(round, 1, 0.2 * round, 0, 3, 3 * round, 3 * (1 - round))
        for accuracy, test in ((0.5, 0.4), (0.9, 0.8), (0.7, float("nan"))):
            shown.advance()
            shown.note(
                {"train_loss": 1.0, "validation_accuracy": accuracy, "validation_loss": 1.0, "test_accuracy": test}
            )
    shown.close()


def test_a_line_per_round_with_its_best_scores(capsys, now):
    search_of_two_rounds(Lines())
    assert capsys.readouterr().out.splitlines() == [
        "round 0/1 · 0.00% sparse · accuracy 0.9000 (test 0.8000) · 00:00<00:00",
        "round 1/1 · 20.00% sparse · accuracy 0.9000 (test 0.8000) · 00:00<00:00",
    ]


def test_time_left_is_that_of_all_later_rounds(capsys, now):
    shown = Lines()
    shown.begin(0, 2, 0.0, 0, 3, 0, 6)
    for _ in range(3):
        shown.advance()
    shown.note({"train_loss": 1.0})
    now[0] = 6.0
    shown.begin(1, 2, 0.2, 0, 3, 3, 3)
    assert capsys.readouterr().out == "round 0/2 · 0.00% sparse · loss 1.000 · 00:06<00:12\n"


def test_a_long_round_is_heard_of_before_it_ends(capsys, now):
    shown = Lines(patience=60)
    shown.begin(0, 2, 0.0, 0, 4, 0, 8)
    for seconds in (30.0, 70.0, 100.0):
        now[0] = seconds
        shown.advance()
        shown.note({"train_loss": seconds})
    assert capsys.readouterr().out == "round 0/2 · step 2/4 · loss 70.000 · 01:10<05:50\n"


def test_an_interrupted_round_does_not_look_finished(capsys, now):
    shown = Lines()
    shown.begin(0, 2, 0.0, 0, 1, 0, 8)
    shown.advance()
    shown.note({"test_accuracy": 0.5})
    shown.begin(1, 2, 0.2, 0, 4, 1, 4)
    shown.advance()
    shown.note({"test_accuracy": 0.25})
    shown.close()
    assert capsys.readouterr().out.splitlines() == [
        "round 0/2 · 0.00% sparse · test accuracy 0.5000 · 00:00<00:00",
        "round 1/2 · stopped at step 1/4 · test accuracy 0.2500 · 00:00<00:00",
    ]


@pytest.mark.parametrize("metric", ["accuracy", "mean_average_precision_of_all_classes_at_iou_0.5_to_0.95_on_objects"])
def test_no_line_wraps_at_80_columns(capsys, now, metric):
    shown = Lines(patience=0)
    shown.begin(17, 18, 0.9775, 0, 30_000, 0, 300_000)
    for _ in range(3):
        now[0] += 3600
        shown.advance()
        shown.note({"train_loss": 2.3, f"validation_{metric}": 0.5, f"test_{metric}": 0.5, "test_loss": 1.0})
    shown.close()
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 4
    assert all(len(text) <= line.WIDTH and "round 17/18" in text for text in told)
    assert all("<" in text for text in told)


def test_one_bar_spans_all_rounds():
    text = io.StringIO()
    with redirect_stderr(text):
        bar = Bar()
        search_of_two_rounds(bar)
    assert (bar._bar.total, bar._bar.n) == (6, 6)
    assert "round 1/1 · 20.00% sparse" in text.getvalue()


def test_the_time_left_can_be_read_in_a_terminal_of_80_columns():
    code = (
        "from lthkit.progress import Bar; bar = Bar(); bar.begin(17, 18, 0.9775, 0, 3000, 5000, 0); bar.advance();"
        "bar.note({'train_loss': 2.3, 'validation_accuracy': 0.5, 'test_accuracy': 0.5}); bar.close()"
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    shown = os.read(ours, 1 << 16).decode().split("\r")
    drawn = [text for text in shown if "round 17/18" in text]
    assert drawn
    assert all(len(text.rstrip("\n")) <= 80 and re.search(r"\[\d\d:\d\d<.*step/s\]", text) for text in drawn)


def test_a_resumed_bar_starts_from_what_is_done():
    text = io.StringIO()
    with redirect_stderr(text):
        bar = Bar()
        bar.begin(1, 2, 0.2, 1, 3, 4, 3)
        bar.advance()
        bar.close()
    assert (bar._bar.total, bar._bar.n) == (9, 5)
    assert "4/9" in text.getvalue()


def test_many_trainings_are_told_at_intervals_and_at_the_end(capsys, now):
    shown = ManyLines(6, 2, patience=10)
    for seconds, label in ((4.0, "dense, seed 0"), (8.0, "ticket, seed 0"), (15.0, "random, seed 0"), (16.0, "x" * 99)):
        now[0] = seconds
        shown.done(label)
    shown.close()
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "2 of 6 trainings were done before",
        "training 3/6 · dense, seed 0 · 00:04<00:12",
        "training 5/6 · random, seed 0 · 00:15<00:05",
        f"training 6/6 · {'x' * 37}… · 00:16<00:00",
    ]


def test_scores_are_not_called_trainings(capsys):
    shown = ManyLines(2, unit="score")
    shown.done("conv1 50% sparse")
    shown.close()
    assert capsys.readouterr().out.splitlines() == [
        "score 1/2 · conv1 50% sparse · 00:00<00:00",
        "stopped after 1 of 2 scores",
    ]


def test_many_trainings_that_are_stopped_say_so(capsys):
    shown = ManyLines(3)
    shown.done("dense")
    shown.close()
    assert capsys.readouterr().out.splitlines()[-1] == "stopped after 1 of 3 trainings"


def test_a_bar_of_many_trainings_starts_from_what_is_done():
    text = io.StringIO()
    with redirect_stderr(text):
        bar = ManyBar(6, 2)
        bar.done("dense, seed 0")
        bar.close()
    assert "2/6" in text.getvalue()
    assert "3/6" in text.getvalue()
    assert "dense, seed 0" in text.getvalue()


def test_an_interruption_is_one_sentence_in_a_notebook():
    shell = InteractiveShell()
    shell.push({"stoppable": stoppable})
    text = io.StringIO()
    with redirect_stdout(text), redirect_stderr(text):
        result = shell.run_cell("with stoppable():\n    raise KeyboardInterrupt")
    assert text.getvalue().strip() == "stopped; what is done is kept, run the same again to go on"
    assert isinstance(result.error_in_exec, Stopped)
    assert isinstance(result.error_in_exec, KeyboardInterrupt)


def test_a_search_stopped_before_its_first_round_closes_quietly(capsys):
    Bar().close()
    Lines().close()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("batch", "tty", "kinds"),
    [("1", True, (Lines, ManyLines)), ("", True, (Bar, ManyBar)), ("", False, (Lines, ManyLines))],
)
def test_bars_are_for_those_who_watch(monkeypatch, batch, tty, kinds):
    monkeypatch.setenv(progress.BATCH_VARIABLE, batch)
    monkeypatch.setattr(place.sys, "stderr", Stream(tty))
    monkeypatch.delitem(place.sys.modules, "IPython", raising=False)
    assert (type(progress.for_here()), type(progress.for_many(2))) == kinds


class Stream(io.StringIO):
    def __init__(self, tty):
        super().__init__()
        self.isatty = lambda: tty


def test_an_open_notebook_is_watched(monkeypatch):
    shell = type("Shell", (), {"kernel": object()})()
    monkeypatch.setitem(place.sys.modules, "IPython", type("Module", (), {"get_ipython": staticmethod(lambda: shell)}))
    monkeypatch.setenv(progress.BATCH_VARIABLE, "")
    assert type(progress.for_here()) is Bar
