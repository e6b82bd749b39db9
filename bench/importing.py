"""What importing the package costs, in fresh processes."""

import subprocess
import sys

from bench.measure import Measured, Row, Side, ratio, timed


def importing() -> Measured:
    """``import lthkit, torch`` against ``import torch`` alone: what lthkit adds to what its user needs anyway."""
    return ratio(_process("import lthkit, torch"), _process("import torch"))


def _process(code: str) -> Side:
    return timed(lambda: subprocess.run([sys.executable, "-c", code], check=True))


ROWS = (Row("import", 1.2, "process that imports lthkit", "that imports torch", importing),)
