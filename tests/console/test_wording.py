"""Seeds and times as people read them."""

from isotrope.console.wording import duration_text, range_text


def test_seeds_and_times_in_few_words():
    assert range_text([3, 1, 2, 2, 8, 10, 11]) == "1-3,8,10-11"
    assert range_text([100, 3, 4, 33]) == "3-4,33,100"
    assert range_text([]) == ""
    seconds = (0, 99, 100, 5999, 6000, 172799, 172800)
    said = ["0 s", "99 s", "2 min", "100 min", "1.7 h", "48.0 h", "2.0 days"]
    assert [duration_text(one) for one in seconds] == said
