"""Attacks on any classifier: the worst images within reach of those that are given.

They need a network, images and labels, and no run, data set or param-file. What is drawn for an
image follows from the seed and its number alone, so that a seed gives the same attack again in any
batch.
"""

from isotrope.attacks.attacked import Attacked
from isotrope.attacks.pgd import pgd
from isotrope.attacks.victim import Victim

__all__ = ["Attacked", "Victim", "pgd"]
