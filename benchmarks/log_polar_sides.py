"""The sides that `log_polar.py` compares: log-polar layers and networks, forward and backward.

``plain`` is what one would write first: all samples by ``grid_sample``, one ``conv2d`` over radii
and angles of every pixel, the largest response by ``amax`` (with ``topk`` each row is turned by a
gather). ``torch`` is the form in operations of torch, ``compiled`` the kernels of a CPU,
``few launches`` the form of a GPU.
"""

from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

import torch
from torch.nn import functional as F

from isotrope.layers import LPConv, forms, log_polar_products
from isotrope.layers.log_polar_sampling import smoothed_images

SIDES = ("plain", "torch", "compiled")


class Case(NamedTuple):
    """A layer and its images."""

    batch: int = 8
    channels: int = 16
    out: int = 16
    radii: int = 12
    angles: int = 12
    size: int = 5
    tau_max: float = 8.0
    side: int = 28
    kind: str = "bilinear"
    topk: int | None = None
    backward: bool = False

    @property
    def pixels(self):
        return self.batch * self.side**2

    @property
    def floor(self):
        """Bytes of input, output, weights and indices; of their gradients too, backward."""
        slots = self.topk or 1
        moved = 4 * self.pixels * (self.channels + self.out * slots)
        weights = 4 * self.channels * self.out * self.size**2
        return (1 + self.backward) * (moved + weights) + 2 * self.pixels * self.out * slots

    @property
    def operations(self):
        """Floating point operations of the plain form's convolution, backward twice as many."""
        responses = (self.radii - self.size + 1) * self.angles
        one = 2 * self.pixels * self.channels * self.out * self.size**2 * responses
        return one * (3 if self.backward else 1)


def made(case, device, dtype):
    """The layer and its images."""
    torch.manual_seed(3)
    layer = LPConv(
        case.channels,
        case.out,
        case.size,
        ntau=case.radii,
        num_angles=case.angles,
        tau_max=case.tau_max,
        kind=case.kind,
        topk=case.topk,
    ).to(device, dtype)
    images = torch.randn(case.batch, case.channels, case.side, case.side).to(device, dtype)
    return layer, images.requires_grad_(case.backward)


def plain_samples(images, bank):
    """All samples at all pixels: ``(batch, channels, radii, angles, height, width)``."""
    height, width = images.shape[-2:]
    grid, margin = bank.grid, bank.margin
    offsets = torch.as_tensor(grid.offsets, dtype=images.dtype, device=images.device)
    rows = torch.arange(height, device=images.device) + margin
    columns = torch.arange(width, device=images.device) + margin
    y = rows[:, None] + offsets[..., 1, None, None]
    x = columns + offsets[..., 0, None, None]
    x, y = torch.broadcast_tensors(x, y)
    sides = (width + 2 * margin, height + 2 * margin)
    where = torch.stack(
        [2 * one / (side - 1) - 1 for one, side in zip((x, y), sides, strict=True)], dim=-1
    )
    found = []
    levels = torch.as_tensor(bank.levels)
    for level, maps in enumerate(smoothed_images(images, bank)):
        of_level = where[(levels == level).to(where.device)].flatten(0, 2)
        part = F.grid_sample(maps, of_level.expand(len(maps), -1, -1, -1), align_corners=True)
        found.append(part.unflatten(2, (-1, grid.num_angles, height)))
    return found[0] if len(found) == 1 else torch.cat(found, dim=2)


def plain_cylinder(samples, kernels, bias=None):
    """A convolution over radii and the circle of angles: ``(pixels, channels, radii, angles)``."""
    return F.conv2d(
        F.pad(samples, (0, kernels.shape[-1] - 1, 0, 0), mode="circular"), kernels, bias
    )


def plain_layer(layer, images):
    """What the layer computes, the obvious way."""
    samples = plain_samples(images, layer.bank)
    batch, channels, radii, angles, height, width = samples.shape
    pixels = samples.permute(0, 4, 5, 1, 2, 3).reshape(-1, channels, radii, angles)
    found = plain_cylinder(pixels, layer.weight)
    if layer.kept.topk is None:
        kept = found.amax(dim=(2, 3))[..., None]
    else:  # all angles remain: a turn of every row
        order = found.argmax(dim=-1, keepdim=True) + torch.arange(angles, device=found.device)
        kept = found.gather(-1, order % angles).amax(dim=2)
    return kept.view(batch, height, width, -1).permute(0, 3, 1, 2)


@contextmanager
def form_of(side):
    """Let layers on a CPU take one form."""
    if side == "few launches":
        with forms.like_a_gpu():
            yield
    elif side == "torch":
        with mock.patch.object(log_polar_products, "_compiled", return_value=None):
            yield
    else:
        yield


def layer_pass(case, side, device, dtype, autocast=None):
    """A function that computes one pass and returns its values and gradients."""
    layer, images = made(case, device, dtype)

    def respond():
        with torch.autocast(device.type, autocast, enabled=autocast is not None):
            return plain_layer(layer, images) if side == "plain" else layer(images)

    def run():
        with form_of(side):
            if not case.backward:
                with torch.no_grad():
                    return [respond()]
            found = respond()
            inputs = [images, *layer.parameters()]
            return [found.detach(), *torch.autograd.grad(found.float().square().mean(), inputs)]

    return run


def plain_block(block, maps):
    """A block of an `lp_resnet`, its samples and responses held whole."""
    samples = plain_samples(maps, block.bank)
    channels, radii, angles, height, width = samples.shape[1:]
    trim = block.trim if min(height, width) > 2 * block.trim else 0
    rows, columns = slice(trim, height - trim), slice(trim, width - trim)
    pixels = samples[..., rows, columns].permute(0, 4, 5, 1, 2, 3)
    shape = pixels.shape[:3]
    pixels = pixels.reshape(-1, channels, radii, angles)
    found = block.act(block.norm1(plain_cylinder(pixels, block.conv1.kernels, block.conv1.bias)))
    found = plain_cylinder(found, block.conv2.kernels, block.conv2.bias).amax(dim=(2, 3))
    found = block.norm2(found.view(*shape, -1).permute(0, 3, 1, 2))
    return block.act(found + block._widened(maps[..., rows, columns]))


def plain_network(network, images):
    """The logits of an `lp_resnet` without dropout, a border or what is outside."""
    maps = network.act(network.conv(images))
    for block in network.blocks:
        maps = plain_block(block, maps)
    return network.lin(network.features(maps))
