"""Param-files that say what a param-file could say at commit 460f702, beyond the shipped ones."""

from pathlib import Path

BASE = """\
study: spelling
seeds: 1-2
dataset: {{name: stir, task: emoji, source: embedded, scenario: mid2rest{dataset}}}
model: {{{model}}}
training:
  epochs: 3
  batch_size: 16
  optimizer: {{name: adam, learning_rate: 1.0e-3{optimizer}}}
{training}
{sweep}
evaluations: [{evaluations}]
"""
STANDARD = {
    "dataset": "",
    "model": "name: standard",
    "optimizer": "",
    "training": "",
    "sweep": "",
    "evaluations": "accuracy",
}
SPELLINGS = {
    "standard/all/plain": {},
    "standard/all/defaults_written": {
        "model": "name: standard, kernel_size: 7",
        "training": """\
  reshuffle: false
  precision: float32
  deterministic: true
  compile: false
  early_stopping: null
  augmentation: null""",
        "optimizer": ", schedule: null",
    },
    "standard/all/everything_else": {
        "model": "name: standard, kernel_size: 5",
        "optimizer": ", schedule: {name: step, every: 2}",
        "training": """\
  reshuffle: true
  precision: tf32
  deterministic: false
  compile: true
  early_stopping: {patience: 3, by: validation_accuracy}
  augmentation: {name: scale_jitter, largest: 1.5}""",
    },
    "standard/all/reshuffled": {"training": "  reshuffle: true"},
    "standard/all/bfloat16": {"training": "  precision: bfloat16"},
    "standard/all/stopped": {"training": "  early_stopping: {patience: 2}"},
    "standard/all/jittered": {"training": "  augmentation: {name: scale_jitter, largest: 2}"},
    "standard/all/step": {"optimizer": ", schedule: {name: step, factor: 0.5, every: 1}"},
    "standard/all/step_default_factor": {
        "optimizer": ", schedule: {name: step, factor: 0.1, every: 1}"
    },
    "standard/all/plateau": {"optimizer": ", schedule: {name: plateau, patience: 4}"},
    "standard/all/plateau_by_half": {
        "optimizer": ", schedule: {name: plateau, patience: 4, factor: 0.5}"
    },
    "standard/all/cosine": {"optimizer": ", schedule: {name: cosine}"},
    "standard/all/cosine_to_a_tenth": {"optimizer": ", schedule: {name: cosine, final: 0.1}"},
    "standard/all/swept": {
        "sweep": """\
sweep:
  training.optimizer.learning_rate: [1.0e-2, 1.0e-3]
  training.reshuffle: [false, true]
  model.kernel_size: [7, 9]
select: {statistic: mean, seeds: 1, ties: first}"""
    },
    "standard/all/swept_blocks": {
        "optimizer": ", schedule: {name: step, every: 2}",
        "training": "  augmentation: {name: scale_jitter, largest: 2}",
        "sweep": """\
sweep:
  training.augmentation.largest: [1.5, 3]
  training.optimizer.schedule.factor: [0.1, 0.2]
  dataset.scenario: [mid2rest, all2all]""",
    },
    "pixel_pool/all/evaluations": {
        "model": "name: pixel_pool, sizes: logarithmic, frame: excluded, interpolation: nearest",
        "evaluations": """
  accuracy,
  {name: accuracy, as: elsewhere,
   dataset: {name: stir, task: emoji, scenario: all2all}},
  {name: scale_generalization, as: by_size},
  {name: index_correlation, illustrated_class: 3},
  {name: scale_equivariance, pairs: [[17, 34]]},
""",
    },
    "energy_pool/all/valid_mean": {"model": "name: energy_pool, statistic: valid_mean"},
}


def write(folder: Path) -> None:
    """Write every one of them below ``folder``."""
    for name, said in SPELLINGS.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(BASE.format(**STANDARD | said), encoding="utf-8")
