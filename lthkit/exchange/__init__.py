"""Exchange with others: tickets as plain files, others' masks as a store, scores as tables."""

from lthkit.exchange.export import Ticket, export_ticket, gather, write
from lthkit.exchange.foreign import read_foreign
from lthkit.exchange.scores import scores_table, write_scores, write_table
from lthkit.exchange.to_store import Imported, Taken, import_masks

__all__ = [
    "Imported",
    "Taken",
    "Ticket",
    "export_ticket",
    "gather",
    "import_masks",
    "read_foreign",
    "scores_table",
    "write",
    "write_scores",
    "write_table",
]
