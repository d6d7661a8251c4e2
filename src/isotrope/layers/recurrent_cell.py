"""Recurrent cells as plain operations, which also work in stacks of networks."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State = tuple[Tensor, Tensor]


class RecurrentCell(nn.Module):
    """A long short-term memory cell.

    Names, shapes and the first draw of its parameters are those of `nn.LSTMCell`, and so are its
    numbers; that one has no rule for `torch.func.vmap`. The memory is kept in float32 at least.

    Shapes:
        input: ``(batch, inputs)``
        state: output and memory, ``(batch, hidden)`` each; None before the first step: zeros
        output: the next state

    Args:
        inputs: numbers that it is given.
        hidden: numbers that it puts out.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inputs, self.hidden = inputs, hidden
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden, inputs))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden, hidden))
        self.bias_ih = nn.Parameter(torch.empty(4 * hidden))
        self.bias_hh = nn.Parameter(torch.empty(4 * hidden))
        for weight in self.parameters():
            nn.init.uniform_(weight, -1 / math.sqrt(hidden), 1 / math.sqrt(hidden))

    def forward(self, given: Tensor, state: State | None = None) -> State:
        """Output and memory after a step."""
        if state is None:  # of zeros, which add nothing
            gates = F.linear(given, self.weight_ih, self.bias_ih) + self.bias_hh
        else:
            gates = F.linear(given, self.weight_ih, self.bias_ih)
            gates = gates + F.linear(state[0], self.weight_hh, self.bias_hh)
        enter, forget, cell, leave = gates.chunk(4, dim=-1)
        memory = enter.sigmoid() * cell.tanh()
        if state is not None:
            memory = memory + forget.sigmoid() * state[1]
        return leave.sigmoid() * memory.tanh(), memory

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.inputs}, {self.hidden}"
