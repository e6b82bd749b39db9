"""What fresh processes cost: importing the package, and a look at a store from the command line."""

import subprocess
import sys

from bench.measure import Measured, Row, Side, ratio, seconds, timed
from bench.storing import independent, resnet50, searched, stored


def importing() -> Measured:
    """``import lthkit, torch`` against ``import torch`` alone: what lthkit adds to what its user needs anyway."""
    return ratio(_process("import lthkit, torch"), _process("import torch"))


def show() -> Measured:
    """``lthkit show`` of a ResNet-50-sized search of 18 rounds, from start to end of the process."""
    with stored(searched(independent(resnet50()))) as store:
        return seconds(_process("import sys; from lthkit.cli import main; sys.exit(main())", "show", str(store.path)))


def _process(code: str, *arguments: str) -> Side:
    command = [sys.executable, "-c", code, *arguments]
    return timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


ROWS = (
    Row("import", 1.2, "process that imports lthkit", "that imports torch", importing),
    Row("show", 2.0, "`lthkit show` of a ResNet-50-sized store, whole process", "", show, "s"),
)
