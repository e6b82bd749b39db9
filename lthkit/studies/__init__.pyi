# What `lthkit.studies` offers (lazy_loader.attach_stub).

from .batch import Batch as Batch
from .batch import other_code as other_code
from .batch import plan_batch as plan_batch
from .batch import seconds_left as seconds_left
from .cluster import Cluster as Cluster
from .draw import Drawn as Drawn
from .draw import Results as Results
from .draw import results_of as results_of
from .local import Local as Local
from .page import write_report as write_report
from .run import Run as Run
from .runs import runs_of as runs_of
from .shelf import Shelf as Shelf
from .shelf import State as State
from .study import Study as Study
from .study import find_study as find_study
from .study import read_study as read_study
from .study import study_files as study_files
from .work import Outcome as Outcome
from .work import work as work
