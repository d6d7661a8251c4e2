"""Attacks on any classifier: the worst images within reach of those that are given.

They need a network, images and labels, and no run, data set or param-file. What is drawn for an
image follows from the seed and its number alone, so that a seed gives the same attack again in any
batch.
"""

from isotrope.attacks.apgd import apgd
from isotrope.attacks.attacked import Attacked
from isotrope.attacks.framing import resized, zero_padded
from isotrope.attacks.minimal_norm import minimal_norm
from isotrope.attacks.pgd import pgd
from isotrope.attacks.spatial import Posed, spatial
from isotrope.attacks.spsa import spsa
from isotrope.attacks.square import square
from isotrope.attacks.victim import Victim

__all__ = [
    "Attacked",
    "Posed",
    "Victim",
    "apgd",
    "minimal_norm",
    "pgd",
    "resized",
    "spatial",
    "spsa",
    "square",
    "zero_padded",
]
