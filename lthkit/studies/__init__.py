"""Studies: grids of notebook runs that answer one question, carried out so that nothing is lost or done twice."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
