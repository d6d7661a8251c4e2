import pytest
import torch

from isotrope.attacks.streams import Streams, mixed, whole

CPU = torch.device("cpu")


def splitmix(state, count):
    """SplitMix64 in whole numbers of Python."""
    found = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        found.append(z ^ (z >> 31))
    return found


def test_the_hash_is_that_of_splitmix64():
    golden = 0x9E3779B97F4A7C15 - 2**64
    ours = mixed(torch.arange(1, 6) * golden + 12345)
    assert [number % 2**64 for number in ours.tolist()] == splitmix(12345, 5)
    assert splitmix(0, 1) == [0xE220A8397B1DCDAF]  # the published first number of seed 0


def test_an_image_has_its_numbers_in_any_batch_and_order():
    whole = Streams(3, range(10), CPU)
    part = Streams(3, [7, 2], CPU)
    for kind in ("uniform", "normal", "signs"):
        ours = getattr(whole, kind)(70, 1, 2)
        assert torch.equal(getattr(part, kind)(70, 1, 2), ours[[7, 2]])
        assert torch.equal(getattr(whole.only(torch.tensor([7, 2])), kind)(70, 1, 2), ours[[7, 2]])


def test_seeds_images_and_paths_have_numbers_of_their_own():
    found = [Streams(seed, range(50), CPU).words(4, *path) for seed in (1, 2)
             for path in ((), (0,), (1,), (0, 1), (1, 0))]  # fmt: skip
    numbers = torch.cat(found).flatten()
    assert len(numbers.unique()) == len(numbers)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_uniform_numbers_fill_their_range_evenly(dtype):
    drawn = Streams(1, range(100), CPU, dtype).uniform(1000, 0)
    assert drawn.dtype == dtype
    assert drawn.min() >= 0
    assert drawn.max() < 1
    counts = torch.histc(drawn.float(), 10, 0, 1) / drawn.numel()
    assert (counts - 0.1).abs().max() < 5 * (0.09 / drawn.numel()) ** 0.5  # 5 deviations


def test_normal_numbers_have_mean_0_variance_1_and_the_right_tails():
    drawn = Streams(1, range(100), CPU, torch.float64).normal(1001, 0)
    count = drawn.numel()
    assert abs(drawn.mean()) < 5 / count**0.5
    assert abs(drawn.var() - 1) < 5 * (2 / count) ** 0.5
    assert abs((drawn.abs() > 1.96).double().mean() - 0.05) < 5 * (0.05 / count) ** 0.5


def test_signs_are_fair_and_independent_of_those_beside_them():
    drawn = Streams(1, range(100), CPU).signs(1001, 0)
    count = drawn.numel()
    assert set(drawn.unique().tolist()) == {-1, 1}
    assert abs(drawn.mean()) < 5 / count**0.5
    assert abs((drawn[:, 1:] * drawn[:, :-1]).mean()) < 5 / count**0.5
    assert abs((drawn[1:] * drawn[:-1]).mean()) < 5 / count**0.5  # of two images


def test_rows_of_signs_do_not_depend_on_where_they_are_cut():
    streams = Streams(1, range(3), CPU)
    whole = streams.rows_of_signs(0, 10, 70, 4)
    parts = [streams.rows_of_signs(first, rows, 70, 4) for first, rows in ((0, 3), (3, 7))]
    assert torch.equal(torch.cat(parts, dim=1), whole)
    assert torch.equal(whole[:, 0], streams.signs(70, 4))


def test_whole_numbers_take_each_value():
    drawn = whole(Streams(1, range(100), CPU).uniform(10, 0), 3)
    assert drawn.unique().tolist() == [0, 1, 2]
