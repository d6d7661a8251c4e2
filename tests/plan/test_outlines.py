"""What of a module counts where its import alone does."""

import ast

import pytest

from isotrope.plan.outlines import digest_of_outline

MODULE = """
from torch import nn
from typing import Literal
Mode = Literal["a", "b"]
TABLE = made(3)
apply = Called.apply
MAKER = Made()
later = [lambda: deferred()]


def plain(x: Typed = given()) -> Typed:
    def inside():
        return 1
    return x


async def waiting():
    return 2


def made(n):
    return helper(n)


def helper(n):
    return 3


def given():
    return 4


def deferred():
    return 5


def mark(f):
    return 6


@mark
def marked():
    return 7


class Made:
    def __init__(self):
        self.fill()
    def fill(self):
        return 8


class Typed:
    def value(self):
        return 9


class Called:
    def apply(self):
        return 10


class Layer(nn.Module, Typed):
    size: int = 11
    again = plain_again()
    def forward(self, x, of=12):
        return 13


def plain_again():
    return 14
"""


def digest(text):
    return digest_of_outline(ast.parse(text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 1\n", "return 0\n"),
        ("return x", "return -x"),
        ("return 2", "pass"),
        ("return 7", "return -7"),
        ("return 9", "return -9"),
        ("return 13", "# a comment\n        0"),
    ],
)
def test_bodies_that_the_import_does_not_run_do_not_count(old, new):
    assert old in MODULE
    assert digest(MODULE.replace(old, new)) == digest(MODULE)


@pytest.mark.parametrize("number", [3, 4, 5, 6, 8, 10, 14])
def test_bodies_that_the_import_may_run_count(number):
    assert digest(MODULE.replace(f"return {number}\n", "return 0\n")) != digest(MODULE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"a", "b"', '"a"'),
        ("size: int = 11", "size: int = 12"),
        ("size: int", "size: float"),
        ("of=12", "of=13"),
        ("self, x, of", "self, y, of"),
        ("def waiting", "def waited"),
        ("async def waiting", "def waiting"),
        ("@mark\n", ""),
        ("nn.Module, Typed", "nn.Module"),
        ("from torch import nn", "from torch import nn, fx"),
        (") -> Typed", ") -> Made"),
    ],
)
def test_names_types_constants_and_signatures_count(old, new):
    assert old in MODULE
    assert digest(MODULE.replace(old, new)) != digest(MODULE)
