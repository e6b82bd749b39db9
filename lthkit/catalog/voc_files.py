"""The files of a data set in Pascal VOC's layout: lists of images, annotations in XML, masks in palette colours."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from PIL import Image

from lthkit.catalog.images import SUFFIXES, open_image
from lthkit.catalog.scenes import Objects
from lthkit.errors import LthkitError
from lthkit.untrusted import read_at_most

MOST_BYTES = 16 * 2**20
"""Of a list or an annotation."""


def listed(path: Path) -> list[str]:
    """The image names of a split's list, one per line.

    Raises:
        LthkitError: not there, not text, empty, a name twice, or a line that is not one name.
    """
    try:
        lines = read_at_most(path, MOST_BYTES).decode().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LthkitError(f"list {path} cannot be read ({_reason(error)}); correct the split or the file") from None
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise LthkitError(f"list {path} names no image; name one per line, or another split")
    for name in names:
        if len(name.split()) > 1 or "/" in name or "\0" in name or name.startswith("."):
            raise LthkitError(f"list {path} has the line '{name[:80]}'; a line must be the name of one image")
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise LthkitError(f"list {path} names '{twice}' twice; name each image once")
    return names


def image_file(folder: Path, name: str) -> bytes:
    """The path of an image by its name without suffix; VOC's own are ``.jpg``.

    Raises:
        LthkitError: there is none.
    """
    for suffix in SUFFIXES:
        path = folder / f"{name}{suffix}"
        if path.exists():
            return os.fsencode(path)
    raise LthkitError(f"image {folder / name}.jpg is missing, which a list names; get it or take it off the list")


def read_objects(path: Path, labels: Mapping[str, int], dropped: Counter[str]) -> Objects:
    """The objects of an annotation.

    VOC counts pixels from 1 and means the last one to lie inside: xmin … xmax cover [xmin − 1, xmax]. Boxes are cut at
    the image's edges; those with no area (min ≥ max, or nothing left of them) are dropped.

    Args:
        path: the XML file.
        labels: class name → label; −1 leaves its objects out.
        dropped: counts what is left out or cut, by reason.

    Raises:
        LthkitError: not there, no XML, with entities or a document type, without size, or with an object that has no
            name, no box, or a class that is not among ``labels``.
    """
    root = _parsed(path)
    width, height = (_number(root, f"size/{side}", path) for side in ("width", "height"))
    if min(width, height) < 1:
        raise LthkitError(f"annotation {path} says that its image has {width:g}×{height:g} pixels; correct it")
    found = [_object(each, labels, path) for each in root.iterfind("object")]
    boxes = np.array([box for box, _, _ in found], dtype=np.float32).reshape(-1, 4)
    cut = boxes.clip(0, np.array([width, height, width, height], dtype=np.float32))
    # a box of one pixel has xmin == xmax; tools that count from 0 mean no area by it, and VOC has none such
    whole = (boxes[:, 2:] - boxes[:, :2] > 1).all(1)
    inside = (cut[:, 2:] > cut[:, :2]).all(1)
    dropped["boxes without area"] += int((~whole).sum())
    dropped["boxes outside the image"] += int((whole & ~inside).sum())
    dropped["boxes cut at the image's edge"] += int((whole & inside & (cut != boxes).any(1)).sum())
    classes = np.array([label for _, label, _ in found], dtype=np.int64)
    kept = whole & inside & (classes >= 0)
    return Objects(
        cut[kept],
        classes[kept],
        np.array([difficult for _, _, difficult in found], dtype=bool)[kept],
    )


def open_mask(path: bytes) -> Image.Image:
    """A mask's class numbers: the indices of a palette image, or grey values.

    Raises:
        LthkitError: as ``open_image``; or the image has colours, which are no numbers.
    """
    image = open_image(path)
    if image.mode not in ("P", "L"):
        raise LthkitError(
            f"mask {os.fsdecode(path)} has colours (mode {image.mode}) instead of class numbers; "
            "save it with VOC's palette or as grey values"
        )
    return Image.fromarray(np.asarray(image))


def _parsed(path: Path) -> Element:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root: Element = fromstring(read_at_most(path, MOST_BYTES), forbid_dtd=True)
    except FileNotFoundError:
        raise LthkitError(f"annotation {path} is missing, which a list names; get it or take it off the list") from None
    except (OSError, ParseError) as error:
        raise LthkitError(f"annotation {path} cannot be read ({_reason(error)}); repair it") from None
    except (DefusedXmlException, ValueError, RecursionError) as error:
        kind = type(error).__name__
        raise LthkitError(f"annotation {path} is no plain XML ({kind}); remove entities and document type") from None
    return root


def _object(each: Element, labels: Mapping[str, int], path: Path) -> tuple[list[float], int, bool]:
    name = (each.findtext("name") or "").strip()
    if name not in labels:
        raise LthkitError(
            f"annotation {path} has an object of class '{name[:80]}', which is not among the entry's classes "
            f"({', '.join(list(labels)[:10])}); add it to `classes`, or name it in `leave_out`"
        )
    left, top, right, bottom = (_number(each, f"bndbox/{side}", path) for side in ("xmin", "ymin", "xmax", "ymax"))
    difficult = (each.findtext("difficult") or "0").strip()
    return [left - 1, top - 1, right, bottom], labels[name], difficult not in ("0", "")


def _number(element: Element, where: str, path: Path) -> float:
    text = element.findtext(where)
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        shown = "nothing" if text is None else f"'{text[:40]}'"
        raise LthkitError(f"annotation {path} has {shown} as {where.replace('/', ' ')}; it must be a number")
    return value


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
