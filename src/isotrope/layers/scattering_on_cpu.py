"""The scattering transform and its gradients on a CPU, some images at a time.

Only the Fourier transforms are torch's; all products are compiled (`scattering_kernels`). Images
and wavelets are treated in groups that fit the cache, and what a wavelet lets through is kept at
its own resolution.
"""

import torch
from torch import Tensor

from isotrope.layers.scattering_groups import first_wavelets, groups
from isotrope.layers.scattering_sizes import reflected
from isotrope.layers.scattering_steps import Numbers, Step
from isotrope.layers.scattering_transform import Layout, order_zero, padded
from isotrope.layers.scattering_wavelets import Bank, Banks, Known

# Complex numbers that a forward pass keeps for its backward pass, at most
_KEPT = 2**24
_KEPT_OF_A_PIXEL = 34  # of padded images: all, if there are two scales


class Store:
    """What a forward pass keeps for its backward pass, which takes it away.

    What would be too much is not kept, and the backward pass computes it again. Of a stack of
    transforms each row has a store of its own.
    """

    def __init__(self) -> None:
        self.steps: list[Numbers | None] = []
        self._rows: dict[int, Store] = {}

    def row(self, number: int) -> "Store":
        """The store of one transform of a stack."""
        return self._rows.setdefault(number, Store())

    def taken(self) -> list[Numbers | None]:
        """What is kept, by steps, once."""
        found, self.steps = self.steps, []
        return found


def forward(
    images: Tensor,
    banks: Banks,
    layout: Layout,
    store: Store | None,
    *,
    trimmed: bool,
    known: Known | None = None,
) -> Tensor:
    """All coefficients: ``(count, paths, places, places)``.

    Args:
        images: ``(count, height, width)``.
        banks: `isotrope.layers.scattering_transform.copies`.
        layout: what the transform is.
        store: takes what the backward pass needs, if it is not too much; or None.
        trimmed: whether to leave out what is as good as zero.
        known: `Bank`.
    """
    bank = Bank(banks, trimmed=trimmed, known=known)
    zero = order_zero(images, layout)
    found = images.new_empty(len(images), layout.paths, *zero.shape[1:])
    found[:, 0] = zero
    pixels = len(images) * layout.rows.padded * layout.columns.padded
    left = 0 if store is None else min(_KEPT, _KEPT_OF_A_PIXEL * pixels)
    steps: list[Numbers | None] = []
    for some in groups(len(images), layout):
        spectra = torch.fft.fft2(padded(images[some], layout))
        for group in first_wavelets(len(spectra), layout):
            step = Step(spectra, bank, layout, group)
            kept = step.size() <= left
            left -= step.size() if kept else 0
            steps.append(step.forward(found[some], kept=kept))
    if store is not None:
        store.steps = steps
    return found


def backward(
    gradient: Tensor,
    images: Tensor,
    banks: Banks,
    layout: Layout,
    store: Store,
    *,
    trimmed: bool,
    of_images: bool,
) -> tuple[Tensor | None, list[Tensor]]:
    """The gradients of images, where wanted, and banks; arguments as of `forward`."""
    bank = Bank(banks, trimmed=trimmed)
    steps = store.taken()[::-1]
    found = torch.empty_like(images) if of_images else None
    for some in groups(len(images), layout):
        spectra = torch.fft.fft2(padded(images[some], layout))
        back = torch.zeros_like(spectra) if of_images else None
        for group in first_wavelets(len(spectra), layout):
            known = steps.pop() if steps else None
            Step(spectra, bank, layout, group).backward(gradient[some], known, back)
            del known
        if found is not None and back is not None:
            real = torch.fft.ifft2(back, norm="forward").real
            found[some] = _unpadded(real, layout) + _of_order_zero(gradient[some, 0], layout)
    return found, bank.gradients()


def _unpadded(gradient: Tensor, layout: Layout) -> Tensor:
    """The gradients of images from those of padded ones."""
    for dim, side in ((-2, layout.rows), (-1, layout.columns)):
        shape = list(gradient.shape)
        shape[dim] = side.length
        into = gradient.new_zeros(shape)
        gradient = into.index_add_(dim, reflected(side, gradient.device), gradient)
    return gradient


def _of_order_zero(gradient: Tensor, layout: Layout) -> Tensor:
    """The gradients of images from those of their averages."""
    images = gradient.new_zeros(len(gradient), layout.rows.length, layout.columns.length)
    with torch.enable_grad():
        images.requires_grad_()
        found = order_zero(images, layout)
    return torch.autograd.grad(found, images, gradient)[0]
