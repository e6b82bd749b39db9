"""The first figure of each study of a batch, for the README: ``python docs/sheet.py BATCH PICTURE``."""

import sys
import tempfile
from pathlib import Path

from PIL import Image

import lthkit
from lthkit.studies import Shelf, results_of

WIDTH, COLUMNS, GAP, COLOURS = 420, 4, 8, 255


def main(batch: str, picture: str) -> None:
    """Each figure goes into the column that is shortest so far."""
    heights, placed = [0] * COLUMNS, []
    for figure in figures(Shelf(batch)):
        column = heights.index(min(heights))
        placed.append((figure, (column * (WIDTH + GAP), heights[column])))
        heights[column] += figure.height + GAP
    sheet = Image.new("RGB", (COLUMNS * (WIDTH + GAP), max(heights)), "white")
    for figure, place in placed:
        sheet.paste(figure, place)
    sheet.quantize(COLOURS, method=Image.Quantize.FASTOCTREE).save(picture, optimize=True)


def figures(shelf: Shelf) -> list[Image.Image]:
    """All of one width."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, plan in enumerate(shelf.plans()):
            path = Path(folder) / f"{number}.png"
            lthkit.save(results_of(plan, shelf).drawn[0].figure, path)
            with Image.open(path) as image:
                whole = image.convert("RGB")
            found.append(whole.resize((WIDTH, whole.height * WIDTH // whole.width), Image.Resampling.LANCZOS))
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
