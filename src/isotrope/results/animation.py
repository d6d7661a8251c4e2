"""Writing animations: a GIF, and an MP4 beside it where ffmpeg is there."""

import io
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from isotrope.files.disk import write_whole
from isotrope.results.style import look

Frame = Figure | NDArray[np.uint8]  # a figure, or (height, width, 3) in 0..255
DOTS = 150  # pixels to the inch, of frames that are figures
RATE = 8  # frames a second, where a figure's module does not say
ENCODER = "ffmpeg"


@look
def save_animation(
    frames: Iterable[Frame], data: pandas.DataFrame, stem: Path, rate: float = RATE
) -> list[Path]:
    """Write ``<stem>.gif`` and, with what is shown in it, ``<stem>.frames.csv``.

    The same frames always make the same GIF, which repeats without end. Where ffmpeg is there,
    ``<stem>.mp4`` is written too; without it nothing is missed.

    Args:
        frames: in their order, all of one size; all are in memory.
        data: the numbers that are shown.
        stem: the files' path without suffix.
        rate: frames a second.

    Returns:
        The files that were written.

    Raises:
        ValueError: if there is no frame, or they differ in size.
    """
    pictures = [_pixels(frame) for frame in frames]
    if len({picture.shape for picture in pictures}) != 1:
        sizes = sorted({f"{picture.shape[1]} x {picture.shape[0]}" for picture in pictures})
        raise ValueError(f"the frames of an animation must have one size, got {sizes or 'none'}")
    written = [stem.with_name(f"{stem.name}{suffix}") for suffix in (".gif", ".frames.csv")]
    write_whole(written[0], _gif(pictures, rate))
    write_whole(written[1], data.to_csv(index=False, lineterminator="\n"))
    movie = stem.with_name(f"{stem.name}.mp4")
    movie.unlink(missing_ok=True)  # of earlier frames
    if (encoder := shutil.which(ENCODER)) and _encode(encoder, pictures, rate, movie):
        written.append(movie)
    return written


def _pixels(frame: Frame) -> NDArray[np.uint8]:
    """A frame in red, green and blue."""
    if not isinstance(frame, Figure):
        return frame
    content = io.BytesIO()
    frame.savefig(content, format="png", dpi=DOTS)
    with Image.open(content) as picture:
        return np.asarray(picture.convert("RGB"))


def _gif(pictures: Sequence[NDArray[np.uint8]], rate: float) -> bytes:
    images: list[Image.Image] = []
    for place, picture in enumerate(pictures):
        again = place > 0 and picture is pictures[place - 1]  # a frame that stays
        images.append(images[-1] if again else Image.fromarray(picture).quantize(256))
    content = io.BytesIO()
    images[0].save(
        content,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / rate),  # milliseconds
        loop=0,  # without end
    )
    return content.getvalue()


def _encode(encoder: str, pictures: Sequence[NDArray[np.uint8]], rate: float, path: Path) -> bool:
    """Write an MP4; whether that went well."""
    odd = [side % 2 for side in pictures[0].shape[:2]]  # H.264 wants even numbers of pixels
    even = [np.pad(one, [(0, odd[0]), (0, odd[1]), (0, 0)], "edge") for one in pictures]
    height, width, _ = even[0].shape
    partial = path.with_name(f".{path.name}.part")
    command = [encoder, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", f"{rate:g}", "-i", "-"]
    command += ["-pix_fmt", "yuv420p", "-f", "mp4"]
    content = b"".join(picture.tobytes() for picture in even)
    done = subprocess.run([*command, str(partial)], input=content, check=False)
    if done.returncode == 0 and partial.is_file():
        partial.replace(path)
        return True
    partial.unlink(missing_ok=True)
    return False
