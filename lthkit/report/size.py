"""Sizes as people read them."""


def size(count: int) -> str:
    """Bytes as GB, MB, kB or bytes (powers of ten)."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= one:
            return f"{count / one:.2f} {unit}"
    return f"{count} bytes"
