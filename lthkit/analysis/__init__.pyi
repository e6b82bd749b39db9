# What `lthkit.analysis` offers; read by type checkers, and by lthkit itself (lazy_loader.attach_stub).

from .channels.removable import removable_channels as removable_channels
from .masks.agreement import agreement as agreement
from .masks.cells import difference_cells as difference_cells
from .masks.cells import weight_cells as weight_cells
from .masks.cells import zero_kernel_cells as zero_kernel_cells
from .masks.density import block_density as block_density
from .masks.density import kernels_left as kernels_left
from .masks.density import layer_density as layer_density
from .masks.density import sparsity as sparsity
from .masks.density import weights_left as weights_left
from .masks.overlap import like_for_like as like_for_like
from .masks.overlap import overlap as overlap
from .masks.overlap import overlaps as overlaps
from .masks.patterns import kernel_patterns as kernel_patterns
from .masks.ratios import pooled as pooled
from .masks.searches import Search as Search
from .masks.searches import Searched as Searched
from .masks.searches import read as read
from .masks.zero_kernels import zero_kernels as zero_kernels
from .score_curve import curve as curve
from .verdicts.highest import highest_sparsity as highest_sparsity
from .verdicts.rules import commensurate as commensurate
from .verdicts.rules import matching as matching
from .verdicts.rules import non_inferior as non_inferior
from .verdicts.table import verdict_table as verdict_table
from .verdicts.universal import universal as universal
