"""Convolutions with one kernel at several sizes, in columns that do not mix.

Source: Xu, Xiao, Zhang, Yang and Zhang, "Scale-Invariant Convolutional Neural Networks", 2014,
https://arxiv.org/abs/1411.6369.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.forms import few_launches
from isotrope.layers.peak_convolution import largest, responses_at
from isotrope.layers.stackable_convolution import correlate, correlate_with_all


class ColumnConv2d(nn.Module):
    """Correlate an image with the kernel of each column, or each column's map with its own.

    The kernel of a column is ``matrix @ weight @ matrix.T``, times what gives each of its filters
    the L1 norm that the filter has in ``weight``. Zeros are around the input, so that it keeps its
    size; there are no biases. Weights begin as those of ``nn.Conv2d``.

    Shapes:
        input: ``(batch, in_channels, height, width)``, or
            ``(batch, in_channels, columns, height, width)``
        output: ``(batch, out_channels, columns, height, width)``

    Args:
        in_channels: channels of the input to one column.
        out_channels: channels of the output of one column.
        ratios: for each column the numerators of its matrix, whole numbers of shape
            ``(size, kernel_size)`` with the same odd ``size`` for all, and their denominator.
    """

    numerators: Tensor
    denominators: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, ratios: Sequence[tuple[Tensor, int]]
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        filled = [(above != 0).any(dim=1).nonzero().flatten().tolist() for above, _ in ratios]
        self.extents = [(rows[0], rows[-1] + 1) for rows in filled]  # outside are only zeros
        # whole numbers, because a change of the module's dtype would round anything else
        device = torch.get_default_device()
        numerators = torch.stack([above for above, _ in ratios]).to(device)
        denominators = torch.tensor([below for _, below in ratios])[:, None, None]
        self.register_buffer("numerators", numerators, persistent=False)
        self.register_buffer("denominators", denominators, persistent=False)
        self.size, side = numerators.shape[1:]
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, side, side))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights."""
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def kernels(self) -> Tensor:
        """Shape ``(out_channels, in_channels, columns, size, size)``."""
        dtype = torch.promote_types(self.weight.dtype, torch.float32)
        weight = self.weight.to(dtype)[:, :, None]
        planes = self.numerators[:, :, None, :, None] * self.numerators[:, None, :, None, :]
        planes = planes.to(dtype) / self.denominators.square()[..., None, None]
        resized = weight.flatten(2) @ planes.view(-1, weight[0, 0].numel()).T
        resized = resized.view(*weight.shape[:2], -1, self.size, self.size)
        norms, found = (
            torch.linalg.vector_norm(kernel, 1, dim=(-2, -1), keepdim=True)
            for kernel in (weight, resized)
        )
        kernels: Tensor = (resized * (norms / found)).to(self.weight.dtype)
        return kernels

    def forward(self, maps: Tensor) -> Tensor:
        """The responses of every column."""
        kernels = self.kernels()
        if few_launches(maps) and maps.ndim == 4:  # one convolution, zeros included
            return correlate_with_all(maps, kernels, None, [self.size // 2] * 2)
        return torch.stack(self._responses(maps, kernels), dim=2)

    def peak(self, maps: Tensor) -> Tensor:
        """The largest response of each channel in any column, cheap to differentiate.

        The same as the maximum over the last three dimensions of ``forward``, up to rounding.

        Shapes:
            maps: ``(batch, in_channels, columns, height, width)``
            output: ``(batch, out_channels)``
        """
        kernels = self.kernels()
        with torch.no_grad():
            found = [largest(one) for one in self._responses(maps, kernels)]
            values, top, left = (torch.stack(one) for one in zip(*found, strict=True))
            column = values.argmax(dim=0, keepdim=True)
            top, left = top.gather(0, column)[0], left.gather(0, column)[0]
        return responses_at(maps, kernels, column[0], top, left, [self.size // 2] * 4)

    def _responses(self, maps: Tensor, kernels: Tensor) -> list[Tensor]:
        """The responses of each column by itself; the zeros around its kernel are left out."""
        if few_launches(maps):
            return self._responses_of_padded(F.pad(maps, [self.size // 2] * 4), kernels)
        found = []
        for place, (first, end) in enumerate(self.extents):
            seen = maps if maps.ndim == 4 else maps[:, :, place]
            before, after = self.size // 2 - first, end - 1 - self.size // 2
            kernel = kernels[:, :, place, first:end, first:end]
            if before == after:
                found.append(F.conv2d(seen, kernel, padding=before))
            else:
                found.append(F.conv2d(F.pad(seen, [before, after] * 2), kernel))
        return found

    def _responses_of_padded(self, maps: Tensor, kernels: Tensor) -> list[Tensor]:
        """The same, of maps with all zeros around that the largest column needs."""
        found = []
        height, width = (side - self.size for side in maps.shape[-2:])
        for place, (first, end) in enumerate(self.extents):
            seen = maps if maps.ndim == 4 else maps[:, :, place]
            seen = seen[..., first : end + height, first : end + width]
            found.append(correlate(seen, kernels[:, :, place, first:end, first:end]))
        return found

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        columns = len(self.extents)
        return f"{self.in_channels}, {self.out_channels}, columns={columns}, size={self.size}"
