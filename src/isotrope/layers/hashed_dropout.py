"""Dropout by a hash of each element's place, so that a pass computed twice drops the same.

The hash is the integer finaliser of C. Wellons' "hash prospector" (lowbias32, 2018, public domain),
computed in int64, whose low 32 bits are those of an unsigned product.
"""

import torch
from torch import Tensor, nn

_MASK = 0xFFFFFFFF


def mixed(numbers: Tensor) -> Tensor:
    """A hash of whole numbers of 32 bits, kept in int64."""
    numbers = (numbers ^ (numbers >> 16)) * 0x7FEB352D & _MASK
    numbers = (numbers ^ (numbers >> 15)) * 0x846CA68B & _MASK
    return numbers ^ (numbers >> 16)


def kept(places: Tensor, key: Tensor, share: float) -> Tensor:
    """Which places are kept if a share of them, from 0 to 1, is dropped by a key.

    Shapes:
        places: int64 of any shape, of 32 bits
        key: int64 ``()``, of 32 bits
        output: bool, as ``places``
    """
    return mixed(mixed(places) ^ key) >= round(share * 2**32)


def key_of(dropout: nn.Module, like: Tensor) -> Tensor | None:
    """A key for one run of a dropout module, or None if it drops nothing now.

    A module that has keys of its own gives one by ``next_key()``; for ``nn.Dropout`` it is drawn.

    Args:
        dropout: ``nn.Dropout``, or what training put into its place.
        like: a tensor on the device that computes.
    """
    if not dropout.training or share_of(dropout) == 0:
        return None
    if isinstance(dropout, nn.Dropout):
        return torch.randint(2**32, (), device=like.device)
    key: Tensor = dropout.next_key()  # type: ignore[operator]
    return key


def share_of(dropout: nn.Module) -> float:
    """How many elements a dropout module sets to zero, from 0 to 1."""
    return float(dropout.p if isinstance(dropout, nn.Dropout) else dropout.share)  # type: ignore[arg-type]


def dropped(values: Tensor, rows: Tensor, key: Tensor, share: float) -> Tensor:
    """Values of which some are zero, the others grown by ``1 / (1 - share)``.

    Shapes:
        values: ``(rows, ...)``, a part of all rows that there are
        rows: int64 ``(rows,)``, their numbers among all
        key: int64 ``()``, of 32 bits
    """
    volume = values[0].numel()
    inner = torch.arange(volume, device=values.device)
    keep = kept(rows[:, None] * volume + inner & _MASK, key, share).view(values.shape)
    grown = 1 / (1 - share) if share < 1 else 0.0
    return values * (keep * grown).to(values.dtype)
