"""Activations by the names that param-files use."""

from typing import Literal

from torch import nn

Activation = Literal["relu", "leaky_relu", "elu", "silu", "gelu", "sigmoid", "tanh", "none"]

_KINDS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "none": nn.Identity,
}


def activation(name: Activation) -> nn.Module:
    """The activation of this name."""
    return _KINDS[name]()
