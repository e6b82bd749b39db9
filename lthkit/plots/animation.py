"""Several figures as one film: an animated GIF, or MP4 where ffmpeg is there."""

import io
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import plotly.graph_objects as go
from PIL import Image

from lthkit.atomic import replacing
from lthkit.errors import LthkitError
from lthkit.plots.png import png

# the last figure stays this many times as long as the others
LAST = 3
_SAMPLE = 4


def animation(figures: Iterable[go.Figure], path: Path | str, seconds: float = 0.6) -> Path:
    """Write figures of one size as a film that begins again after its last one; complete or not at all.

    Args:
        figures: drawn one after the other.
        path: ``NAME.gif``, or ``NAME.mp4`` where the program ffmpeg is installed. The folder is made if missing.
        seconds: each is seen; the last three times as long.

    Raises:
        LthkitError: if there is no figure, the path has another ending, or ffmpeg is missing or fails.
    """
    path = Path(path)
    if path.suffix not in (".gif", ".mp4"):
        raise LthkitError(f"'{path.name}' is no film; save it as .gif or .mp4")
    if path.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise LthkitError("an MP4 is written by the program ffmpeg, which is missing; install it, or save as .gif")
    frames = [Image.open(io.BytesIO(png(figure, scale=1))).convert("RGB") for figure in figures]
    if not frames:
        raise LthkitError("there is no figure for a film; give at least one")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        (_write_gif if path.suffix == ".gif" else _write_mp4)(frames, temporary, seconds)
    return path


def _write_gif(frames: list[Image.Image], path: Path, seconds: float) -> None:
    """One palette for all frames, so that no colour flickers."""
    width, height = (max(side // _SAMPLE, 1) for side in frames[0].size)
    sample = Image.new("RGB", (width, height * len(frames)))
    for place, frame in enumerate(frames):
        sample.paste(frame.resize((width, height), Image.Resampling.NEAREST), (0, place * height))
    palette = sample.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    first, *rest = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    times = [round(1000 * seconds)] * len(rest) + [round(1000 * LAST * seconds)]
    first.save(path, "GIF", save_all=True, append_images=rest, duration=times, loop=0)


def _write_mp4(frames: list[Image.Image], path: Path, seconds: float) -> None:
    """H.264 as every player has it: even sides, colours at half resolution."""
    width, height = (side // 2 * 2 for side in frames[0].size)
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "image2pipe", "-framerate", f"{1 / seconds:.6f}", "-i", "-"]
    command += ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-r", "25", "-f", "mp4", str(path)]
    pictures = io.BytesIO()
    for frame in [*frames, *[frames[-1]] * (LAST - 1)]:
        frame.crop((0, 0, width, height)).save(pictures, "PNG")
    done = subprocess.run(command, input=pictures.getvalue(), capture_output=True, check=False)
    if done.returncode:
        raise LthkitError(f"ffmpeg could not write {path.name}: {done.stderr.decode(errors='replace').strip()[-300:]}")
