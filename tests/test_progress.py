import io
from contextlib import redirect_stderr

import pytest

from lthkit import progress
from lthkit.progress import Bar, Lines


def search_of_two_rounds(shown):
    for round in range(2):
        shown.begin(round, 1, 0.2 * round, 0, 3, 3 * (1 - round))
        for accuracy, test in ((0.5, 0.4), (0.9, 0.8), (0.7, float("nan"))):
            shown.advance()
            shown.note(
                {"train_loss": 1.0, "validation_accuracy": accuracy, "validation_loss": 1.0, "test_accuracy": test}
            )
    shown.close()


def test_a_line_a_round_with_its_best_scores(capsys):
    search_of_two_rounds(Lines())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(
        "round 1/1 · 20.00% sparse · loss 1.000 · validation accuracy 0.9000 · test accuracy 0.8000"
    )
    assert lines[0].endswith("s left")


def test_time_left_is_that_of_all_later_rounds(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown = Lines()
    shown.begin(0, 2, 0.0, 0, 3, 6)
    for _ in range(3):
        shown.advance()
    shown.note({"train_loss": 1.0})
    now[0] = 6.0
    shown.begin(1, 2, 0.2, 0, 3, 3)
    assert "6 s, about 12 s left" in capsys.readouterr().out


def test_a_long_round_is_heard_of_before_it_ends(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown = Lines(patience=60)
    shown.begin(0, 2, 0.0, 0, 4, 8)
    for seconds in (30.0, 70.0, 100.0):
        now[0] = seconds
        shown.advance()
        shown.note({"train_loss": seconds})
    assert capsys.readouterr().out == "round 0/2 · 0.00% sparse · step 2/4 · loss 70.000 · 70 s, about 350 s left\n"


def test_one_bar_spans_all_rounds():
    text = io.StringIO()
    with redirect_stderr(text):
        bar = Bar()
        search_of_two_rounds(bar)
    assert (bar._bar.total, bar._bar.n) == (6, 6)
    assert "round 1/1 · 20.00% sparse" in text.getvalue()


def test_a_search_stopped_before_its_first_round_closes_quietly(capsys):
    Bar().close()
    Lines().close()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("batch", "tty", "kind"), [("1", True, Lines), ("", True, Bar), ("", False, Lines)])
def test_bars_are_for_those_who_watch(monkeypatch, batch, tty, kind):
    monkeypatch.setenv(progress.BATCH_VARIABLE, batch)
    monkeypatch.setattr(progress.sys, "stderr", type("Stream", (), {"isatty": lambda self: tty})())
    monkeypatch.delitem(progress.sys.modules, "IPython", raising=False)
    assert type(progress.for_here()) is kind


def test_an_open_notebook_is_watched(monkeypatch):
    shell = type("Shell", (), {"kernel": object()})()
    monkeypatch.setitem(
        progress.sys.modules, "IPython", type("Module", (), {"get_ipython": staticmethod(lambda: shell)})
    )
    monkeypatch.setenv(progress.BATCH_VARIABLE, "")
    assert type(progress.for_here()) is Bar
