"""How torch computes while a pack is trained or evaluated."""

import subprocess
import sys

import pytest
import torch

from isotrope.devices import arithmetic

CPU = torch.device("cpu")
ASK = """
import sys
import torch
from isotrope.devices import arithmetic
with arithmetic(torch.device("cpu"), 1):
    assert torch.are_deterministic_algorithms_enabled()
print([name for name in ("torch._inductor", "torch._dynamo") if name in sys.modules])
"""


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("repeatable", [False, True])
def test_what_is_random_is_warned_of_and_the_mode_before_is_set_again(before, repeatable):
    torch.set_deterministic_debug_mode(before)
    try:
        with arithmetic(CPU, 1, repeatable=repeatable):
            assert torch.get_deterministic_debug_mode() == int(repeatable)
        assert torch.get_deterministic_debug_mode() == before
    finally:
        torch.set_deterministic_debug_mode(0)


def test_the_compiler_is_told_where_there_is_one():
    from torch._inductor import config

    with arithmetic(CPU, 1):
        assert config.deterministic
    assert not config.deterministic


def test_no_compiler_is_imported_for_it():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
