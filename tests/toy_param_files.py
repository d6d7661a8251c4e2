"""Param-files of runs in seconds: the skeletons' model "tiny" on their data, "stripes"."""

from collections.abc import Mapping

_PARAM_FILE = """\
study: scale
seeds: 1-2

dataset: {{name: stripes, size: 12}}
model: {{name: tiny, channels: {channels}}}
training:
  epochs: 2
  batch_size: 16
  optimizer: {{name: adam, learning_rate: 1.0e-2}}

evaluations: [accuracy]
resources: {{gpu: 0, cpus: 1, runtime: 5m, memory: 1GB, seeds_per_job: 2}}
"""


def param_file(channels: int = 4, replaced: Mapping[str, str] | None = None) -> str:
    """The text of a param-file.

    Args:
        channels: of the model.
        replaced: what stands in it, and what is to stand there.
    """
    text = _PARAM_FILE.format(channels=channels)
    for old, new in (replaced or {}).items():
        assert old in text, f"a toy param-file does not hold {old!r}"
        text = text.replace(old, new)
    return text
