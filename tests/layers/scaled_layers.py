"""Scaled convolutions and images for tests, in float64."""

import torch

from isotrope.layers import SiConv2d

EXACT = {"rtol": 0, "atol": 1e-11}  # float64 over some hundred terms of order one


def layer(*arguments, seed=0, **options):
    torch.manual_seed(seed)
    return SiConv2d(*arguments, **options).double()


def images(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
