"""A param-file that is right, and what is said of changed ones."""

import pytest

from isotrope.errors import UserError
from isotrope.params.param_file import read_all

GOOD = """\
study: scale
seeds: 1-3

dataset:
  name: stir
  task: emoji
  scenario: mid2rest

model:
  name: standard

training:
  epochs: 2
  batch_size: 16
  optimizer: {name: adam, learning_rate: 1e-3}
  early_stopping: {patience: 10}

evaluations: [accuracy, scale_generalization]
"""
NAME = "standard/stir_emoji/mine"


def write(folder, text=GOOD, name=NAME + ".yaml"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def sentences(folder):
    with pytest.raises(UserError) as error:
        read_all(folder)
    return [s.replace(str(folder), "param-files") for s in error.value.sentences]


def changed(*pairs):
    text = GOOD
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def digest(folder, *pairs):
    write(folder, changed(*pairs))
    (run,) = read_all(folder)
    return run.points[0].digest
