"""Shared by all tests: tiny searches on the embedded digits and on a made-up task."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("LTHKIT_CATALOG", str(Path(__file__).parents[1] / "data_catalog.yaml"))
os.environ.setdefault("LTHKIT_CACHE", "off")


@pytest.fixture
def tiny():
    """``tiny(**changes)``: a search that takes about a second; changes by dotted key, e.g. ``plan__steps=8``."""
    from tiny import tiny_config

    return tiny_config
