"""Initial weights as the author of "Deep Log-Polar Networks" draws them.

Linear layers and plain convolutions are Kaiming-normal, with torch's own biases. The same was meant
for weight-normed convolutions, but reached a tensor that is computed anew: they begin as torch
draws convolutions.
"""

from torch import nn


def drawn_linear(in_features: int, out_features: int) -> nn.Linear:
    """A linear layer with its initial weights."""
    linear = nn.Linear(in_features, out_features)
    nn.init.kaiming_normal_(linear.weight)
    return linear
