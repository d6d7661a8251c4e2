"""A training step: windows under the maxima against the dense backward pass."""

import argparse
import platform
import statistics
import time
from datetime import date

import torch
from torch.nn import functional as F

from isotrope import build_model
from isotrope.layers import GlobalMaxPool


def dense(maps, convolution):
    """What `convolution_peak` computes, with the backward pass of the convolution."""
    return GlobalMaxPool()(convolution(maps))


def dense_of_several(several, convolution):
    """What `convolution_peaks` computes, with the backward pass of the convolution."""
    return torch.stack([dense(maps, convolution) for maps in several])


def step(network, optimizer, images, labels, device):
    begin = time.perf_counter(), time.process_time()
    optimizer.zero_grad()
    F.cross_entropy(network(images), labels).backward()
    optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return wall if device.type == "cuda" else cpu


def gradients(network, images, labels):
    network.zero_grad()
    F.cross_entropy(network(images), labels).backward()
    return torch.cat([weight.grad.flatten() for weight in network.parameters()])


def compare(name, device, repeats):
    from isotrope.models import ensemble, standard

    module, used, plain = {
        "standard": (standard, "convolution_peak", dense),
        "ensemble": (ensemble, "convolution_peaks", dense_of_several),
    }[name]
    peak = getattr(module, used)
    images = torch.rand(16, 1, 64, 64, generator=torch.Generator().manual_seed(7)).to(device)
    labels = torch.arange(16).to(device)
    torch.manual_seed(1)
    network = build_model(name, image_shape=(1, 64, 64), classes=36).to(device)
    optimizer = torch.optim.Adam(network.parameters())
    found = gradients(network, images, labels)
    setattr(module, used, plain)
    expected = gradients(network, images, labels)
    error = ((found - expected).abs().max() / expected.abs().max()).item()
    times = {"peak": [], "dense": []}
    for _ in range(repeats + 2):  # in turn, so that a drift of the machine meets both
        for side, function in (("peak", peak), ("dense", plain)):
            setattr(module, used, function)
            times[side].append(step(network, optimizer, images, labels, device))
    setattr(module, used, peak)
    middle = {side: statistics.median(found[2:]) for side, found in times.items()}
    print(
        f"{name}: dense {1000 * middle['dense']:.1f} ms, peak {1000 * middle['peak']:.1f} ms, "
        f"ratio {middle['dense'] / middle['peak']:.2f}, gradients agree within {error:.0e}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(options.device)
    where = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or "CPU"
    unit = "wall time" if device.type == "cuda" else "CPU time, one thread"
    print(f"{date.today()}, {where}, torch {torch.__version__}; step of 16 images, median {unit}")
    for name in ("standard", "ensemble"):
        compare(name, device, options.repeats)


if __name__ == "__main__":
    main()
