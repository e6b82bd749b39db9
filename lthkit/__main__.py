"""``python -m lthkit`` is ``lthkit``."""

import sys

from lthkit.cli import main

sys.exit(main())
