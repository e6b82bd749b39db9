"""Store: the only room that touches zarr. One search = one folder ``NAME.zarr``, readable without lthkit."""

from lthkit.store.beside import rewind_file, start_file, state_file, trained_file
from lthkit.store.create import create
from lthkit.store.files import lock, lock_file
from lthkit.store.read import Store, StoreLike, as_store, open_store
from lthkit.store.write import Writer, reopen

__all__ = [
    "Store",
    "StoreLike",
    "Writer",
    "as_store",
    "create",
    "lock",
    "lock_file",
    "open_store",
    "reopen",
    "rewind_file",
    "start_file",
    "state_file",
    "trained_file",
]
