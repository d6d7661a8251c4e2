import re
from pathlib import Path

import torch

GUIDE = Path(__file__).parents[2] / "docs" / "attacks.md"


def test_the_python_of_the_guide_runs_as_it_stands():
    torch.manual_seed(0)
    found = {}
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), found)
    assert len(blocks) >= 6
    assert found["answers"].shape == (6, 20)
    assert not found["masked"]
    assert found["median"] > 0
