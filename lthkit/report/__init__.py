"""Stores, folders, the catalog and parameters as plain text, for the command line."""

from lthkit.report.catalog import catalog_report, download_report
from lthkit.report.evaluation import evaluation_report
from lthkit.report.folder import cleaning_report, sizes_report
from lthkit.report.parameters import parameters_report
from lthkit.report.store import store_facts, store_report

__all__ = [
    "catalog_report",
    "cleaning_report",
    "download_report",
    "evaluation_report",
    "parameters_report",
    "sizes_report",
    "store_facts",
    "store_report",
]
