"""What a log-polar convolution has to do, besides maps and weights."""

from typing import NamedTuple

from isotrope.layers.log_polar_bank import Bank
from isotrope.layers.log_polar_pooling import Pooling
from isotrope.layers.log_polar_sampling import Site


class Job(NamedTuple):
    """Settings of both passes, hashable.

    Args:
        bank: what is seen of the maps.
        site: which pixels are centres.
        pooling: which responses remain.
    """

    bank: Bank
    site: Site
    pooling: Pooling
