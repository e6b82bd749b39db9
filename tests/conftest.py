"""Shared by all tests: tiny searches on the embedded digits and on a made-up task."""

import faulthandler
import os
import sys
import threading
import time
from pathlib import Path

import pytest

os.environ.setdefault("LTHKIT_CATALOG", str(Path(__file__).parents[1] / "data_catalog.yaml"))
os.environ.setdefault("LTHKIT_CACHE", "off")
for name in ("COLUMNS", "LINES"):  # of whatever terminal the tests are run in
    os.environ.pop(name, None)


@pytest.fixture
def tiny():
    """``tiny(**changes)``: a search that takes about a second; changes by dotted key, e.g. ``plan__steps=8``."""
    from tiny import tiny_config

    return tiny_config


PATIENCE = 120  # seconds


def pytest_sessionfinish(session, exitstatus):
    """A test run that has said its result ends, also where what it left behind waits for ever: that is told."""

    def end():
        time.sleep(PATIENCE)
        print(f"\nthe tests ended {PATIENCE} s ago, but this process does not:", file=sys.stderr)
        faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
        os._exit(int(exitstatus))

    session.config.add_cleanup(lambda: threading.Thread(target=end, daemon=True).start())
