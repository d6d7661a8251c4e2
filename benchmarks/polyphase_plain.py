"""Polyphase layers as they were published, in plain operations: the other side of `polyphase.py`.

Written from the description: all phases are copied into a stack, both convolutions of the logit
network run on them, and what is kept is a product with the stack.
"""

import torch
from torch import nn
from torch.nn import functional as F


def stack_of_phases(maps, stride):
    """Shape ``(phases, batch, channels, height / stride, width / stride)``."""
    batch, channels, height, width = maps.shape
    found = F.pixel_unshuffle(maps, stride)
    found = found.view(batch, channels, stride**2, height // stride, width // stride)
    return found.permute(2, 0, 1, 3, 4)


class PlainLPD(nn.Module):
    """Learnable polyphase downsampling: Gumbel noise in training, the largest logit in tests."""

    def __init__(self, channels, hidden, stride=2):
        super().__init__()
        self.stride = stride
        around = {"padding": 1, "padding_mode": "circular"}
        self.conv1 = nn.Conv2d(channels, hidden, 3, **around)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, **around)

    def forward(self, maps, noise):
        """The maps that are kept, and what the phases weigh."""
        stack = stack_of_phases(maps, self.stride)
        found = self.conv2(self.conv1(stack.flatten(0, 1)).relu())
        logits = found.mean(dim=(1, 2, 3)).view(len(stack), -1).T
        if self.training:
            weights = (logits + noise).softmax(dim=1)
            return (stack * weights.T[:, :, None, None, None]).sum(dim=0), weights
        index = logits.argmax(dim=1)
        samples = torch.arange(len(index), device=index.device)
        return stack[index, samples], F.one_hot(index, len(stack)).to(maps.dtype)


class PlainAPS(nn.Module):
    """The phase of the largest norm."""

    def forward(self, maps):
        """The maps that are kept."""
        stack = stack_of_phases(maps, 2)
        index = stack.flatten(2).norm(dim=2).argmax(dim=0)
        return stack[index, torch.arange(len(index), device=index.device)]


def plain_up(maps, weights, stride=2):
    """Each channel once for each phase, with its weight, and a pixel shuffle."""
    repeated = maps.repeat_interleave(stride**2, dim=1)
    of_channels = weights.repeat(1, maps.shape[1])[:, :, None, None]
    return F.pixel_shuffle(repeated * of_channels, stride)
