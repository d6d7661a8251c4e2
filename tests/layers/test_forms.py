import torch

from isotrope.layers import forms


def test_a_cpu_takes_small_operations_unless_it_is_to_compute_as_a_gpu():
    here = torch.zeros(1)
    assert not forms.few_launches(here)
    assert forms.numbers_at_once(here, on_a_cpu=7) == 7

    with forms.like_a_gpu(), forms.memory(1000), forms.stacked(25):
        assert forms.few_launches(here)
        assert forms.numbers_at_once(here, on_a_cpu=7) == 40
    assert not forms.few_launches(here)
