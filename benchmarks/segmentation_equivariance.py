"""How exactly DeepLabV3+ follows circular shifts in float32, at the sizes that it is used at.

Networks of the published width, untrained, whose running statistics are those of four photographs,
of which they are tested on some. Each image is shifted, answered to, and shifted back; the largest
difference of logits is shown in units of the largest logit. A pixel whose class is another one then
disagrees; beside it stands how far its two largest logits were apart, in the same units. Where
phases are chosen, choices that do not follow the shift are counted, too, and the smallest
difference between the two largest logits of a choice is shown: what lies below rounding is a tie.
"""

import argparse
import itertools
import platform
import time
from datetime import date

import numpy as np
import skimage.data
import torch
from scaled_conv import processor
from torch import nn
from torch.nn import functional as F

from isotrope import build_model

LPS = {"downsampling": "lps", "decoder": "unpool", "decoder_antialias": "lpf3"}
STOCK = {"padding": "zeros", "head_padding": "zeros", "decoder": "bilinear"}
FILTERED = {"downsampling": "decimation", "conv1_stride": True, "filter_padding": "reflect"}
VARIANTS = {
    "LPS": LPS,
    "LPS, LPF-3": {**LPS, "antialias": "lpf3"},
    "LPS, DDAC-3": {**LPS, "antialias": "ddac3", "decoder_antialias": "ddac3"},
    "stock": {**STOCK, "downsampling": "strided"},
    "LPF-3": {**STOCK, **FILTERED, "antialias": "lpf3"},
    "DDAC-3": {**STOCK, **FILTERED, "antialias": "ddac3"},
    "APS": {"downsampling": "aps", "decoder": "bilinear"},
    "LPD only": {"downsampling": "lps", "decoder": "bilinear"},
}
HEADS = (
    *("network", "pixels a side", "classes", "largest gap", "pixels of another class"),
    *("their largest margin", "agreement, %", "choices astray", "smallest margin of a choice"),
    "seconds",
)
CLASSES = 21
SHIFTS = ((1, 1), (-7, 18), (101, -64))
SEEN = 224  # pixels a side of the images that running statistics are of
PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")


def photos(size, count):
    """Photographs as float32 ``(count, 3, size, size)`` in 0..1, scaled without their margins."""
    found = []
    for name in PHOTOS[:count]:
        image = torch.from_numpy(np.array(getattr(skimage.data, name)())).permute(2, 0, 1)
        side = min(image.shape[-2:])
        top, left = ((length - side) // 2 for length in image.shape[-2:])
        square = image[None, :, top : top + side, left : left + side].float() / 255
        scaled = F.interpolate(square, (size, size), mode="bicubic", antialias=True)
        found.append(scaled.clamp(0, 1))
    return torch.cat(found)


def network_for(size, settings, depth):
    """A network in tests, with running statistics of all photographs, sampled as in tests."""
    if settings["downsampling"] == "lps":
        settings = {**settings, "train_mode": "hard"}
    torch.manual_seed(1)
    network = build_model(
        "deeplabv3plus", (3, size, size), CLASSES, depth=depth, dropout=0.0, **settings
    )
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all batches, of which there is one
    with torch.inference_mode():
        network(photos(SEEN, len(PHOTOS)))
    return network.eval()


def margins(logits):
    """How far the two largest are apart, along the axis of classes or phases."""
    first, second = logits.topk(2, dim=1).values.unbind(dim=1)
    return first - second


def strayed(before, after, shift):
    """How many choices of phases do not follow a shift, the first of each image."""
    rows = torch.full_like(next(iter(before.values())).index, shift[0])
    columns, wrong = torch.full_like(rows, shift[1]), torch.zeros_like(rows)
    for name, one in before.items():
        row, column = one.index // 2 + rows, one.index % 2 + columns
        expected = 2 * (row % 2) + column % 2
        wrong |= (after[name].index != expected).long()
        rows, columns = row // 2, column // 2
    return int(wrong.sum())


@torch.inference_mode()
def measured(network, images):
    """Gaps and disagreements of a network over all shifts."""
    answer, chosen = network(images), {}
    scale = float(answer.abs().max())
    found = {"gap": 0.0, "pixels": 0, "wrong": 0, "margin": 0.0, "strayed": 0, "choice": None}
    found["classes"] = len(answer.argmax(dim=1).unique())
    if network.trunk.selecting():
        chosen = network.selections(images)
        smallest = [float(margins(one.logits).min()) for one in chosen.values()]
        found["choice"] = min(smallest)
    for shift in SHIFTS:
        shifted = images.roll(shift, dims=(-2, -1))
        back = network(shifted).roll([-step for step in shift], dims=(-2, -1))
        found["gap"] = max(found["gap"], float((back - answer).abs().max()) / scale)
        wrong = back.argmax(dim=1) != answer.argmax(dim=1)
        found["pixels"] += wrong.numel()
        found["wrong"] += int(wrong.sum())
        if wrong.any():
            found["margin"] = max(found["margin"], float(margins(answer)[wrong].max()) / scale)
        if chosen:
            found["strayed"] += strayed(chosen, network.selections(shifted), shift)
    return found


def row(name, size, found, seconds):
    """A row of the table."""
    choice = "-" if found["choice"] is None else f"{found['choice']:.1e}"
    strayed_too = "-" if found["choice"] is None else found["strayed"]
    share = 100 * (1 - found["wrong"] / found["pixels"])
    margin = f"{found['margin']:.1e}" if found["wrong"] else "-"
    return (
        f"| {name} | {size} | {found['classes']} | {found['gap']:.1e} | {found['wrong']:,} | "
        f"{margin} | {share:.4f} | {strayed_too} | {choice} | {seconds:.0f} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[224, 384, 512, 640])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--images", type=int, default=2, choices=range(1, len(PHOTOS) + 1))
    parser.add_argument("--depth", type=int, default=18)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--double", action="store_true", help="float64")
    asked = parser.parse_args()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    dtype = torch.float64 if asked.double else torch.float32
    place = processor() if asked.device == "cpu" else torch.cuda.get_device_name()
    print(
        f"{date.today()}, {place}, Python {platform.python_version()}, torch {torch.__version__}; "
        f"depth {asked.depth}, {str(dtype).removeprefix('torch.')}, {asked.images} photographs, "
        f"shifts {', '.join(map(str, SHIFTS))}\n"
    )
    print(f"| {' | '.join(HEADS)} |")
    print("|" + "---|" * len(HEADS))
    for size, name in itertools.product(asked.sizes, asked.variants):
        begin = time.perf_counter()
        images = photos(size, asked.images)
        network = network_for(size, VARIANTS[name], asked.depth).to(asked.device, dtype)
        found = measured(network, images.to(asked.device, dtype))
        print(row(name, size, found, time.perf_counter() - begin), flush=True)


if __name__ == "__main__":
    main()
