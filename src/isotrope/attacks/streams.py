"""Random numbers of attacks: one stream for each image, computed where the images are.

Number ``i`` of a stream is a hash of the seed, the number of the image, the purpose and ``i``. So
nothing that is drawn for an image depends on the batch that it is in, on the order of calls or on
the device.

Source of the hash: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA
2014 (SplitMix64), in int64, whose products wrap as unsigned ones do.
"""

import hashlib
import math
import struct
from collections.abc import Sequence

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64
_WORD = 64  # bits of a number
_DIGITS = {torch.float64: 53, torch.float32: 24}  # bits that a type holds exactly


def mixed(numbers: Tensor) -> Tensor:
    """A hash of whole numbers of 64 bits."""
    numbers = (numbers ^ _shifted(numbers, 30)) * _FIRST
    numbers = (numbers ^ _shifted(numbers, 27)) * _SECOND
    return numbers ^ _shifted(numbers, 31)


def _shifted(numbers: Tensor, by: int) -> Tensor:
    """To the right; zeros come in from the left, whatever the sign."""
    return (numbers >> by) & ((1 << (_WORD - by)) - 1)


def _hash_of(path: Sequence[int]) -> int:
    """A hash of a path, as a signed number of 64 bits."""
    packed = struct.pack(f"<{len(path)}q", *path)
    return int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little", signed=True)


class Streams:
    """A stream of random numbers for each image.

    Each method takes a path of whole numbers (purpose, restart, step, ...); the same path gives the
    same numbers, another path others.

    Args:
        seed: of the attack.
        numbers: of the images in their split.
        device: where the numbers are made.
        dtype: of the numbers, float32 or float64.
    """

    def __init__(
        self,
        seed: int,
        numbers: Sequence[int] | Tensor,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        of_seed = mixed(torch.tensor([seed], dtype=torch.int64) + _GOLDEN)
        of_image = torch.as_tensor(numbers, dtype=torch.int64).cpu()
        self._keys = mixed(mixed(of_image * _GOLDEN + 1) ^ of_seed).to(device)
        self._dtype = dtype

    def only(self, places: Tensor) -> "Streams":
        """The streams of some images, by their places in the batch."""
        found = object.__new__(Streams)
        found._keys, found._dtype = self._keys[places], self._dtype
        return found

    def words(self, count: int, *path: int, first: int = 0) -> Tensor:
        """Whole numbers of 64 bits, int64 ``(batch, count)``, from a place in the stream on."""
        keys = mixed(self._keys ^ _hash_of(path))
        places = torch.arange(first + 1, first + count + 1, device=keys.device) * _GOLDEN
        return mixed(keys[:, None] + places)

    def uniform(self, count: int, *path: int) -> Tensor:
        """Uniform in 0..1, never 1, ``(batch, count)``."""
        digits = _DIGITS[self._dtype]
        drawn = _shifted(self.words(count, *path), _WORD - digits)
        return drawn.to(self._dtype).mul_(2.0**-digits)

    def normal(self, count: int, *path: int) -> Tensor:
        """Standard normal (Box and Muller), ``(batch, count)``."""
        half = (count + 1) // 2
        drawn = self.uniform(2 * half, *path)
        radius = (-2 * (1 - drawn[:, :half]).log()).sqrt()
        angle = drawn[:, half:] * (2 * math.pi)
        return torch.cat((radius * angle.cos(), radius * angle.sin()), dim=1)[:, :count]

    def signs(self, count: int, *path: int) -> Tensor:
        """-1 or 1, as probable, ``(batch, count)``; 64 from each hash."""
        return self.rows_of_signs(0, 1, count, *path)[:, 0]

    def rows_of_signs(self, first: int, rows: int, count: int, *path: int) -> Tensor:
        """Several rows of `signs`, from a row on, ``(batch, rows, count)``."""
        of_row = -(-count // _WORD)
        words = self.words(rows * of_row, *path, first=first * of_row)
        bits = (words[:, :, None] >> torch.arange(_WORD, device=words.device)) & 1
        return bits.view(-1, rows, of_row * _WORD)[:, :, :count].to(self._dtype) * 2 - 1


def whole(uniform: Tensor, below: int) -> Tensor:
    """Whole numbers from 0 to ``below - 1``, int64, made of uniform ones."""
    return (uniform * below).long().clamp_(max=below - 1)
