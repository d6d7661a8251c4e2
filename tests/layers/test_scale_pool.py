import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import vmap

from isotrope.layers import ScalePool

MODES = ["pixel", "slice", "energy"]
seeds = st.integers(0, 2**31)


def maps(seed=0, shape=(2, 3, 4, 5, 6)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def chosen(values, indices, mode):
    """What a pool returns according to its indices, one channel of one image at a time."""
    pooled = values.new_empty(values.shape[:2] + values.shape[3:])
    for n in range(values.shape[0]):
        for c in range(values.shape[1]):
            if mode != "pixel":
                pooled[n, c] = values[n, c, indices[n, c]]
                continue
            for y in range(values.shape[3]):
                for x in range(values.shape[4]):
                    pooled[n, c, y, x] = values[n, c, indices[n, c, y, x], y, x]
    return pooled


@pytest.mark.parametrize("mode", MODES)
@given(seed=seeds)
def test_the_indices_say_which_scale_the_values_are_from(mode, seed):
    pool, values = ScalePool(mode), maps(seed)

    pooled = pool(values)

    assert pool.indices.dtype == torch.int64
    assert torch.equal(pooled, chosen(values, pool.indices, mode))


@given(seed=seeds)
def test_pixel_takes_the_largest_value_at_each_pixel(seed):
    values = maps(seed)
    assert torch.equal(ScalePool("pixel")(values), values.amax(dim=2))


@given(seed=seeds)
def test_slice_takes_the_map_that_holds_the_largest_value(seed):
    values = maps(seed)
    pooled = ScalePool("slice")(values)
    assert torch.equal(pooled.amax(dim=(2, 3)), values.amax(dim=(2, 3, 4)))


@given(seed=seeds)
def test_energy_takes_the_map_with_the_largest_signed_sum(seed):
    values = maps(seed)
    sums = ScalePool("energy")(values).sum(dim=(2, 3))
    torch.testing.assert_close(sums, values.sum(dim=(3, 4)).amax(dim=2), rtol=0, atol=1e-12)


def test_energy_prefers_an_empty_map_to_a_negative_one():
    values = -torch.ones(1, 1, 3, 2, 2)
    values[:, :, 2] = 0
    pool = ScalePool("energy")

    assert (pool(values) == 0).all()
    assert pool.indices.item() == 2


@pytest.mark.parametrize("mode", MODES)
def test_the_smallest_scale_wins_a_tie(mode):
    pool = ScalePool(mode)
    pool(torch.ones(2, 3, 4, 5, 6))
    assert (pool.indices == 0).all()


@pytest.mark.parametrize("mode", MODES)
def test_gradients_reach_the_chosen_values_only(mode):
    pool, values = ScalePool(mode), maps().requires_grad_()

    pool(values).sum().backward()

    ones = torch.ones(2, 3, 1, 5, 6).double()
    at = pool.indices[:, :, None] if mode == "pixel" else pool.indices[:, :, None, None, None]
    expected = torch.zeros_like(values).scatter(2, at.expand_as(ones), ones)
    assert torch.equal(values.grad, expected)
    assert torch.autograd.gradcheck(pool, values, check_batched_grad=True)


@pytest.mark.parametrize("mode", MODES)
def test_under_vmap_the_values_are_the_same_and_no_indices_are_kept(mode):
    pool, stack = ScalePool(mode), torch.stack([maps(seed) for seed in range(3)])
    alone = torch.stack([pool(values) for values in stack])

    together = vmap(pool)(stack)

    assert torch.equal(together, alone)
    assert pool.indices is None
    copy.deepcopy(pool)  # fails on a tensor that belongs to a transform


@pytest.mark.parametrize("mode", MODES)
def test_under_vmap_a_hook_of_the_choice_sees_the_indices(mode):
    pool, stack, seen = ScalePool(mode), torch.stack([maps(seed) for seed in range(3)]), []
    alone = []
    for values in stack:
        pool(values)
        alone.append(pool.indices)
    pool.choice.register_forward_hook(lambda part, given, indices: seen.append(indices))

    def chosen_by(values):
        pool(values)
        return seen.pop()

    assert torch.equal(vmap(chosen_by)(stack), torch.stack(alone))


@pytest.mark.parametrize("mode", MODES)
def test_a_compiled_pool_is_one_graph_with_the_same_values(mode):
    pool = ScalePool(mode)
    compiled = torch.compile(ScalePool(mode), backend="eager", fullgraph=True)

    for seed in range(2):
        assert torch.equal(compiled(maps(seed)), pool(maps(seed)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_type_of_the_maps_is_kept(mode, dtype):
    assert ScalePool(mode)(maps().to(dtype)).dtype == dtype


def test_without_a_mode_it_pools_pixels_as_the_published_layer_does():
    assert torch.equal(ScalePool()(maps()), maps().amax(dim=2))


def test_unknown_modes_and_other_maps_are_refused():
    with pytest.raises(ValueError, match="unknown mode 'voxel'; choose from pixel, slice, energy"):
        ScalePool("voxel")
    with pytest.raises(ValueError, match="unknown statistic 'norm'; choose from signed_sum, val"):
        ScalePool("energy", statistic="norm")
    with pytest.raises(ValueError, match="knows 2 frames, got maps of 4 scales"):
        ScalePool("energy", statistic="valid_mean", frames=[0, 1])(maps(shape=(1, 2, 4, 9, 9)))
    with pytest.raises(ValueError, match="got 4 dimensions"):
        ScalePool("pixel")(torch.zeros(1, 2, 3, 4))


@pytest.mark.parametrize("statistic", ["valid_mean", "valid_mean_square"])
def test_a_frame_is_as_wide_as_the_number_of_its_scale_where_nothing_else_is_said(statistic):
    given = maps(shape=(2, 3, 4, 11, 11))
    for scale in range(1, 4):  # what lies in the frames would decide, if it counted
        frame = torch.ones(11, 11, dtype=torch.bool)
        frame[scale:-scale, scale:-scale] = False
        given[:, :, scale, frame] = 1000.0 * scale
    usual, said = (
        ScalePool("energy", statistic=statistic, frames=frames) for frames in (None, range(4))
    )
    assert torch.equal(usual(given), said(given))
    assert torch.equal(usual.indices, said.indices)
    inside = [given[:, :, i, i : 11 - i, i : 11 - i].flatten(-2) for i in range(4)]
    power = 2 if statistic == "valid_mean_square" else 1
    best = torch.stack([one.pow(power).mean(dim=-1) for one in inside], dim=-1).argmax(dim=-1)
    assert torch.equal(usual.indices, best)
