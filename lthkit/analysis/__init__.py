"""Analysis: searches become labelled arrays, everything from when each weight died, all rounds in one pass."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
