# What `lthkit.exchange` offers; read by type checkers, and by lthkit itself (lazy_loader.attach_stub).

from .export import Ticket as Ticket
from .export import export_ticket as export_ticket
from .export import gather as gather
from .export import write as write
from .foreign import read_foreign as read_foreign
from .network import ExportedNetwork as ExportedNetwork
from .network import export_network as export_network
from .scores import scores_table as scores_table
from .scores import write_scores as write_scores
from .scores import write_table as write_table
from .to_store import Imported as Imported
from .to_store import Taken as Taken
from .to_store import import_masks as import_masks
