"""Text for terminals: nothing in it moves the cursor, tables fit, JSON is strict."""

import json
from types import SimpleNamespace

import pytest

from lthkit.report import catalog_report
from lthkit.strict_json import strict_json
from lthkit.terminal import printable, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("\udc80", "\\udc80"),
        ("θ é 8×8 – …", "θ é 8×8 – …"),
    ],
)
def test_what_does_not_print_is_spelt_out(text, shown):
    assert printable(text) == shown


def test_table_aligns_columns():
    assert table(("a", "b"), [("long", "1"), ("x", "22")], right=[1]) == "a      b\nlong   1\nx     22"


def test_cells_cannot_break_a_table():
    assert table(("a",), [("x\ny",), ("\x1b[2J",)]).splitlines() == ["a", "x\\ny", "\\x1b[2J"]


def test_a_wide_table_is_wrapped_to_the_terminal():
    text = table(("name", "where"), [("digits", "in the package that is there"), ("b", "c" * 30)], within=24)
    assert text.splitlines() == [
        "name    where",
        "digits  in the package",
        "        that is there",
        "b       " + "c" * 16,
        "        " + "c" * 14,
    ]


ROWS = [
    SimpleNamespace(
        name="digits", kind="dataset", type="digits", present=True, licence="CC BY 4.0", where="here " * 30
    ),
    SimpleNamespace(name="b", kind="checkpoint", type="file", present=False, licence="MIT", where="absent: get it"),
]


def test_the_catalog_fits_a_terminal():
    assert len(catalog_report(ROWS).splitlines()) == 3
    narrow = catalog_report(ROWS, within=60).splitlines()
    assert max(map(len, narrow)) <= 60
    assert narrow[-2:] == ["b       checkpoint  file    no", "    absent: get it; licence: MIT"]


def test_json_has_no_nan():
    values = {"a": float("nan"), "b": [float("inf"), 1.5], "c": (1, None)}
    assert json.loads(strict_json(values)) == {"a": None, "b": [None, 1.5], "c": [1, None]}
    assert json.loads(strict_json(values, not_finite=str)) == {"a": "nan", "b": ["inf", 1.5], "c": [1, None]}
