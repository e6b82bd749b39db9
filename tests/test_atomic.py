"""Files are replaced whole or not at all, by any number of writers, and dead writers' left-overs go."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lthkit.atomic import PARTIAL, at_work, left_overs, partial, refuse_existing, replacing
from lthkit.errors import LthkitError

WRITER = """
import sys
from pathlib import Path
from lthkit.atomic import replacing
path, letter = Path(sys.argv[1]), sys.argv[2]
for _ in range(150):
    with replacing(path) as temporary:
        temporary.write_text(letter * 5000)
"""
KILLED = """
import os, sys
from pathlib import Path
from lthkit.atomic import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os._exit(9)
"""


def python(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)])


def test_a_file_appears_under_its_name_when_the_block_has_ended(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert PARTIAL.fullmatch(temporary.name)["name"] == "a.txt"
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["a.txt"]


@pytest.mark.parametrize("failure", [RuntimeError("mine"), KeyboardInterrupt()])
def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(failure)), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("new")
        raise failure
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_two_writers_of_one_path_never_share_a_name(tmp_path):
    path = tmp_path / "a.txt"
    assert len({partial(path) for _ in range(1000)}) == 1000
    writers = [python(WRITER, path, letter) for letter in "xy"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert path.read_text() in ("x" * 5000, "y" * 5000)
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path):
    path = tmp_path / "a.txt"
    assert python(KILLED, path).wait() == 9
    (left,) = left_overs(path)
    assert left.read_text() == "half"
    assert not at_work(left)
    living, far, other = partial(path), tmp_path / f"a.txt.{'0' * 32}.partial", partial(tmp_path / "b.txt")
    for kept in (living, far, other):
        kept.write_text("of a writer here, of another machine, of another path")
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert set(tmp_path.iterdir()) == {path, living, far, other}


def test_refusals_of_the_disk_are_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "a.txt", tmp_path / ("n" * 300), Path("/proc/none/a.txt")):
        with pytest.raises(LthkitError) as caught, replacing(path, "choose elsewhere") as temporary:
            temporary.write_text("new")
        assert re.fullmatch(r"'.+' cannot be written \(.+\); choose elsewhere", str(caught.value))


def test_nothing_that_is_there_is_written_over_without_force(tmp_path):
    refuse_existing(tmp_path / "none", force=False)
    (tmp_path / "file").write_text("")
    refuse_existing(tmp_path / "file", force=True)
    with pytest.raises(LthkitError, match="exists already"):
        refuse_existing(tmp_path / "file", force=False)
    with pytest.raises(LthkitError, match="is a folder"):
        refuse_existing(tmp_path, force=True)
