"""Tiny photos in the layouts of KTH-TIPS2-b and COVIDx, X-rays in that of PneumoniaMNIST."""

import io
import tarfile
import zipfile

import numpy as np
from PIL import Image

from isotrope.data import covidx, kth_tips2

KTH = {"source": "local", "sample": "b", "complete": False, "resize": 20, "size": 12}
COVIDX = {"source": "local", "complete": False, "resize": 26, "size": 22}
PNEUMONIA = {"source": "local", "complete": False}
EACH = 2  # photos of a sample of a material
TRAIN = "npnnnppnnnnp"  # classes of the lines of the lists
TEST = "pnpnnppn"


def png(number, size=(20, 20)):
    """A picture whose grey tells its number, 8 times, with a dot in a corner."""
    pixels = np.full((size[1], size[0], 3), 8 * number % 256, np.uint8)
    pixels[0, 0] = 255
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def kth_photos(by_sample=False):
    """The path of each photo below the user's folder, and its content."""
    for label, material in enumerate(kth_tips2.MATERIALS):
        for place, sample in enumerate(kth_tips2.SAMPLES):
            for one in range(EACH):
                inside = f"{sample}/{material}" if by_sample else f"{material}/sample_{sample}"
                name = f"{label}{sample}-scale_{one + 2}_im_1_col.png"
                yield f"{kth_tips2.TREE}/{inside}/{name}", png(11 * place + label + 44 * one)


def write_kth(root, patch=None, by_sample=False):
    for path, content in kth_photos(by_sample):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def write_kth_archive(root):
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(root / kth_tips2.ARCHIVE, "w") as archive:
        for path, content in kth_photos():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def covidx_files():
    """The lists and images; image k of a part is named so that names order them backwards."""
    for part, kinds in (("train", TRAIN), ("test", TEST)):
        lines = []
        for number, kind in enumerate(kinds):
            name = f"x ray {99 - number}.png"
            word = covidx.CLASSES[kind == "p"]
            lines.append(f"{number} {name} {word} cohen\n")
            yield f"{covidx.TREE}/{part}/{name}", png(number + 16 * (part == "test"), (30, 24))
        yield f"{covidx.TREE}/{part}.txt", "".join(lines).encode()


def write_covidx(root, patch=None):
    for path, content in covidx_files():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def write_covidx_archive(root):
    root.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(root / covidx.ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in covidx_files():
            archive.writestr(path.removeprefix(f"{covidx.TREE}/"), content)


def write_pneumonia(root, patch=None, size=28, **changes):
    """20 training, 6 validation and 8 test images of random pixels."""
    generator = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 20), ("val", 6), ("test", 8)):
        pixels = generator.integers(0, 256, (count, size, size), dtype=np.uint8)
        arrays[f"{part}_images"] = pixels
        arrays[f"{part}_labels"] = (np.arange(count) % 3 > 0).astype(np.uint8)[:, None]
    (root / "medmnist").mkdir(parents=True, exist_ok=True)
    name = "pneumoniamnist.npz" if size == 28 else f"pneumoniamnist_{size}.npz"
    np.savez(root / "medmnist" / name, **arrays | changes)
    return arrays
