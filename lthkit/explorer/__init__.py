"""The explorer: searches and controls, round by round, from the whole network down to a single weight."""

from lthkit.explorer.choices import Choices
from lthkit.explorer.explore import Explorer, explore
from lthkit.explorer.model import Model
from lthkit.explorer.searches import known_controls
from lthkit.explorer.views import VIEWS, View

__all__ = ["VIEWS", "Choices", "Explorer", "Model", "View", "explore", "known_controls"]
