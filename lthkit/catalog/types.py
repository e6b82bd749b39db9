"""The types of entries: each is a file in `lthkit.catalog.datasets` or `lthkit.catalog.checkpoints`."""

from importlib import import_module
from inspect import isclass
from pkgutil import iter_modules
from typing import Literal

from lthkit.catalog.entry import Entry

Section = Literal["datasets", "checkpoints"]


def entry_types(section: Section) -> tuple[str, ...]:
    """Names of the types, as a catalog writes them."""
    package = import_module(f"lthkit.catalog.{section}")
    return tuple(module.name.replace("_", "-") for module in iter_modules(package.__path__))


def entry_class(section: Section, name: str) -> type[Entry]:
    """The class of a type's entries: the one that its file defines. `name` is one of `entry_types`."""
    module = import_module(f"lthkit.catalog.{section}.{name.replace('-', '_')}")
    classes = (value for value in vars(module).values() if isclass(value) and issubclass(value, Entry))
    return next(value for value in classes if value.__module__ == module.__name__)
