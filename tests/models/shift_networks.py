"""Small residual networks of the shift study, in float64, and what they are shown."""

import torch

from isotrope import build_model


def built(shape=(3, 32, 32), classes=4, seed=0, **settings):
    torch.manual_seed(seed)
    settings = {"width": 8, **settings}
    return build_model("shift_resnet", shape, classes, **settings).double()


def noise_of(network, images, seed=1):
    if not hasattr(network, "draw"):
        return ()
    return (network.draw(torch.Generator().manual_seed(seed), len(images)),)


def images_of(count=2, side=32, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, side, side, generator=generator, dtype=torch.float64)
