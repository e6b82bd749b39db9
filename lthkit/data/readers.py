"""One reader per type of data set. A new type is its reader's file, a line here, and its entry's class in
`lthkit.catalog.entries`.

A reader takes (entry, catalog) and returns a `DataSet`; it lists, it decodes no image file.
"""

from collections.abc import Callable
from typing import Any

from lthkit.catalog import Catalog
from lthkit.data.digits import read_digits
from lthkit.data.folder import read_folder
from lthkit.data.norb import read_smallnorb
from lthkit.data.published import read_torchvision
from lthkit.data.samples import DataSet

Reader = Callable[[Any, Catalog], DataSet]

READERS: dict[str, Reader] = {
    "digits": read_digits,
    "folder": read_folder,
    "smallnorb": read_smallnorb,
    "torchvision": read_torchvision,
}
