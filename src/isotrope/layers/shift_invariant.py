"""Any convolutional network that torch.fx can trace, made invariant to circular shifts.

Where the network samples its maps, all positions are computed, and a layer keeps one phase of
them. With a phase that follows shifts (`APS`, `LPD`), borders that go around the edge, and a mean
over all places at the end, the answer is the same for an image and its rolled copies.

Source: Chaman and Dokmanic, "Truly Shift-Invariant Convolutional Neural Networks", CVPR 2021,
https://arxiv.org/abs/2011.14214; Rojas-Gomez et al., "Learnable Polyphase Sampling for Shift
Invariant and Equivariant Convolutional Networks", NeurIPS 2022, https://arxiv.org/abs/2210.08001;
``blur``: Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019,
https://arxiv.org/abs/1904.11486; ``ideal``: Michaeli, Michaeli and Soudry, "Alias-Free Convnets",
CVPR 2023, https://arxiv.org/abs/2303.08085. Differs from them: the phase is chosen right behind the
convolution or pooling that had the stride, before norms and activations; of two branches of a
residual block the one that is computed first chooses.
"""

import contextlib
import copy
import warnings
from collections.abc import Iterator
from typing import Any, Literal, get_args

from torch import fx, nn

from isotrope.layers.blur import BinomialBlur, BlurPool
from isotrope.layers.downsampling import Downsampling
from isotrope.layers.ideal_downsample import IdealDownsample
from isotrope.layers.invariance_report import InvarianceReport, change_under_rolls
from isotrope.layers.invariant_rewriting import Rewriting
from isotrope.layers.phase_choice import TrainMode
from isotrope.layers.phase_logits import Logits
from isotrope.layers.polyphase import APS, LPD, Indivisible
from isotrope.layers.sampling_step import SamplingStep
from isotrope.layers.traced_network import Traced

Method = Literal["aps", "lps", "blur", "ideal"]
Padding = Literal["circular", "original"]
LogitWidth = Literal["default", "small", "tiny"]
EXACT = 1e-9  # of the largest output, in float64
_DIVISORS = {"default": 1, "small": 8, "tiny": 16}
_REPORT = "shift_invariance"


class ShiftInvariant(fx.GraphModule):
    """A network that `shift_invariant` has made."""

    @property
    def report(self) -> InvarianceReport:
        """What was replaced, whether it is exact, and why not."""
        found: InvarianceReport = self.meta[_REPORT]
        return found


def shift_invariant(
    network: nn.Module,
    method: Method = "aps",
    *,
    padding: Padding = "circular",
    antialias: int | None = None,
    norm: float = 2,
    logits: Logits = "convolutions",
    logit_width: LogitWidth = "default",
    train_mode: TrainMode = "gumbel",
    indivisible: Indivisible = "error",
    image_shape: tuple[int, int, int] = (3, 64, 64),
) -> ShiftInvariant:
    """A copy of a network that answers an image and its circular shifts alike.

    Strided convolutions and poolings of any stride, and slices such as ``maps[:, :, ::2, ::2]``,
    are computed at every pixel, and the method keeps one phase of them. All borders go around the
    edge. Where branches join (sums, concatenations), the strides behind them make one choice; they
    are found by following the graph of the network, whatever its modules are called. Phases are
    chosen before filters, of which a mean pooling is one: behind them phases score nearly alike.

    Weights and their names stay. ``lps`` has new ones: its logit networks, drawn from torch's
    generator, below ``shift_samplings``. Evaluation is exact; in training ``lps`` draws mixtures,
    unless its ``train_mode`` says otherwise. A network is exact only with ``aps`` or ``lps``,
    circular padding, and a mean or maximum over all places at the end; of others a warning tells
    how much outputs change. The copy computes ``stride**2`` as many positions where it was strided.

    Args:
        network: takes ``(batch, channels, height, width)``, and is traced by torch.fx.
        method: ``aps``: the phase of the largest norm; ``lps``: a phase that is learned; ``blur``:
            the first phase behind a binomial filter; ``ideal``: behind the ideal one.
        padding: ``circular``, or the ``original`` one.
        antialias: taps of a binomial filter before phases, 1 to 7; 3 for ``blur`` if left out,
            none for ``aps`` and ``lps``.
        norm: of ``aps``.
        logits: the network of ``lps`` that scores phases.
        logit_width: its channels: those of the maps, an eighth (``small``), a sixteenth.
        train_mode: of ``lps``, see `LPD`.
        indivisible: what ``aps`` and ``lps`` do with sides that a stride does not divide.
        image_shape: channels, height and width of images on which the network is tried and the
            change of its outputs is measured; pixels.

    Returns:
        The network, in the mode of the one given, with a `report`.

    Raises:
        ValueError: if a word is unknown, the network cannot be traced, it does not run on such
            images, or it has a strided step that is not known here.
    """
    for name, word, words in (("method", method, Method), ("padding", padding, Padding)):
        if word not in get_args(words):
            raise ValueError(f"{name} must be one of {', '.join(get_args(words))}, got '{word}'")
    if logit_width not in _DIVISORS:
        raise ValueError(f"logit_width must be one of {', '.join(_DIVISORS)}, got '{logit_width}'")
    if method == "ideal" and antialias is not None:
        raise ValueError("the ideal filter takes no antialias besides it")

    def layer(channels: int, stride: int, follows: bool, pool: nn.Module | None) -> Downsampling:
        border: Any = "circular" if padding == "circular" else "zeros"
        if method == "ideal":
            return IdealDownsample(stride)
        if method == "blur":
            return BlurPool(3 if antialias is None else antialias, stride, padding_mode=border)
        blur = None if antialias is None else BinomialBlur(antialias, padding_mode=border)
        filters = [one for one in (pool, blur) if one is not None]
        named: dict[str, Any] = {
            "antialias": nn.Sequential(*filters) if len(filters) > 1 else next(iter(filters), None),
            "select_from": "unfiltered",  # behind a filter phases score nearly alike
            "indivisible": indivisible,
            "stride": stride,
        }
        if method == "aps" or follows:  # what follows has nothing to choose by
            return APS(norm=norm, **named)
        hidden = max(1, channels // _DIVISORS[logit_width])
        return LPD(
            channels, hidden, logits=logits, train_mode=train_mode, padding_mode=border, **named
        )

    root = copy.deepcopy(network)
    traced = Traced(root, image_shape)
    rewriting = Rewriting(root, traced, layer, circular=padding == "circular")
    rewriting.run(shares=method in ("aps", "lps"))
    found = ShiftInvariant(root, traced.graph, class_name=type(network).__name__)
    modes = {name: module.training for name, module in network.named_modules()}
    for name, module in found.named_modules():
        module.training = modes.get(name, network.training)
    reasons = []
    if method == "blur":
        reasons.append("a blur weakens what a stride aliases, and does not remove it")
    if method == "ideal":
        reasons.append("activations behind the ideal filter make new frequencies, which alias")
    if padding == "original":
        reasons.append("the original padding does not go around the edge")
    reasons += rewriting.grids.reasons
    error = change_under_rolls(found, image_shape)
    if not reasons and not error <= EXACT:
        reasons.append(
            "no step is known that could not follow shifts: either one does not (a module's own "
            "arithmetic), or phases of the tried images score alike"
        )
    report = InvarianceReport(
        exact=not reasons,
        measured_error=error,
        sentences=(*reasons, *traced.notes),
        samplings=rewriting.samplings,
    )
    found.meta[_REPORT] = report
    if not report.exact:
        warnings.warn(str(report), stacklevel=2)
    return found


@contextlib.contextmanager
def forced(network: nn.Module, phase: int = 0) -> Iterator[None]:
    """Let all samplings of a network keep one phase, without a filter, for a while.

    With phase 0 and the original padding the network computes what the one it was made of does.

    Args:
        network: of `shift_invariant`.
        phase: counted row by row.

    Raises:
        ValueError: if the network has no such samplings, or one of them has not so many phases.
    """
    steps = [module for module in network.modules() if isinstance(module, SamplingStep)]
    if not steps:
        raise ValueError("the network has no samplings; take one that shift_invariant has made")
    least = min(step.layer.stride**2 for step in steps)
    if not 0 <= phase < least:
        raise ValueError(f"the phase must be 0 to {least - 1}, got {phase}")
    were = [step.phase for step in steps]
    try:
        for step in steps:
            step.phase = phase
        yield
    finally:
        for step, before in zip(steps, were, strict=True):
            step.phase = before
