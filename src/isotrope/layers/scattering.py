"""The scattering transform of images, with wavelets that can be trained.

An image is filtered with Morlet wavelets of ``J`` sizes and ``L`` directions; the modulus of each
result is averaged (order 1), or filtered with all larger wavelets first and the moduli of these
averaged (order 2). What a coefficient tells hardly changes when the image is slightly deformed.

Source: Gauthier et al., "Parametric Scattering Networks", CVPR 2022,
https://arxiv.org/abs/2107.09539, and Kymatio 0.3, https://www.kymat.io, whose numbers it gives.
Differs from the published code: gradients of angles and copies of wavelets at coarser grids are
right (``published`` says otherwise), all parameterizations train, and no bank is kept.
"""

from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from isotrope.layers.autocasting import without_autocast
from isotrope.layers.constants import made_once
from isotrope.layers.forms import numbers_at_once
from isotrope.layers.morlet_bank import (
    NAMES,
    ThetaGradient,
    morlet_spectra,
    random_frame,
    tight_frame,
    turns,
)
from isotrope.layers.recomputing import in_pieces
from isotrope.layers.scattering_gradients import coefficients, traced
from isotrope.layers.scattering_paths import Path, paths_of
from isotrope.layers.scattering_sizes import Average, Side, low_pass_spectrum
from isotrope.layers.scattering_transform import Layout, Resampling, copies, moduli

Parameterization = Literal["fixed", "canonical", "equivariant", "pixelwise"]
Initialization = Literal["tight_frame", "random"]

_AT_ONCE = 2**18  # numbers of some wavelets on a CPU


class Scattering2d(nn.Module):
    """The scattering coefficients of images.

    Nothing of the bank is in the ``state_dict`` but the numbers that it is made from. It is the
    same in training and in evaluation. Computes in float32 at least, also under autocast; the
    coefficients of halved numbers are halved again unless autocast is on.

    Shapes:
        input: ``(..., height, width)``, real
        output: ``(..., paths, height // 2**J, width // 2**J)``; of ``average="global"``
            ``(..., paths, 1, 1)``. Of ``average="none"`` a tuple with a map for each path,
            ``(..., height / 2**j, width / 2**j)`` with the scale ``j`` of its last wavelet, sides
            rounded where that does not divide them: the moduli at every ``2**j``-th pixel of the
            image. The map of order 0 is the image.

    Args:
        J: number of sizes of wavelets, each twice the one before.
        shape: height and width of the images, at least ``2**J`` pixels each.
        L: number of directions.
        max_order: 1 or 2.
        parameterization: ``fixed`` trains nothing; ``canonical`` the four numbers of each wavelet;
            ``equivariant`` those of one wavelet for each size, which the others are turned from;
            ``pixelwise`` the spectra.
        init: ``tight_frame``, or ``random`` from numpy's global generator.
        average: ``local`` around every ``2**J``-th pixel, ``global`` over the image, or ``none``.
        resample: ``exact``, or ``published`` with order 2 from scale 1 on smaller by 4, from scale
            2 on by 16, and so on.
        theta_grad: ``exact``, or ``published``: `morlet_spectra`.
        tiles: `morlet_spectra`.
        return_moduli: whether to give the coefficients and, as a second output, what
            ``average="none"`` would give.

    Raises:
        ValueError: if a setting is not among these, the images are too small for ``J``, or those
            given to the layer have another shape.
    """

    def __init__(
        self,
        J: int,  # noqa: N803  # the field's names
        shape: tuple[int, int],
        L: int = 8,  # noqa: N803
        *,
        max_order: int = 2,
        parameterization: Parameterization = "fixed",
        init: Initialization = "tight_frame",
        average: Average = "local",
        resample: Resampling = "exact",
        theta_grad: ThetaGradient = "exact",
        tiles: int = 1,
        return_moduli: bool = False,
    ) -> None:
        super().__init__()
        _refuse_unknown(
            J=(J, range(1, 31)),
            L=(L, range(1, 1025)),
            max_order=(max_order, (1, 2)),
            parameterization=(parameterization, ("fixed", "canonical", "equivariant", "pixelwise")),
            init=(init, ("tight_frame", "random")),
            average=(average, ("local", "global", "none")),
            resample=(resample, ("exact", "published")),
            theta_grad=(theta_grad, ("exact", "published")),
            tiles=(tiles, range(1, 100, 2)),
        )
        self.J, self.L, self.shape = J, L, _height_and_width(shape)
        if min(self.shape) < 2**J:
            raise ValueError(
                f"J={J} needs images of at least {2**J} pixels, got {shape[0]} x {shape[1]}"
            )
        self.parameterization, self.theta_grad, self.tiles = parameterization, theta_grad, tiles
        self.max_order, self.average, self.return_moduli = max_order, average, return_moduli
        rows, columns = (Side(side, J) for side in self.shape)
        self.padded = rows.padded, columns.padded
        of_coefficients: Average = "local" if average == "none" else average
        self._layout = Layout(J, L, rows, columns, max_order, of_coefficients, resample)
        self.paths: tuple[Path, ...] = paths_of(J, L, max_order)
        self._kept: Any = None
        self._begin(init)

    def _begin(self, init: Initialization) -> None:
        """Make the parameters or buffers."""
        equivariant = self.parameterization == "equivariant"
        if init == "random":
            frame = random_frame(self.J, self.L, equivariant=equivariant)
        else:
            frame = tight_frame(self.J, self.L)
        if self.parameterization == "pixelwise":
            frame = {"spectra": self._spectra(frame)}
        elif equivariant:
            frame = {name: frame[name][:, 0] for name in NAMES}
        for name, tensor in frame.items():
            placed = tensor.to(torch.get_default_device(), torch.get_default_dtype())
            if self.parameterization == "fixed":
                self.register_buffer(name, placed)
            else:
                self.register_parameter(name, nn.Parameter(placed.clone()))

    def filters(self) -> dict[str, Tensor]:
        """The numbers of each wavelet, differentiable: ``theta, xi, sigma, slant``.

        Each of shape ``(J, L)``, whatever trains. Empty where spectra are trained.
        """
        if self.parameterization == "pixelwise":
            return {}
        numbers: dict[str, Tensor] = {name: getattr(self, name) for name in NAMES}
        if self.parameterization == "equivariant":
            like = numbers["theta"]
            numbers = {name: one[:, None].expand(-1, self.L) for name, one in numbers.items()}
            numbers["theta"] = numbers["theta"] - _turned(self.L, like.dtype, like.device)
        return numbers

    def bank(self) -> Tensor:
        """The spectra of the wavelets on the padded grid: ``(J * L, rows, columns)``."""
        if self.parameterization == "pixelwise":
            return cast("Tensor", self.spectra)
        return self._spectra(self.filters())

    def _spectra(self, filters: dict[str, Tensor]) -> Tensor:
        kind = torch.promote_types(filters["theta"].dtype, torch.float32)
        numbers = [filters[name].flatten().to(kind) for name in NAMES]
        size = self.padded[0] * self.padded[1] * self.tiles**2
        step = max(1, numbers_at_once(numbers[0], _AT_ONCE) // size)

        def some(piece: int, *numbers: Tensor) -> tuple[Tensor, ...]:
            theta, xi, sigma, slant = (one[piece * step : (piece + 1) * step] for one in numbers)
            grid, tiles, how = self.padded, self.tiles, self.theta_grad
            return (morlet_spectra(theta, xi, sigma, slant, grid, tiles=tiles, theta_grad=how),)

        return in_pieces(some, 1 if traced() else -(-len(numbers[0]) // step), numbers)[0]

    def low_pass(self) -> Tensor:
        """The spectrum of the averaging filter on the padded grid, in float64 on the CPU."""
        layout = self._layout
        return torch.outer(low_pass_spectrum(layout.rows), low_pass_spectrum(layout.columns))

    def littlewood_paley(self) -> Tensor:
        """The sum of the squared spectra of all wavelets, without the low-pass filter's.

        Shape ``(rows, columns)`` of the padded grid, the constant first.
        """
        return self.bank().square().sum(0)

    def paths_table(self) -> list[dict[str, Any]]:
        """A row for each path, in the order of the coefficients.

        Columns ``path, order, j1, theta1, j2, theta2``, numbers of scales and directions, and
        ``angle1, angle2``, the directions in radians as they are now. What a path has not is None;
        angles of trained spectra are unknown.
        """
        angles = self.filters().get("theta")
        known: Any = None if angles is None else angles.detach().cpu().tolist()

        def angle(j: int | None, theta: int | None) -> float | None:
            if known is None or j is None or theta is None:
                return None
            found: float = known[j][theta]
            return found

        return [
            {
                "path": number,
                **path._asdict(),
                "angle1": angle(path.j1, path.theta1),
                "angle2": angle(path.j2, path.theta2),
            }
            for number, path in enumerate(self.paths)
        ]

    def forward(self, images: Tensor) -> Any:
        """The coefficients, or maps: see the class."""
        if images.shape[-2:] != self.shape:
            raise ValueError(
                f"this transform is for images of {self.shape[0]} x {self.shape[1]} pixels, got "
                f"{tuple(images.shape)}"
            )
        kind = images.device.type
        halved = images.dtype in {torch.float16, torch.bfloat16}
        wanted = images.dtype
        if halved and torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
            wanted = torch.float32
        with without_autocast(kind):
            exact = images.to(torch.promote_types(images.dtype, torch.float32))
            banks, known = self._banks(exact)
            flat = exact.reshape(-1, *self.shape)
            maps = self._maps(flat, banks) if self.average == "none" or self.return_moduli else ()
            leading = images.shape[:-2]
            shown = tuple(one.reshape(*leading, *one.shape[-2:]).to(wanted) for one in maps)
            if self.average == "none":
                return shown
            trimmed = self.parameterization != "pixelwise"
            joined = coefficients(flat, banks, self._layout, trimmed=trimmed, known=known)
            found = joined.reshape(*leading, *joined.shape[1:]).to(wanted)
        return (found, shown) if self.return_moduli else found

    def _banks(self, like: Tensor) -> tuple[tuple[Tensor, ...], dict[Any, Any] | None]:
        """The wavelets at each resolution, and what is known of them.

        Fixed ones are kept on a CPU as long as the numbers that they are made of are the same.
        """
        sources = tuple(self.buffers(recurse=False))
        settled = self.parameterization == "fixed" and like.device.type == "cpu"
        settled = settled and not torch.compiler.is_compiling()
        settled = settled and not torch._C._are_functorch_transforms_active()  # no public way
        if not settled or any(one.requires_grad or one.is_inference() for one in sources):
            return self._made_banks(like), None
        now = (like.dtype, *((id(one), one._version) for one in sources))
        if self._kept is None or self._kept[0] != now:
            with torch.inference_mode(False), torch.no_grad():
                self._kept = (now, sources, self._made_banks(like), {})
        return self._kept[2], self._kept[3]

    def _made_banks(self, like: Tensor) -> tuple[Tensor, ...]:
        bank = self.bank().to(like.dtype).reshape(self.J, self.L, *self.padded)
        return copies(bank, self._layout)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is kept."""
        return {**self.__dict__, "_kept": None}

    def _maps(self, images: Tensor, banks: tuple[Tensor, ...]) -> list[Tensor]:
        """The image and all moduli without their borders, in the order of paths."""
        found, layout = [images], self._layout
        for level, maps in moduli(images, banks, layout):
            inner = maps[:, :, layout.rows.inside(level), layout.columns.inside(level)]
            found.extend(inner.unbind(1))
        return found

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return (
            f"J={self.J}, shape={self.shape}, L={self.L}, max_order={self.max_order}, "
            f"parameterization={self.parameterization!r}, average={self.average!r}"
        )


@made_once
def _turned(angles: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """How far the wavelets of a size are turned back from the first, in radians: ``(angles,)``."""
    return torch.from_numpy(turns(angles)).to(device, dtype)


def _height_and_width(shape: Any) -> tuple[int, int]:
    if not isinstance(shape, Sequence) or len(shape) != 2:
        raise ValueError(f"shape: need (height, width) of the images, got {shape!r}")
    return int(shape[0]), int(shape[1])


def _refuse_unknown(**settings: tuple[object, Any]) -> None:
    for name, (value, known) in settings.items():
        if value not in known:
            words = (
                f"{known[0]}..{known[-1]}"
                if isinstance(known, range)
                else ", ".join(map(str, known))
            )
            raise ValueError(f"{name}: need one of {words}, got {value!r}")
