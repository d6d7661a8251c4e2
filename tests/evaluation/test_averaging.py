"""Means of logits over mirror images, on networks whose answers are known."""

from bright_sides import Sides, networks, pictures, values

from isotrope.evaluation import flip_average


def test_the_mean_over_mirror_images_of_a_side_is_undecided_and_so_its_bias_decides():
    data = pictures([(200, 10), (10, 200), (90, 30), (0, 255)])
    rows = flip_average.evaluate(networks(Sides(bias=0.1)), data, flip_average.Params())
    found = values(rows)
    assert found["accuracy"] == 0.5, "all are taken for the first class"
    assert found["agreement"] == 0.0
    assert found["accuracy_low"] < 0.5 < found["accuracy_high"]


def test_the_mean_of_logits_is_taken_not_of_answers():
    """It sees the right side alone: from the front 0.9 for class 1, from behind 0.2."""
    data = pictures([(51, 230)])
    network = Sides(left=0.0, right=1.0, bias=0.5)
    for bias, expected in ((0.5, 1.0), (0.56, 0.0)):  # the mean of 0.9 and 0.2 is 0.55
        network.bias.data[0] = bias
        found = values(flip_average.evaluate(networks(network), data, flip_average.Params()))
        assert found["accuracy"] == expected
        assert found["agreement"] == 0.0
