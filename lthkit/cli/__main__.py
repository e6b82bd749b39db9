"""``python -m lthkit.cli`` is ``lthkit``."""

import sys

from lthkit.cli import main

sys.exit(main())
