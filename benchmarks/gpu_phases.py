"""The check of `gpu.py` that layers of the shift study choose and take phases as float64 does."""

import copy

import torch

from isotrope.layers import APS, LPD

CLEAR = 1e-2  # a margin, in units of the spread of the scores, that no rounding of bfloat16 turns
SIZES = ((8, 16, 32, 32), (4, 8, 15, 18))  # the stride divides the first


def layers(channels):
    """The layers by their names; what draws in training is given what it draws."""
    wrap = {"indivisible": "wrap"}
    return {
        "aps": APS(**wrap),
        "lps": LPD(channels, 8, train_mode="hard", **wrap),
        "lps, mixed": LPD(channels, 8, train_mode="convex", **wrap),
    }


def taken(layer, maps):
    """What was chosen and taken, and the gradients of maps and weights."""
    maps = maps.detach().requires_grad_()
    small, selection = layer.train().down(maps)
    weights = torch.linspace(-1, 1, small.numel(), device=maps.device).view(small.shape)
    wanted = [maps, *layer.parameters()]
    loss = (small.to(torch.promote_types(small.dtype, torch.float32)) * weights).sum()
    gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
    return selection, small.detach(), [one for one in gradients if one is not None]


def phases(session, relative, expect, bounds):
    """Phases, and the gradients through them, against float64 on the CPU; choices in bfloat16.

    Args:
        session: the device.
        relative: the relative difference of tensors.
        expect: fails where an error exceeds a bound.
        bounds: of what is taken, and of gradients, in float32.

    Returns:
        A note, and how many choices in bfloat16 were others, of how many that were clear.
    """
    worst, others, clear = [0.0, 0.0], 0, 0
    for size in SIZES[:1] if session.quick else SIZES:
        torch.manual_seed(3)
        maps = torch.randn(size, dtype=torch.float64)
        for name, exact in layers(size[1]).items():
            exact = exact.double()
            chosen, small, gradients = taken(exact, maps)
            layer = copy.deepcopy(exact).float().to(session.device)
            found = taken(layer, maps.float().to(session.device))
            for i, (one, other) in enumerate((([found[1]], [small]), (found[2], gradients))):
                error = relative(one, other)
                expect(error, bounds[i], f"{name}: {('what is taken', 'its gradients')[i]}")
                worst[i] = max(worst[i], error)
            if chosen.index is None:
                continue
            rounded = copy.deepcopy(layer).bfloat16()
            lowered = rounded.down(maps.bfloat16().to(session.device))[1]
            same = copy.deepcopy(rounded).double().cpu().down(maps.bfloat16().double())[1]
            best, second = same.logits.topk(2).values.unbind(-1)
            sure = best - second > CLEAR * same.logits.std()
            clear += int(sure.sum())
            others += int((lowered.index.cpu() != same.index)[sure].sum())
    note = f"taken within {worst[0]:.0e}, gradients within {worst[1]:.0e}"
    return f"{note}; of {clear} clear choices in bfloat16 {others} are others", others
