"""Writing and reading without what torch says of its own unfinished parts, where the user can do nothing."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_TALKATIVE = ("torch.onnx", "onnxscript", "torch.export")


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings, and no log below an error of torch's exporters."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
