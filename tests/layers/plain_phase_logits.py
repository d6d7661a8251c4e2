"""Logits of phases as they are described: candidate by candidate, with both convolutions."""

import torch
from torch import nn
from torch.nn import functional as F

MODES = {
    "circular": "circular",
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "replicate",
}


def candidates(maps, stride):
    """Each candidate as a tensor, position by position."""
    firsts = [range(side if side % stride else stride) for side in maps.shape[-2:]]
    found = []
    for row in firsts[0]:
        for column in firsts[1]:
            places = [
                [(first + stride * i) % side for i in range(-(-side // stride))]
                for first, side in zip((row, column), maps.shape[-2:], strict=True)
            ]
            found.append(maps[:, :, places[0]][..., places[1]])
    return found


def convolved(layer, maps, mode):
    return F.conv2d(F.pad(maps, (1,) * 4, mode=MODES[mode]), layer.weight, layer.bias)


def convolutions(layer, of_all, mode):
    """The answer of both convolutions, of the candidates one after the other in the batch."""
    joined = torch.cat(of_all)
    found = convolved(layer.conv1, joined, mode).relu()
    if layer.norm is not None:
        norm, training = layer.norm, layer.training
        running = None if training else norm.running_mean, None if training else norm.running_var
        found = F.batch_norm(found, *running, norm.weight, norm.bias, training, 0.1, norm.eps)
    found = convolved(layer.conv2, found, mode)
    return torch.stack(found.chunk(len(of_all)), dim=1)


def plain_logits(name, layer, maps, stride, mode):
    of_all = candidates(maps, stride)
    if name in ("convolutions", "skip"):
        found = convolutions(layer, of_all, mode)
        if name == "skip":
            found = found + torch.stack(of_all, dim=1)
        return found.mean(dim=(2, 3, 4))
    if name.startswith("attention"):
        phi, psi, beta = (
            convolutions(one, of_all, mode) for one in (layer.phi, layer.psi, layer.beta)
        )
        phi, psi = phi.mean(dim=(-2, -1)), psi.mean(dim=(-2, -1))
        shares = torch.einsum("bkc,bjc->bkj", phi, psi).softmax(dim=-1)
        return torch.einsum("bkj,bj->bk", shares, beta.mean(dim=(2, 3, 4)))
    if name == "graph":
        nodes = [convolved(layer.conv, one, mode).relu().mean(dim=(-2, -1)) for one in of_all]
        edge = nn.Sequential(layer.edge1, nn.ReLU(), layer.edge2, nn.ReLU())
        node = nn.Sequential(layer.node1, nn.ReLU(), layer.node2)
        found = []
        for receiver in nodes:
            heard = sum(edge(torch.cat((sender, receiver), dim=1)) for sender in nodes)
            found.append(node(heard / len(nodes)))
        return torch.cat(found, dim=1)
    return torch.stack([layer.conv(one).mean(dim=(1, 2, 3)) for one in of_all], dim=1)
