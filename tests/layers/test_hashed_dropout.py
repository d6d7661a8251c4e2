"""Dropout by places: the same in parts and whole, with the share that is asked for."""

import torch
from torch import nn

from isotrope.layers.hashed_dropout import dropped, key_of
from isotrope.training.dropout import KeyedDropout


def test_parts_lose_what_the_whole_loses():
    values, key = torch.rand(40, 3, 5), torch.tensor(12345)
    rows = torch.arange(40)

    whole = dropped(values, rows, key, 0.3)

    parts = [dropped(values[rows], rows, key, 0.3) for rows in rows.split(7)]
    assert torch.equal(torch.cat(parts), whole)
    kept = whole != 0
    torch.testing.assert_close(whole[kept], values[kept] / 0.7)
    assert abs(kept.double().mean() - 0.7) < 5 * (0.3 * 0.7 / kept.numel()) ** 0.5


def test_a_module_gives_a_key_for_each_run_and_none_where_it_drops_nothing():
    keyed = KeyedDropout(0.5, 3).train()
    like = torch.zeros(1)

    assert key_of(keyed, like) != key_of(keyed, like)
    assert 0 <= key_of(nn.Dropout(0.5).train(), like) < 2**32
    assert key_of(keyed.eval(), like) is None
    assert key_of(nn.Dropout(0.0).train(), like) is None


def test_a_share_of_all_leaves_nothing():
    values, rows = torch.ones(4, 3), torch.arange(4)
    assert torch.equal(dropped(values, rows, torch.tensor(7), 1.0), torch.zeros(4, 3))
