"""Which runs a pattern may have meant that finds none."""

import pytest

from isotrope.plan.nearest import nearest_runs

RUNS = [
    *(f"my_net/stir_emoji/{variant}" for variant in ("a", "b", "c", "d")),
    "standard/stir_emoji/mine",
]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("standard/stir_emoji/mien", "; did you mean 'standard/stir_emoji/mine' or"),
        (
            "my_nett/*",
            "; did you mean 'my_net/*' (my_net/stir_emoji/a, my_net/stir_emoji/b, "
            "my_net/stir_emoji/c and 1 more)?",
        ),
        ("my_nett", "; did you mean 'my_net/*' (my_net/stir_emoji/a,"),
        (
            "my_nett/stir_emoji/[abc]",
            "; did you mean 'my_net/stir_emoji/[abc]' (my_net/stir_emoji/a, my_net/stir_emoji/b, "
            "my_net/stir_emoji/c)?",
        ),
        ("standard/*/mien", "; did you mean 'standard/*/mine' (standard/stir_emoji/mine)?"),
        ("*/stir_emojy/m*", "; did you mean '*/stir_emoji/m*' (standard/stir_emoji/mine)?"),
        ("my_nett/stir_emoji/mine*", "; did you mean 'my_net/stir_emoji/"),
        ("qqq/*", "; choose from my_net/stir_emoji/a, my_net"),
    ],
)
def test_a_pattern_is_mended_word_by_word(pattern, said):
    assert nearest_runs(pattern, RUNS).startswith(said)
