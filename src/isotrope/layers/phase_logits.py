"""What a phase is worth: networks whose answer to a phase is the same wherever it has rolled to.

Each gives a number for each candidate of the maps, from the same weights. Which of them is the
largest then follows a shift of the maps. Source: Rojas-Gomez, Lim, Schwing, Do and Yeh, "Learnable
Polyphase Sampling for Shift Invariant and Equivariant Convolutional Networks", NeurIPS 2022,
https://arxiv.org/abs/2210.08001, with the parameters and their first draw as published.

Differs from the source in the way, not in the numbers: with a circular border the first convolution
runs once on the undivided maps, and the second one with the mean over all positions (and channels)
is a product with the sums of its kernels (`candidate_means`). With another border the second
convolution is computed, and where only its mean over channels counts, with the mean of its kernels.
With a border of zeros (as some published models have it) or another one the numbers do not follow
a shift exactly. All that follows the convolutions is computed in float32 at least.

Every network takes ``(batch, channels, height, width)`` and gives ``(batch, phases)``.
"""

from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.autocasting import without_autocast
from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.candidate_means import (
    candidate_means,
    dilated,
    exact_type,
    rectified_means,
)
from isotrope.layers.phases import phases
from isotrope.layers.stackable_convolution import correlate
from isotrope.layers.wrapping import PaddedConv2d, PaddingMode, padded

Logits = Literal["convolutions", "skip", "attention", "attention_bn", "graph", "perceptron"]


def phase_logits(
    name: Logits, channels: int, hidden: int, stride: int, padding_mode: PaddingMode
) -> nn.Module:
    """A network that gives each phase its logit.

    Args:
        name: of the network.
        channels: of the maps.
        hidden: channels within the network; the perceptron has none.
        stride: in pixels.
        padding_mode: the border of each phase.

    Raises:
        ValueError: if the name or the border is unknown, or a skip has other channels to add to.
    """
    if name == "convolutions":
        return Convolutions(channels, hidden, stride, padding_mode)
    if name == "skip":
        return Skip(channels, hidden, stride, padding_mode)
    if name in ("attention", "attention_bn"):
        return Attention(channels, hidden, stride, padding_mode, normalised=name[-2:] == "bn")
    if name == "graph":
        return Graph(channels, hidden, stride, padding_mode)
    if name == "perceptron":
        return Perceptron(channels, stride)
    raise ValueError(f"logits must be one of {', '.join(get_args(Logits))}, got '{name}'")


class Convolutions(nn.Module):
    """Two 3 x 3 convolutions with a ReLU between, and the mean of all that they answer.

    Args:
        channels: of the maps.
        hidden: channels of both convolutions.
        stride: in pixels.
        padding_mode: the border of each phase.
        normalised: whether batch normalisation follows the ReLU; the first convolution then has no
            bias. It sees all phases of a batch at once.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        stride: int,
        padding_mode: PaddingMode = "circular",
        *,
        normalised: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.mode = stride, padding_mode
        self.conv1 = PaddedConv2d(
            channels, hidden, 3, bias=not normalised, padding_mode=padding_mode
        )
        self.norm = BatchNorm2d(hidden) if normalised else None
        self.conv2 = PaddedConv2d(hidden, hidden, 3, padding_mode=padding_mode)

    def forward(self, maps: Tensor) -> Tensor:
        """The mean over positions and channels."""
        kernels, bias = (one.mean(dim=0, keepdim=True) for one in self.conv2.parameters())
        return self._second(maps, kernels, bias).squeeze(-1)

    def means(self, maps: Tensor) -> Tensor:
        """The means over positions: ``(batch, phases, hidden)``."""
        return self._second(maps, *self.conv2.parameters())

    def _second(self, maps: Tensor, kernels: Tensor, bias: Tensor) -> Tensor:
        if self.mode != "circular":
            found = correlate(padded(self._first(maps), (1,) * 4, self.mode), kernels, bias)
            return _means(found, maps.shape[0])
        if self.norm is None:
            means = rectified_means(self.conv1, maps, self.stride)
        elif self._divides(maps):
            found = self.norm(dilated(self.conv1, maps, self.stride, "circular").relu())
            means = candidate_means(found, self.stride)
        else:
            means = _means(self._first(maps), maps.shape[0])
        with without_autocast(maps.device.type):
            sums = kernels.to(means.dtype).sum(dim=(-2, -1))
            return F.linear(means, sums, bias.to(means.dtype))

    def _first(self, maps: Tensor) -> Tensor:
        """What the second convolution sees of each candidate: ``(batch * phases, hidden, ...)``."""
        if self.mode == "zeros" and self._divides(maps):
            found = phases(dilated(self.conv1, maps, self.stride, "zeros").relu(), self.stride)
            found = found.flatten(0, 1)
        else:
            found = self.conv1(phases(maps, self.stride).flatten(0, 1)).relu()
        if self.norm is not None:
            found = self.norm(found)
        return found

    def _divides(self, maps: Tensor) -> bool:
        return maps.shape[-2] % self.stride == maps.shape[-1] % self.stride == 0


class Skip(Convolutions):
    """As `Convolutions`, with the maps added to the answer of the second one.

    Raises:
        ValueError: if there are not as many hidden channels as those of the maps.
    """

    def __init__(
        self, channels: int, hidden: int, stride: int, padding_mode: PaddingMode = "circular"
    ) -> None:
        if hidden != channels:
            raise ValueError(
                f"the skip adds maps to hidden channels, got {channels} channels and {hidden} "
                "hidden ones"
            )
        super().__init__(channels, hidden, stride, padding_mode)

    def forward(self, maps: Tensor) -> Tensor:
        """The mean over positions and channels."""
        return super().forward(maps) + candidate_means(maps, self.stride).mean(dim=-1)


class Attention(nn.Module):
    """Phases that attend to each other, by two of three pairs of convolutions.

    The products of the means of ``phi`` and ``psi`` say by softmax how much of each phase's mean of
    ``beta`` a phase takes.

    Args:
        channels: of the maps.
        hidden: channels of the convolutions.
        stride: in pixels.
        padding_mode: the border of each phase.
        normalised: whether each first convolution is followed by batch normalisation.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        stride: int,
        padding_mode: PaddingMode = "circular",
        *,
        normalised: bool = False,
    ) -> None:
        super().__init__()
        self.phi, self.psi, self.beta = (
            Convolutions(channels, hidden, stride, padding_mode, normalised=normalised)
            for _ in range(3)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """What each phase takes of all."""
        phi, psi, beta = self.phi.means(maps), self.psi.means(maps), self.beta(maps)
        with without_autocast(maps.device.type):
            found: Tensor = (phi @ psi.mT).softmax(dim=-1) @ beta[..., None]
        return found.squeeze(-1)


class Graph(nn.Module):
    """A network on the graph of all phases, each of which hears of every one, itself included.

    A node is the mean of the ReLU of a 3 x 3 convolution. An edge sees sender and receiver; a node
    takes the mean of what its edges say. The published description leaves open what lies between
    the two layers at a node: here it is a ReLU.

    Args:
        channels: of the maps.
        hidden: channels of the convolution and of all layers.
        stride: in pixels.
        padding_mode: the border of each phase.
    """

    def __init__(
        self, channels: int, hidden: int, stride: int, padding_mode: PaddingMode = "circular"
    ) -> None:
        super().__init__()
        self.stride, self.mode = stride, padding_mode
        self.conv = PaddedConv2d(channels, hidden, 3, padding_mode=padding_mode)
        self.edge1, self.edge2 = nn.Linear(2 * hidden, hidden), nn.Linear(hidden, hidden)
        self.node1, self.node2 = nn.Linear(hidden, hidden), nn.Linear(hidden, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """The answer of each node."""
        nodes = self._nodes(maps)
        with without_autocast(maps.device.type):
            weight, bias = (one.to(nodes.dtype) for one in (self.edge1.weight, self.edge1.bias))
            of_sender, of_receiver = weight.chunk(2, dim=-1)
            senders, receivers = F.linear(nodes, of_sender), F.linear(nodes, of_receiver, bias)
            edges = (senders[:, :, None] + receivers[:, None]).relu()
            heard = _linear(self.edge2, edges).relu().mean(dim=1)
            return _linear(self.node2, _linear(self.node1, heard).relu()).squeeze(-1)

    def _nodes(self, maps: Tensor) -> Tensor:
        divided = maps.shape[-2] % self.stride == maps.shape[-1] % self.stride == 0
        if self.mode == "circular":
            return rectified_means(self.conv, maps, self.stride)
        if self.mode == "zeros" and divided:
            found = dilated(self.conv, maps, self.stride, "zeros").relu()
            return candidate_means(found, self.stride)
        found = self.conv(phases(maps, self.stride).flatten(0, 1)).relu()
        return _means(found, maps.shape[0])


class Perceptron(nn.Module):
    """One weight for each channel: the mean of a 1 x 1 convolution with one output.

    Args:
        channels: of the maps.
        stride: in pixels.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(channels, 1, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """The weighted mean of each phase."""
        means = candidate_means(maps, self.stride)
        with without_autocast(maps.device.type):
            weight, bias = (one.to(means.dtype) for one in self.conv.parameters())
            found = F.linear(means, weight.flatten(1), bias)
        return found.squeeze(-1)


def _linear(layer: nn.Linear, values: Tensor) -> Tensor:
    return F.linear(values, layer.weight.to(values.dtype), layer.bias.to(values.dtype))


def _means(found: Tensor, batch: int) -> Tensor:
    """Means over positions, of candidates that lie one after the other in the batch."""
    means = found.mean(dim=(-2, -1), dtype=exact_type(found.dtype))
    return means.view(batch, -1, means.shape[-1])
