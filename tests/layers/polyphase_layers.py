"""Layers that sample by phases, what they are shown, and a network behind them."""

import math
from typing import get_args

import torch
from torch import nn

from isotrope.layers import APS, LPD
from isotrope.layers.phase_logits import Logits
from isotrope.layers.wrapping import PaddedConv2d

NAMES = get_args(Logits)


class Blur(nn.Module):
    """A small filter of stride 1 whose border goes around."""

    def forward(self, maps):
        return (2 * maps + maps.roll(1, -1) + maps.roll(-1, -2)) / 4


def made(kind, stride, **settings):
    if kind in NAMES:
        return LPD(4, stride=stride, logits=kind, **settings)
    return APS(stride=stride, norm={"aps": 2, "aps1": 1, "aps_inf": math.inf}[kind], **settings)


def drawn(kind, seed, size, stride, **settings):
    torch.manual_seed(seed)
    layer = made(kind, stride, **settings).double().eval()
    return layer, torch.randn(2, 4, *size, dtype=torch.float64)


def margin(selection):
    """By how much the chosen phase is ahead: what is less than rounding is a tie."""
    best = selection.logits.topk(2, dim=-1).values
    return (best[:, 0] - best[:, 1]).min()


def pooled(maps):
    """What a network answers after one more convolution and the mean over all positions."""
    torch.manual_seed(0)
    layer = PaddedConv2d(maps.shape[1], 8, 3).to(maps)
    return layer(maps).relu().mean(dim=(-2, -1))
