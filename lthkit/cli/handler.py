"""What a subcommand gives back: the function that carries out its parsed arguments."""

import argparse
from collections.abc import Callable

Handler = Callable[[argparse.Namespace], None]
