"""Seeds as event files of TensorBoard, a folder for each, made anew whenever anything changed.

The same seed gives the same bytes, so that a folder is replaced only if its content is another.
Beside the curves stand the settings, for TensorBoard's page of hyperparameters.
"""

import hashlib
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from isotrope import paths
from isotrope.files import disk, regular
from isotrope.tracking.seeds import AT_THE_END, BY_EPOCH, TrackedSeed, Value

FOLDER = paths.TRACKING / "tensorboard"


@contextmanager
def opened() -> Iterator["TensorboardEvents"]:
    """A writer of event files."""
    disk.remove_parts(FOLDER)
    yield TensorboardEvents()


class TensorboardEvents:
    """Writes seeds; made by ``opened``."""

    look = f"tensorboard --logdir {FOLDER}"

    def put(self, seed: TrackedSeed) -> tuple[str, dict[str, Any]]:
        """Write the events of a seed, unless they are there.

        Returns:
            ``new``, ``brought up to date`` or ``as before``, and the folder.

        Raises:
            UserError: if the folder cannot be written.
        """
        folder = paths.events(seed.run, seed.point, seed.seed)
        content = _content(seed)
        name = hashlib.sha256(content).hexdigest()[:16]
        path = folder / f"events.out.tfevents.{seed.finished:.0f}.{name}"
        entry = {"events": folder.as_posix()}
        was_there = folder.exists()
        if was_there and [*folder.iterdir()] == [path] and regular.read_bytes(path) == content:
            return "as before", entry
        new, old = disk.part_of(FOLDER), disk.part_of(FOLDER)  # outside of what TensorBoard reads
        with disk.named_errors(folder, "written"):
            try:
                new.mkdir(parents=True)
                folder.parent.mkdir(parents=True, exist_ok=True)
                disk.write_synced(new / path.name, content)
                if was_there:
                    folder.rename(old)
                new.rename(folder)
            finally:
                for part in (new, old):
                    shutil.rmtree(part, ignore_errors=True)
        return "brought up to date" if was_there else "new", entry


def _content(seed: TrackedSeed) -> bytes:
    """The event file of a seed."""
    settings = {key: value for key, value in seed.parameters.items() if key != "seed"}
    # the seeds of a point are one trial, of which TensorBoard shows the mean
    trial = hparams_pb(settings, f"{seed.run}, {seed.point}", seed.started)
    packed = trial.value[0].metadata.plugin_data
    in_order = HParamsPluginData.FromString(packed.content)  # else settings come in any order
    packed.content = in_order.SerializeToString(deterministic=True)
    events = [
        Event(wall_time=seed.started, file_version="brain.Event:2"),
        Event(wall_time=seed.started, summary=trial),
        *(
            Event(
                wall_time=one.time,
                step=one.step,
                summary=Summary(value=[Summary.Value(tag=_tag(part, one), simple_value=one.value)]),
            )
            for part, values in seed.values.items()
            for one in values
        ),
    ]
    file = io.BytesIO()
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
    return file.getvalue()


def _tag(part: str, value: Value) -> str:
    """A name under which TensorBoard shows what belongs together side by side."""
    above = {BY_EPOCH: "training/", AT_THE_END: "trained/"}
    return f"{above.get(part, '')}{value.name}"
