"""Down- and up-sampling that follow shifts: the phase that is kept depends on what it holds.

`LPD` learns which phase of the maps it keeps, `APS` keeps the one of the largest norm; `LPU` and
`APSUp` put maps back to where they came from. Sources: Rojas-Gomez, Lim, Schwing, Do and Yeh,
"Learnable Polyphase Sampling for Shift Invariant and Equivariant Convolutional Networks", NeurIPS
2022, https://arxiv.org/abs/2210.08001, and Chaman and Dokmanic, "Truly shift-invariant
convolutional neural networks", CVPR 2021, https://arxiv.org/abs/2011.14214.

In the mode ``hard`` and with circular borders, a circular shift of the maps by any whole number of
pixels shifts what is kept by whole pixels of it: the mean over all positions stays, and up-sampled
maps shift as the maps do. Of a mixture (``convex``) only the mean stays: a shift rolls some of its
phases further than others.

Where logits tie, up to rounding, the phase of the largest norm is kept, which follows a shift as
well. They do tie: a narrow logit network whose units are all silent gives every phase the same
logit. The published code takes the first phase there, and is not exact.

Differs from the sources: any stride from 2 on. Sides that the stride does not divide are a mistake
by default; the published zeros at the right and bottom lose exactness (``zeros``), candidates that
begin at every position and go around the edge do not (``wrap``). A temperature near 0 is no
division by 0. Logits, norms and choices are computed in float32 at least.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.candidate_means import candidate_means, exact_type
from isotrope.layers.downsampling import Downsampling, Selection, checked_stride
from isotrope.layers.phase_choice import TestMode, TrainMode, hardest, selected
from isotrope.layers.phase_logits import Logits, phase_logits
from isotrope.layers.phases import phases, placed, taken
from isotrope.layers.wrapping import PaddingMode

SelectFrom = Literal["filtered", "unfiltered"]
Indivisible = Literal["error", "wrap", "zeros"]


class _Selecting(Downsampling):
    """Downsampling by a phase that the maps choose themselves.

    Args:
        stride: in pixels.
        antialias: filters the maps before, at their full size.
        select_from: whether ``filtered`` or ``unfiltered`` maps choose; the filtered are kept.
        indivisible: what happens to sides that the stride does not divide.
    """

    def __init__(
        self,
        stride: int,
        antialias: nn.Module | None,
        select_from: SelectFrom,
        indivisible: Indivisible,
    ) -> None:
        super().__init__(stride)
        _check_word("select_from", select_from, SelectFrom)
        _check_word("indivisible", indivisible, Indivisible)
        self.antialias, self.select_from, self.indivisible = antialias, select_from, indivisible

    def down(
        self, maps: Tensor, selection: Selection | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Selection]:
        """The maps that were kept, and what was selected.

        Args:
            maps: what is sampled.
            selection: of another layer, taken instead of an own one.
            noise: standard Gumbel numbers of shape ``(batch, phases)`` for a mode that draws; left
                out, they come from torch's own generator.
        """
        filtered = maps if self.antialias is None else self.antialias(maps)
        kept = self._fitting(filtered)
        if selection is None:
            given = kept if self.select_from == "filtered" else self._fitting(maps)
            selection = self._selection(given, noise)
        return taken(kept, selection, self.stride), selection

    @abstractmethod
    def _selection(self, maps: Tensor, noise: Tensor | None) -> Selection:
        """What these maps choose."""

    def _fitting(self, maps: Tensor) -> Tensor:
        height, width = maps.shape[-2:]
        down, right = -height % self.stride, -width % self.stride
        if self.indivisible == "wrap" or down == right == 0:
            return maps
        if self.indivisible == "zeros":
            return F.pad(maps, (0, right, 0, down))
        raise ValueError(
            f"a stride of {self.stride} does not divide maps of {height} x {width} pixels, whose "
            "phases would not follow a shift; take images of another size, or say indivisible="
            "'wrap' (exact, slower) or 'zeros' (as published, not exact)"
        )


class LPD(_Selecting):
    """Learnable polyphase downsampling: a network scores each phase, and the best one is kept.

    In training the default is a mixture with Gumbel noise at a temperature, in evaluation the
    phase of the largest logit. Modes:

    * ``gumbel``: mixture by ``softmax((logits + noise) / gumbel_tau)``
    * ``straight_through``: the largest of these alone, with the gradient of the mixture
    * ``convex``: mixture by ``softmax(logits / gumbel_tau)``
    * ``hard``: the largest logit, of several the one whose phase has the largest norm; the network
      that scores then has no gradient

    With ``indivisible="wrap"`` and a circular border, a side of n pixels that the stride does not
    divide has n candidates of ``ceil(n / stride)`` pixels. What is kept then does not even roll.
    Scores cost three convolutions of the maps for each such side instead of one, a mixture the
    product with a matrix of all candidates; another border costs a convolution of each candidate.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels, ceil(height / stride), ceil(width / stride))``

    Args:
        channels: of the maps.
        hidden: channels within the network that scores; by default those of the maps.
        stride: in pixels.
        logits: the network that scores: ``convolutions``, ``skip``, ``attention``,
            ``attention_bn``, ``graph`` or ``perceptron``.
        padding_mode: the border that the network puts around each phase.
        antialias: filters the maps before, at their full size.
        select_from: whether ``filtered`` or ``unfiltered`` maps are scored.
        train_mode: ``gumbel``, ``straight_through``, ``convex`` or ``hard``.
        test_mode: ``hard``, ``convex`` or ``gumbel``.
        indivisible: ``error``, ``wrap`` or ``zeros``, for sides that the stride does not divide.

    Attributes:
        component_selection: the network that scores; published without weight decay.
        gumbel_tau: the temperature, a buffer.

    Raises:
        ValueError: if a word is unknown, or the maps do not fit the stride.
    """

    gumbel_tau: Tensor

    def __init__(
        self,
        channels: int,
        hidden: int | None = None,
        *,
        stride: int = 2,
        logits: Logits = "convolutions",
        padding_mode: PaddingMode = "circular",
        antialias: nn.Module | None = None,
        select_from: SelectFrom = "filtered",
        train_mode: TrainMode = "gumbel",
        test_mode: TestMode = "hard",
        indivisible: Indivisible = "error",
    ) -> None:
        super().__init__(stride, antialias, select_from, indivisible)
        _check_word("train_mode", train_mode, TrainMode)
        _check_word("test_mode", test_mode, TestMode)
        self.train_mode, self.test_mode = train_mode, test_mode
        self.component_selection = phase_logits(
            logits, channels, hidden or channels, stride, padding_mode
        )
        self.register_buffer("gumbel_tau", torch.tensor(1.0))

    def _selection(self, maps: Tensor, noise: Tensor | None) -> Selection:
        logits = self.component_selection(maps)
        mode = self.train_mode if self.training else self.test_mode
        if mode == "hard":
            return hardest(logits, _norms(maps, self.stride))
        return selected(logits, mode, self.gumbel_tau, noise)


class LPU(nn.Module):
    """Learnable polyphase upsampling: maps go back to the places that `LPD` took them from.

    All other places hold zeros. A filter that follows should therefore have a gain of
    ``stride**2``; without one most of the output is zero. A mixture goes to each place with its
    weight.

    Args:
        stride: that of the `LPD`, in pixels.
        antialias: filters the maps afterwards.
        fresh_sample: whether in training a mixture is drawn anew, from the logits of the selection
            at the temperature ``gumbel_tau``, instead of taking the one that the `LPD` drew.

    Attributes:
        gumbel_tau: the temperature, a buffer.
    """

    gumbel_tau: Tensor

    def __init__(
        self, *, stride: int = 2, antialias: nn.Module | None = None, fresh_sample: bool = False
    ) -> None:
        super().__init__()
        self.stride = checked_stride(stride)
        self.antialias, self.fresh_sample = antialias, fresh_sample
        self.register_buffer("gumbel_tau", torch.tensor(1.0))

    def forward(
        self,
        maps: Tensor,
        selection: Selection,
        noise: Tensor | None = None,
        size: Sequence[int] | None = None,
    ) -> Tensor:
        """The large maps.

        Args:
            maps: of shape ``(batch, channels, height, width)``.
            selection: that of the `LPD` whose place the maps are at.
            noise: standard Gumbel numbers of shape ``(batch, phases)`` for a fresh sample.
            size: height and width of the output; by default ``stride`` times those of the maps.
                Maps whose sides the stride did not divide (``indivisible="wrap"``) need it.

        Raises:
            ValueError: if the selection is not one of maps of that size.
        """
        if self.fresh_sample and self.training and selection.weights is not None:
            selection = selected(selection.logits, "gumbel", self.gumbel_tau, noise)
        return _up(maps, selection, size, self.stride, self.antialias)


class APS(_Selecting):
    """Adaptive polyphase sampling: the phase of the largest norm is kept, in training too.

    Args:
        stride: in pixels.
        antialias: filters the maps before, at their full size.
        norm: the power in the norm of a phase, over channels and positions; at least 1, or
            ``math.inf`` for its largest magnitude.
        select_from: whether the norms are of ``filtered`` or ``unfiltered`` maps.
        indivisible: ``error``, ``wrap`` or ``zeros``, for sides that the stride does not divide.

    Raises:
        ValueError: if a word is unknown, the norm is less than 1, or infinite where candidates
            share pixels, or the maps do not fit the stride.
    """

    def __init__(
        self,
        *,
        stride: int = 2,
        antialias: nn.Module | None = None,
        norm: float = 2,
        select_from: SelectFrom = "filtered",
        indivisible: Indivisible = "error",
    ) -> None:
        super().__init__(stride, antialias, select_from, indivisible)
        if norm < 1:
            raise ValueError(f"the power of a norm is at least 1, got {norm}")
        if norm == torch.inf and indivisible == "wrap":
            raise ValueError(
                "with indivisible='wrap' candidates share pixels, the largest too: an infinite "
                "norm cannot tell them apart; take a finite one"
            )
        self.norm = norm

    def _selection(self, maps: Tensor, noise: Tensor | None) -> Selection:
        del noise
        found = _norms(maps, self.stride, self.norm)
        return Selection(found, None, found.argmax(dim=-1))


class APSUp(nn.Module):
    """Maps go back to the places that `APS` took them from, with zeros at all others.

    Args:
        stride: that of the `APS`, in pixels.
        antialias: filters the maps afterwards; its gain should be ``stride**2``.
    """

    def __init__(self, *, stride: int = 2, antialias: nn.Module | None = None) -> None:
        super().__init__()
        self.stride, self.antialias = checked_stride(stride), antialias

    def forward(
        self, maps: Tensor, selection: Selection, size: Sequence[int] | None = None
    ) -> Tensor:
        """The large maps, of ``size`` or ``stride`` times as high and wide.

        Raises:
            ValueError: if the selection is not one of maps of that size.
        """
        return _up(maps, selection, size, self.stride, self.antialias)


def _norms(maps: Tensor, stride: int, norm: float = 2) -> Tensor:
    """The norm of each phase over channels and positions, ``(batch, phases)``; no gradient."""
    maps = maps.detach().to(exact_type(maps.dtype))
    if norm == torch.inf:
        return phases(maps.abs(), stride).amax(dim=(2, 3, 4))
    powers = maps**2 if norm == 2 else maps.abs() ** norm
    powers = powers.sum(dim=1, keepdim=True)
    rows, columns = (-(-side // stride) for side in maps.shape[-2:])
    means: Tensor = candidate_means(powers, stride).squeeze(-1)
    found: Tensor = (means * (rows * columns)) ** (1 / norm)
    return found


def _up(
    maps: Tensor,
    selection: Selection,
    size: Sequence[int] | None,
    stride: int,
    antialias: nn.Module | None,
) -> Tensor:
    if size is None:
        size = (stride * maps.shape[-2], stride * maps.shape[-1])
    found = placed(maps, selection, size, stride)
    return found if antialias is None else antialias(found)


def _check_word(name: str, word: str, words: object) -> None:
    if word not in get_args(words):
        raise ValueError(f"{name} must be one of {', '.join(get_args(words))}, got '{word}'")
