"""Labels with mathematics in them, and those that only look so."""

import subprocess
import sys

import pytest
from made_up_param_file import GOOD, NAME, sentences, write

from isotrope import registry
from isotrope.params.labels import drawable, why_not_drawn
from isotrope.params.param_file import read_all


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (r"$\frac{$", "no mathematics that matplotlib draws between '$' and '$': Expected"),
        ("$$", "no mathematics that matplotlib draws"),
        ("$" + "{" * 45 + "}" * 45 + "$", "no mathematics that matplotlib draws"),
        ("$x^2^3$", "Double superscript, found 'x'"),
        ("costs $5", r"a '$' without a second one; write \$ for a dollar"),
        (r"\$5 $", "a '$' without a second one"),
        ("  ", "a label of blanks only"),
        ("x" * 101, "string should have at most 100 characters"),
    ],
)
def test_a_label_that_cannot_be_drawn_is_refused(label, said, param_files):
    write(param_files, f"{GOOD}label: '{label}'\n")
    (found,) = sentences(param_files)
    assert found.startswith(f"param-files/{NAME}.yaml:19:1: label: ")
    assert said in found


@pytest.mark.parametrize(
    "label", [r"$\sigma = \frac{1}{2}$, ours", r"\$5", "a_{b}^", "100 %", "\u4e2d\u6587", "x" * 100]
)
def test_any_other_is_taken(label, param_files):
    write(param_files, f"{GOOD}label: '{label}'\n")
    (run,) = read_all()
    assert run.label == label == drawable(label)


def test_a_text_that_cannot_be_drawn_is_drawn_with_its_dollars():
    assert drawable(r"$\frac{$ and \$5") == r"\$\frac{\$ and \$5"
    assert why_not_drawn(drawable(r"$\frac{$ and \$5")) is None


def test_labels_without_a_dollar_need_no_matplotlib(param_files):
    write(param_files, f"{GOOD}label: ours\n")
    code = (
        "import sys; from isotrope.params.labels import why_not_drawn as why\n"
        "why('ours'); print('matplotlib' in sys.modules); why('$x$')\n"
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(registry.PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "True"]
