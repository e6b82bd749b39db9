# What `lthkit.report` offers; read by type checkers, and by lthkit itself (lazy_loader.attach_stub).

from .batch import batch_report as batch_report
from .batch import batch_values as batch_values
from .catalog import catalog_report as catalog_report
from .catalog import download_report as download_report
from .evaluation import evaluation_report as evaluation_report
from .folder import cleaning_report as cleaning_report
from .folder import sizes_report as sizes_report
from .parameters import parameters_report as parameters_report
from .store import store_facts as store_facts
from .store import store_report as store_report
from .timing import timing_report as timing_report
from .timing import timing_table as timing_table
