"""Image files: which are meant, and opening one that nobody vouches for."""

import os

from PIL import Image

from lthkit.errors import LthkitError
from lthkit.untrusted import is_shortage, open_regular

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
# Pillow chooses a decoder by a file's content: PostScript's would run another program
FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP")
MOST_PIXELS = 100_000_000
"""A picture of a few bytes can promise billions."""


def open_image(path: bytes) -> Image.Image:
    """The image in a file, read and decoded.

    Raises:
        LthkitError: unreadable, of another format or too large; the sentence names the file.
    """
    called = f"image {os.fsdecode(path)}"
    try:
        with open_regular(os.fsdecode(path)) as file:
            image = Image.open(file, formats=FORMATS)
            if image.width * image.height <= MOST_PIXELS:
                image.load()
                return image
    except Exception as error:  # decoders raise whatever a damaged file makes them stumble on
        if is_shortage(error):
            raise LthkitError(f"memory is too short to read {called}; free some, or set a smaller `size`") from None
        raise LthkitError(f"{called} cannot be read ({_reason(error)}); repair or remove it") from None
    raise LthkitError(
        f"{called} has {image.width:,}×{image.height:,} pixels, more than {MOST_PIXELS:,}; make it smaller or remove it"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if "cannot identify image file" in str(error):
        return f"none of {', '.join(FORMATS)}"
    return str(error) or type(error).__name__
