"""The picture that stays in a saved notebook: hidden while the explorer lives, all that is seen without its kernel."""

from base64 import b64encode
from html import escape
from io import BytesIO

from PIL import Image

from lthkit import plots
from lthkit.explorer.choices import Choices
from lthkit.explorer.figure import WIDTH, build
from lthkit.explorer.model import Model
from lthkit.explorer.release import give_back

# an explorer that lives hides its picture; one that does not is hidden itself, its sentence about a lost model too
_STYLE = """
.jp-OutputArea-child:has(.lthkit-still):has(+ .jp-OutputArea-child .lthkit) { display: none }
.jp-OutputArea-child:has(.lthkit-still) + .jp-OutputArea-child:not(:has(.lthkit)) { display: none }
"""


def small(picture: bytes) -> bytes:
    """A PNG of at most 256 colours, a third of the size: it is saved with the notebook."""
    made = BytesIO()
    Image.open(BytesIO(picture)).quantize(256, Image.Quantize.FASTOCTREE).save(made, "PNG", optimize=True)
    return made.getvalue()


def still(model: Model, choices: Choices) -> bytes:
    """The picture of what is chosen, as a small PNG; the memory that drawing it took is given back."""
    picture = small(plots.png(build(model, choices).update_layout(width=WIDTH)))
    give_back()
    return picture


def still_html(picture: bytes | None, alt: str) -> str:
    """The output that stands before the widget's.

    Args:
        picture: a PNG; None before there is one.
        alt: what it says.
    """
    data = f"data:image/png;base64,{b64encode(picture).decode()}" if picture else ""
    image = f'<img src="{data}" alt="{escape(alt)}" style="max-width: 100%">' if picture else ""
    return f'<div class="lthkit-still">{image}</div><style>{_STYLE}</style>'
