"""lthkit: lottery tickets in pre-trained vision models, found, stored and looked at.

Every room is a submodule (see the README's map). Rooms and the most used names are listed in ``__init__.pyi``, for
editors and type checkers, and loaded from there on first use, so that importing lthkit costs hardly more than
importing torch.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
